//! What is read out of PEM: validity, names, and who signed what.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::X509Certificate;

/// A certificate and when it holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    der: Vec<u8>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({} to {})", self.not_before, self.not_after)
    }
}

/// A certificate with its key, both as the PEM that is stored.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) certificate: Certificate,
    pub(super) chain: String,
    pub(super) key: String,
}

impl std::fmt::Debug for Pair {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pair({:?})", self.certificate)
    }
}

impl Certificate {
    fn new(der: Vec<u8>) -> Result<Self, String> {
        let parsed = parse(&der)?;
        let time = |seconds: i64| {
            Timestamp::from_second(seconds).map_err(|_| "its validity is no time".to_owned())
        };
        let not_before = time(parsed.validity().not_before.timestamp())?;
        let not_after = time(parsed.validity().not_after.timestamp())?;
        Ok(Self { der, not_before, not_after })
    }

    /// All certificates of a PEM text, at least one.
    pub(super) fn all(pem: &str) -> Result<Vec<Self>, String> {
        let found: Vec<Self> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .map(|der| Self::new(der.map_err(|error| error.to_string())?.to_vec()))
            .collect::<Result<_, _>>()?;
        if found.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(found) }
    }

    /// The PEM of this certificate.
    pub(super) fn pem(&self) -> String {
        let text = STANDARD.encode(&self.der);
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = tail;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    /// Whether it has ended at `now`.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.not_after <= now
    }

    /// Whether it names `authority` and its key as who signed it. The signature itself is for clients to check:
    /// both stand in Secrets that nobody else writes.
    pub(super) fn is_signed_by(&self, authority: &Self) -> bool {
        let (Ok(this), Ok(authority)) = (parse(&self.der), parse(&authority.der)) else {
            return false;
        };
        let key = this.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                id.key_identifier.as_ref().map(|id| id.0)
            }
            _ => None,
        });
        let signer =
            authority.iter_extensions().find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
                _ => None,
            });
        this.issuer() == authority.subject() && key.is_some() && key == signer
    }

    /// The common name of its subject.
    pub(super) fn common_name(&self) -> Option<String> {
        let parsed = parse(&self.der).ok()?;
        let name = parsed.subject().iter_common_name().next()?.as_str().ok()?;
        Some(name.to_owned())
    }

    /// Whether it holds for all of `names`.
    pub(super) fn holds_for(&self, names: &[String]) -> bool {
        let Ok(parsed) = parse(&self.der) else { return false };
        let Ok(Some(extension)) = parsed.subject_alternative_name() else { return false };
        let has = |name: &String| {
            extension.value.general_names.iter().any(|general| match general {
                GeneralName::DNSName(dns) => dns == name,
                GeneralName::IPAddress(bytes) => name.parse::<IpAddr>().is_ok_and(|ip| match ip {
                    IpAddr::V4(ip) => ip.octets() == **bytes,
                    IpAddr::V6(ip) => ip.octets() == **bytes,
                }),
                _ => false,
            })
        };
        names.iter().all(has)
    }
}

impl Pair {
    /// Reads a pair, and checks that the two belong together.
    pub(super) fn read(chain: &str, key: &str) -> Result<Self, String> {
        let certificate = Certificate::all(chain)?.swap_remove(0);
        let pair = KeyPair::from_pem(key).map_err(|error| format!("its key: {error}"))?;
        let parsed = parse(&certificate.der)?;
        if parsed.public_key().raw != pair.subject_public_key_info() {
            return Err("the key is not the one of the certificate".to_owned());
        }
        Ok(Self { certificate, chain: chain.to_owned(), key: key.to_owned() })
    }
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    x509_parser::parse_x509_certificate(der)
        .map(|(_, parsed)| parsed)
        .map_err(|error| format!("not an X.509 certificate ({error})"))
}
