//! Making an authority, and a leaf of it.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

use super::material::{Certificate, Pair};

/// How far before now a certificate starts, at most: the clocks of API servers differ.
const BACKDATED: Duration = Duration::from_hours(1);

/// Makes an authority that holds for `lifetime` from `now` on.
pub(super) fn authority(now: Timestamp, lifetime: Duration) -> Result<Pair, String> {
    // The second in the name keeps two authorities apart for whoever looks an issuer up by it.
    let mut params = authority_params(&format!("podgate CA {}", now.as_second()));
    let until = now.checked_add(signed(lifetime)).unwrap_or(Timestamp::MAX);
    set_validity(&mut params, now, until, lifetime);
    let key = generate()?;
    let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
    Pair::read(&certificate.pem(), &key.serialize_pem())
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}

/// Makes a leaf of `authority` for `names`, which ends when its authority ends, at the latest.
pub(super) fn leaf(
    authority: &Pair,
    names: &[String],
    now: Timestamp,
    lifetime: Duration,
) -> Result<Pair, String> {
    let failed = |error: rcgen::Error| error.to_string();
    let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
    let until = now.checked_add(signed(lifetime)).unwrap_or(Timestamp::MAX);
    set_validity(&mut params, now, until.min(authority.certificate.not_after), lifetime);
    params.distinguished_name = DistinguishedName::new();
    let name = names.iter().find(|name| name.len() <= 64).map_or("podgate", String::as_str);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // A webhook shows it to the controller, too.
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let signer = KeyPair::from_pem(&authority.key).map_err(failed)?;
    // What the authority was made with: only its name and its key stand in what it signs.
    let name = authority.certificate.common_name().ok_or("the authority has no name")?;
    let issuer = Issuer::new(authority_params(&name), signer);
    let key = generate()?;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    Pair::read(&certificate.pem(), &key.serialize_pem())
}

fn generate() -> Result<KeyPair, String> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| error.to_string())
}

fn set_validity(
    params: &mut CertificateParams,
    now: Timestamp,
    until: Timestamp,
    lifetime: Duration,
) {
    let from = now.checked_sub(signed(BACKDATED.min(lifetime / 10))).unwrap_or(Timestamp::MIN);
    let epoch = date_time_ymd(1970, 1, 1);
    let since_epoch = |time: Timestamp| Duration::from_secs(time.as_second().max(0).unsigned_abs());
    params.not_before = epoch + since_epoch(from);
    params.not_after = epoch + since_epoch(until);
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

/// Which of `certificates` still hold, each once.
pub(super) fn still_valid(certificates: Vec<Certificate>, now: Timestamp) -> Vec<Certificate> {
    let mut kept: Vec<Certificate> = Vec::new();
    for certificate in certificates {
        if !certificate.has_expired(now) && !kept.contains(&certificate) {
            kept.push(certificate);
        }
    }
    kept
}
