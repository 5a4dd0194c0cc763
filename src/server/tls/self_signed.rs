//! A certificate made at start, for a laptop and for tests: nobody but its own clients can trust it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use super::certificate::{Certificate, CertificateError, not_after};

/// How long it holds.
const LIFETIME: Duration = Duration::from_hours(90 * 24);

/// How long before its end a new one is made, in seconds.
pub(super) const RENEW_BEFORE: i64 = 30 * 24 * 3600;

/// Makes a certificate for `localhost`, the loopback addresses and `names`.
pub(super) fn make(names: &[String], now: Timestamp) -> Result<Certificate, CertificateError> {
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    all.extend(names.iter().filter(|name| !all.contains(name)).cloned().collect::<Vec<_>>());
    let failed = |error: rcgen::Error| CertificateError::SelfSigned(error.to_string());
    let mut params = CertificateParams::new(all).map_err(failed)?;
    // From the start of yesterday, for clients whose clocks are behind.
    let day = now.to_zoned(TimeZone::UTC).date().yesterday().unwrap_or(jiff::civil::Date::MIN);
    let unsigned = |number: i8| u8::try_from(number).unwrap_or(1);
    params.not_before =
        date_time_ymd(i32::from(day.year()), unsigned(day.month()), unsigned(day.day()));
    params.not_after = params.not_before + LIFETIME;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "podgate (self-signed)");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let certificate = params.self_signed(&pair).map_err(failed)?;
    let key = PrivateKeyDer::try_from(pair.serialize_der())
        .map_err(|error| CertificateError::SelfSigned(error.to_owned()))?;
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|error| CertificateError::SelfSigned(error.to_string()))?;
    let der = certificate.der().clone();
    let not_after = not_after(&der).map_err(CertificateError::SelfSigned)?;
    Ok(Certificate { key: CertifiedKey::new(vec![der], key), not_after })
}
