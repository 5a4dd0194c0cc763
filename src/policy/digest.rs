//! Digests as podgate writes them.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// `sha256:` and the digest of `bytes` in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        // Writing to a `String` cannot fail.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}
