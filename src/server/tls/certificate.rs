//! A certificate and its key, checked before either is served.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::server::files::ReadError;

/// Why a certificate cannot be served. Each names the file and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The chain is not PEM.
    #[error("{}: {reason}: --tls-cert takes a PEM file with the certificate first, then its issuers", path.display())]
    Chain {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key cannot be read.
    #[error("{}: {reason}: --tls-key takes a PEM file with one unencrypted private key (PKCS#8, PKCS#1 or SEC1)", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The two do not belong together.
    #[error("{}: the key is not the one of the certificate in {}: give the pair that was issued together", key.display(), certificate.display())]
    Mismatch {
        /// The chain's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The authority of clients cannot be used.
    #[error("{}: {reason}: --tls-client-ca takes a PEM file with the certificates of the authorities that clients' are signed by", path.display())]
    ClientAuthority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No certificate could be made.
    #[error("cannot make a self-signed certificate: {0}: check the names given with --tls-san")]
    SelfSigned(String),
}

/// A certificate that can be served.
#[derive(Debug)]
pub struct Certificate {
    pub(super) key: CertifiedKey,
    /// When the leaf expires, in seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// Reads a chain and its key from PEM, and checks that they belong together.
    pub fn from_pem(
        (chain_path, chain): (&Path, &[u8]),
        (key_path, key): (&Path, &[u8]),
    ) -> Result<Self, CertificateError> {
        let chain_error =
            |reason: String| CertificateError::Chain { path: chain_path.to_owned(), reason };
        let key_error =
            |reason: String| CertificateError::Key { path: key_path.to_owned(), reason };
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| chain_error(error.to_string()))?;
        if certificates.is_empty() {
            return Err(chain_error("no certificate in it".to_owned()));
        }
        let not_after = not_after(&certificates[0]).map_err(&chain_error)?;
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|error| key_error(error.to_string()))?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
            .map_err(|error| key_error(error.to_string()))?;
        let key = CertifiedKey::new(certificates, key);
        match key.keys_match() {
            Ok(()) => Ok(Self { key, not_after }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(CertificateError::Mismatch {
                certificate: chain_path.to_owned(),
                key: key_path.to_owned(),
            }),
            Err(error) => Err(chain_error(error.to_string())),
        }
    }
}

/// When a certificate expires, in seconds since 1970.
pub(super) fn not_after(certificate: &CertificateDer<'_>) -> Result<i64, String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|error| format!("not an X.509 certificate ({error})"))?;
    Ok(parsed.validity().not_after.timestamp())
}
