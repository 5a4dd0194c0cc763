use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::server::files::tests::{Volume, eventually};

/// A pair in PEM, and its leaf.
struct Pair {
    certificate: String,
    key: String,
    leaf: Vec<u8>,
}

fn pair() -> Pair {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        leaf: certificate.der().to_vec(),
    }
}

impl Pair {
    fn files(&self) -> [(&str, &[u8]); 2] {
        [("tls.crt", self.certificate.as_bytes()), ("tls.key", self.key.as_bytes())]
    }
}

fn source(volume: &Volume) -> Source {
    Source::Files { certificate: volume.path("tls.crt"), key: volume.path("tls.key") }
}

fn leaf(serving: &Serving) -> Vec<u8> {
    serving.current.load().cert[0].to_vec()
}

#[tokio::test]
async fn a_secret_that_is_replaced_twice_is_served_twice() {
    let first = pair();
    let mut volume = Volume::new(&first.files());
    let (serving, loaded) = Serving::load(source(&volume), None, Arc::default()).unwrap();
    assert_eq!(leaf(&serving), first.leaf);
    let task = tokio::spawn(Arc::clone(&serving).keep_fresh(loaded, Duration::from_millis(5)));
    for _ in 0..2 {
        let next = pair();
        volume.swap(&next.files());
        eventually("the new certificate is served", || leaf(&serving) == next.leaf).await;
    }
    task.abort();
}

#[tokio::test]
async fn a_key_of_another_certificate_leaves_the_last_good_pair_and_is_counted_once() {
    let (good, other) = (pair(), pair());
    let mut volume = Volume::new(&good.files());
    let metrics: Arc<Metrics> = Arc::default();
    let (serving, loaded) = Serving::load(source(&volume), None, Arc::clone(&metrics)).unwrap();
    let task = tokio::spawn(Arc::clone(&serving).keep_fresh(loaded, Duration::from_millis(5)));
    volume.swap(&[("tls.crt", other.certificate.as_bytes()), ("tls.key", good.key.as_bytes())]);
    eventually("the failure is counted", || metrics.certificate_failures() == 1).await;
    assert_eq!(leaf(&serving), good.leaf);
    volume.swap(&other.files());
    eventually("the good pair is served", || leaf(&serving) == other.leaf).await;
    assert_eq!(metrics.certificate_failures(), 1);
    task.abort();
}

fn load_error(certificate: &str, key: &str) -> String {
    let volume = Volume::new(&[("tls.crt", certificate.as_bytes()), ("tls.key", key.as_bytes())]);
    Serving::load(source(&volume), None, Arc::default()).unwrap_err().to_string()
}

#[test]
fn errors_name_the_file_and_the_remedy() {
    let (one, other) = (pair(), pair());
    let mismatch = load_error(&one.certificate, &other.key);
    assert!(mismatch.contains("tls.key: the key is not the one of the certificate"), "{mismatch}");
    let empty = load_error("", &one.key);
    assert!(empty.contains("tls.crt: no certificate in it"), "{empty}");
    let garbled = load_error(&one.certificate.replace('M', "-"), &one.key);
    assert!(garbled.contains("tls.crt: ") && garbled.contains("--tls-cert takes"), "{garbled}");
    let no_key = load_error(&one.certificate, &one.certificate);
    assert!(no_key.contains("tls.key: ") && no_key.contains("--tls-key takes"), "{no_key}");
}

#[test]
fn a_self_signed_certificate_holds_for_ninety_days_and_the_names_given() {
    let names = vec!["podgate.podgate.svc".to_owned(), "localhost".to_owned()];
    let (serving, loaded) =
        Serving::load(Source::SelfSigned { names }, None, Arc::default()).unwrap();
    let der = leaf(&serving);
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
    let validity = parsed.validity();
    let now = clock::now().as_second();
    assert!(validity.not_before.timestamp() < now);
    assert_eq!(validity.not_after.timestamp() - validity.not_before.timestamp(), 90 * 24 * 3600);
    let names = format!("{:?}", parsed.subject_alternative_name().unwrap().unwrap().value);
    for name in ["localhost", "podgate.podgate.svc", "127, 0, 0, 1", "0, 0, 0, 1]"] {
        assert!(names.contains(name), "{name} in {names}");
    }
    // Sixty days from now it is made again, long before its end.
    let Loaded::Until(renewal) = loaded else { panic!("{loaded:?}") };
    assert!(renewal > now + 50 * 24 * 3600 && renewal < validity.not_after.timestamp());
    assert!(serving.renew(&Loaded::Until(renewal)).unwrap().is_none());
    assert!(serving.renew(&Loaded::Until(now - 1)).unwrap().is_some());
    assert_ne!(leaf(&serving), der);
}

#[test]
fn http2_is_offered_before_http1() {
    let source = Source::SelfSigned { names: Vec::new() };
    let (serving, _) = Serving::load(source, None, Arc::default()).unwrap();
    assert_eq!(serving.config().unwrap().alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
}

#[tokio::test]
async fn what_is_handed_on_is_served_at_once_and_nothing_broken_is() {
    let pem = |pair: &Pair| {
        Arc::new(Pem { certificate: pair.certificate.clone(), key: pair.key.clone() })
    };
    let (first, second) = (pair(), pair());
    let (sender, receiver) = watch::channel(pem(&first));
    let metrics: Arc<Metrics> = Arc::default();
    let (serving, loaded) =
        Serving::load(Source::Handed(receiver), None, Arc::clone(&metrics)).unwrap();
    assert_eq!(leaf(&serving), first.leaf);
    // However rarely files are looked at.
    let task = tokio::spawn(Arc::clone(&serving).keep_fresh(loaded, Duration::from_hours(1)));
    sender.send(pem(&second)).unwrap();
    eventually("the second is served", || leaf(&serving) == second.leaf).await;
    let mixed = Pem { certificate: first.certificate.clone(), key: second.key.clone() };
    sender.send(Arc::new(mixed)).unwrap();
    eventually("the failure is counted", || metrics.certificate_failures() == 1).await;
    assert_eq!(leaf(&serving), second.leaf);
    assert!(!format!("{:?}", pem(&first)).contains("PRIVATE"));
    task.abort();
}

/// An authority of clients, and certificates that it signs.
struct Authority {
    issuer: rcgen::Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: rcgen::Issuer::new(params, key), pem }
    }

    fn client(&self, common_name: &str, dns: &[&str]) -> ClientPair {
        let key = KeyPair::generate().unwrap();
        let dns: Vec<String> = dns.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(dns).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
    }
}

type ClientPair =
    (Vec<rustls::pki_types::CertificateDer<'static>>, rustls::pki_types::PrivateKeyDer<'static>);

/// Shakes hands in memory, and tells how the server ended it.
fn handshake(serving: &Arc<Serving>, client: Option<ClientPair>) -> Result<(), rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(serving.current.load().cert[0].clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    let name = "localhost".try_into().unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = rustls::ServerConnection::new(Arc::new(serving.config().unwrap())).unwrap();
    let mut bytes = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        bytes.clear();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets()?;
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets().unwrap();
    }
    Ok(())
}

#[test]
fn only_clients_of_the_authority_with_one_of_the_names_are_let_in() {
    let (authority, other) = (Authority::new(), Authority::new());
    let mut volume = Volume::new(&[("ca.crt", authority.pem.as_bytes())]);
    let load = |names: &[&str]| {
        let clients = Clients {
            authority: volume.path("ca.crt"),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let source = Source::SelfSigned { names: Vec::new() };
        Serving::load(source, Some(clients), Arc::default()).unwrap()
    };
    let (any, _) = load(&[]);
    assert!(handshake(&any, Some(authority.client("whoever", &[]))).is_ok());
    assert!(handshake(&any, Some(other.client("whoever", &[]))).is_err());
    assert_eq!(handshake(&any, None), Err(rustls::Error::NoCertificatesPresented));
    let (named, loaded) = load(&["kube-apiserver", "front-proxy"]);
    assert!(handshake(&named, Some(authority.client("kube-apiserver", &[]))).is_ok());
    assert!(handshake(&named, Some(authority.client("x", &["a", "front-proxy"]))).is_ok());
    assert!(handshake(&named, Some(authority.client("kubelet", &["kube"]))).is_err());
    assert!(handshake(&named, Some(other.client("kube-apiserver", &[]))).is_err());
    // The authority is replaced without a restart.
    volume.swap(&[("ca.crt", other.pem.as_bytes())]);
    named.renew(&loaded).unwrap();
    assert!(handshake(&named, Some(other.client("kube-apiserver", &[]))).is_ok());
    assert!(handshake(&named, Some(authority.client("kube-apiserver", &[]))).is_err());
    volume.swap(&[("ca.crt", b"")]);
    let error = named.renew(&loaded).unwrap_err().to_string();
    assert!(error.contains("ca.crt: no certificate in it: --tls-client-ca takes"), "{error}");
    assert!(handshake(&named, Some(other.client("kube-apiserver", &[]))).is_ok(), "the last good");
}

#[test]
fn without_an_authority_of_clients_everybody_is_let_in() {
    let source = Source::SelfSigned { names: Vec::new() };
    let (serving, _) = Serving::load(source, None, Arc::default()).unwrap();
    assert!(handshake(&serving, None).is_ok());
}
