//! Certificates for one test run.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

const DAY: Duration = Duration::from_hours(24);

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// A certificate authority that lives as long as the test run.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
    /// The authority's own certificate, as PEM.
    pub(crate) pem: String,
}

impl Authority {
    /// Makes an authority whose certificates are written to `folder`, its own to `ca.crt`.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let mut params = params("podgate-e2e")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        fs::write(folder.join("ca.crt"), &pem)?;
        Ok(Self { issuer: Issuer::new(params, key), folder: folder.to_owned(), pem })
    }

    /// Where the authority's own certificate is.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// A certificate for a server on this machine.
    pub(crate) fn server(&self, name: &str) -> Result<Pair> {
        self.server_at(name, &[Ipv4Addr::LOCALHOST], &["localhost"])
    }

    /// A certificate for a server at `addresses` and `names`.
    pub(crate) fn server_at(
        &self,
        name: &str,
        addresses: &[Ipv4Addr],
        names: &[&str],
    ) -> Result<Pair> {
        let mut params = params(name)?;
        let addresses = addresses.iter().map(|address| SanType::IpAddress(IpAddr::V4(*address)));
        params.subject_alt_names = addresses.collect();
        for name in names {
            params.subject_alt_names.push(SanType::DnsName((*name).try_into()?));
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(name, &params)
    }

    /// A certificate that holds for `names` on both sides of a connection.
    pub(crate) fn peer(&self, name: &str, names: &[&str]) -> Result<Pair> {
        let mut params = params(name)?;
        for name in names {
            params.subject_alt_names.push(SanType::DnsName((*name).try_into()?));
        }
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(name, &params)
    }

    /// A certificate that makes its holder the user `name` of `group`, or of none where that is empty.
    pub(crate) fn client(&self, name: &str, group: &str) -> Result<Pair> {
        let mut params = params(name)?;
        if !group.is_empty() {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(name, &params)
    }

    fn sign(&self, name: &str, params: &CertificateParams) -> Result<Pair> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let pair = Pair {
            certificate: self.folder.join(format!("{name}.crt")),
            key: self.folder.join(format!("{name}.key")),
        };
        fs::write(&pair.certificate, certificate.pem())?;
        fs::write(&pair.key, key.serialize_pem())?;
        Ok(pair)
    }
}

/// A key that signs service account tokens, beside the public key that checks them.
pub(crate) fn signing_key(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let (private, public) =
        (folder.join("service-accounts.key"), folder.join("service-accounts.pub"));
    let key = KeyPair::generate()?;
    fs::write(&private, key.serialize_pem())?;
    fs::write(&public, key.public_key_pem())?;
    Ok((private, public))
}

fn params(name: &str) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let now = date_time_ymd(1970, 1, 1) + now;
    // Yesterday, so that a clock set back a little does not make the certificate one of the future.
    params.not_before = now - DAY;
    params.not_after = now + 30 * DAY;
    Ok(params)
}
