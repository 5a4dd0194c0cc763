//! Signed checkpoints: who holds the key vouches for the chain up to there, and whoever cuts it off behind cannot make
//! an earlier end look like the last one.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::PKCS_ED25519;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410).
const SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAKey(String);

/// The private key that signs checkpoints.
pub struct Signer(Ed25519KeyPair);

impl fmt::Debug for Signer {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public_key())
    }
}

impl Signer {
    /// A new private key, as PEM (PKCS #8).
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn generate() -> Result<String, NotAKey> {
        let key = rcgen::KeyPair::generate_for(&PKCS_ED25519);
        key.map(|key| key.serialize_pem()).map_err(|error| NotAKey(error.to_string()))
    }

    /// Reads a private key from PEM.
    ///
    /// # Errors
    /// Where it holds no Ed25519 key in PKCS #8.
    pub fn from_pem(pem: &[u8]) -> Result<Self, NotAKey> {
        let advice = "make one with: openssl genpkey -algorithm ed25519";
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|error| {
            NotAKey(format!("holds no private key in PKCS #8 ({error}): {advice}"))
        })?;
        // OpenSSL writes the private key alone.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
            .map(Self)
            .map_err(|error| NotAKey(format!("holds no Ed25519 key ({error}): {advice}")))
    }

    /// Signs a text.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        STANDARD.encode(self.0.sign(text.as_bytes()))
    }

    /// The public key that belongs to it.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let mut key = [0; 32];
        let bytes = self.0.public_key().as_ref();
        if bytes.len() == key.len() {
            key.copy_from_slice(bytes);
        }
        PublicKey(key)
    }
}

/// The public key that checks signatures, written in base 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl PublicKey {
    /// Reads a key: PEM with a public or a private key, or the base 64 of a checkpoint.
    ///
    /// # Errors
    /// Where it is none of them.
    pub fn read(text: &str) -> Result<Self, NotAKey> {
        if text.contains("PRIVATE KEY") {
            return Signer::from_pem(text.as_bytes()).map(|signer| signer.public_key());
        }
        let bytes = if text.contains("PUBLIC KEY") {
            SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes())
                .ok()
                .and_then(|der| der.strip_prefix(&SPKI_PREFIX).map(<[u8]>::to_vec))
        } else {
            STANDARD.decode(text.trim()).ok()
        };
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| {
            NotAKey("must be an Ed25519 key, as PEM or as it stands in a checkpoint".to_owned())
        })
    }

    /// Whether `signature` is one of this key over `text`.
    #[must_use]
    pub fn has_signed(&self, text: &str, signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        UnparsedPublicKey::new(&ED25519, self.0).verify(text.as_bytes(), &signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_known_again_and_nothing_else() {
        let pem = Signer::generate().unwrap();
        let signer = Signer::from_pem(pem.as_bytes()).unwrap();
        let key = signer.public_key();
        let signature = signer.sign("text");
        assert!(key.has_signed("text", &signature));
        assert!(!key.has_signed("texts", &signature));
        assert!(!key.has_signed("text", "none"));
        let other = Signer::from_pem(Signer::generate().unwrap().as_bytes()).unwrap();
        assert!(!other.public_key().has_signed("text", &signature));
        assert_eq!(PublicKey::read(&pem), Ok(key));
        assert_eq!(PublicKey::read(&format!("{key}\n")), Ok(key));
        assert!(!format!("{signer:?}").contains("PRIVATE"));
    }

    #[test]
    fn keys_of_openssl_are_read() {
        // openssl genpkey -algorithm ed25519; openssl pkey -pubout
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAqdG5/fUAzMkWumAcpnKMCzVOADdfibAUjMbJFgwh5T\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAjXef9XHajTK57firDt3X8DA0do61icNxRCQWefMYxfI=\n-----END PUBLIC KEY-----\n";
        let signer = Signer::from_pem(private.as_bytes()).unwrap();
        assert_eq!(PublicKey::read(public), Ok(signer.public_key()));
    }

    #[test]
    fn another_algorithm_is_refused_with_what_would_be_right() {
        let ecdsa = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for wrong in [ecdsa.as_str(), "", "key"] {
            let error = Signer::from_pem(wrong.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("openssl genpkey -algorithm ed25519"), "{error}");
            assert!(PublicKey::read(wrong).is_err());
        }
    }
}
