//! Who may call: when asked for, only clients with a certificate of one authority, and of certain names.
//!
//! # Security note
//! A client that is not let in fails in the handshake, before a byte of a review is read. Sessions are not resumed:
//! each connection is checked by the authority and the names of that moment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError as Refusal, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use x509_parser::extensions::GeneralName;

use super::CertificateError;
use crate::server::files;

/// Which clients may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// PEM file of the authorities that sign their certificates; read again when it changes.
    pub authority: PathBuf,
    /// Names of which a certificate must hold one, as its common name or a DNS name; none, and any will do.
    pub names: Vec<String>,
}

/// Checks clients.
#[derive(Debug)]
pub(super) struct ClientAuth {
    clients: Clients,
    verifier: ArcSwap<Verifier>,
}

/// An `ArcSwap` holds no trait object.
#[derive(Debug)]
struct Verifier {
    content: files::Content,
    inner: Arc<dyn ClientCertVerifier>,
}

impl ClientAuth {
    pub(super) fn load(clients: Clients) -> Result<Arc<Self>, CertificateError> {
        let verifier = ArcSwap::from_pointee(Verifier::load(&clients.authority)?);
        Ok(Arc::new(Self { clients, verifier }))
    }

    /// Reads the authority again, where its file has changed. Whether it had.
    pub(super) fn renew(&self) -> Result<bool, CertificateError> {
        let path = &self.clients.authority;
        if files::read(&[path])? == self.verifier.load().content {
            return Ok(false);
        }
        self.verifier.store(Arc::new(Verifier::load(path)?));
        Ok(true)
    }

    fn has_name(&self, certificate: &CertificateDer<'_>) -> bool {
        let names = &self.clients.names;
        if names.is_empty() {
            return true;
        }
        let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
            return false;
        };
        let wanted = |name: &str| names.iter().any(|wanted| wanted == name);
        let common = parsed.subject().iter_common_name().any(|cn| cn.as_str().is_ok_and(wanted));
        common
            || parsed.subject_alternative_name().ok().flatten().is_some_and(|extension| {
                extension
                    .value
                    .general_names
                    .iter()
                    .any(|general| matches!(general, GeneralName::DNSName(name) if wanted(name)))
            })
    }
}

impl Verifier {
    fn load(path: &Path) -> Result<Self, CertificateError> {
        let content = files::read(&[path])?;
        let failed =
            |reason: String| CertificateError::ClientAuthority { path: path.to_owned(), reason };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&content[path]) {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(failed("no certificate in it".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let inner = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { content, inner })
    }
}

impl ClientCertVerifier for ClientAuth {
    /// No hints: they would have to outlive a change of the authority, and clients send what they have.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verifier = self.verifier.load();
        let valid = verifier.inner.verify_client_cert(end_entity, intermediates, now)?;
        if self.has_name(end_entity) {
            Ok(valid)
        } else {
            Err(Error::InvalidCertificate(Refusal::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.load().inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.load().inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.load().inner.supported_verify_schemes()
    }
}
