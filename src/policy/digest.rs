//! Digests as podgate writes them.

use sha2::{Digest as _, Sha256};

/// `sha256:` and the digest of `bytes` in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", base16ct::lower::encode_string(&Sha256::digest(bytes)))
}
