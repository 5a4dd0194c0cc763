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
    let (serving, loaded) = Serving::load(source(&volume), Arc::default()).unwrap();
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
    let (serving, loaded) = Serving::load(source(&volume), Arc::clone(&metrics)).unwrap();
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
    Serving::load(source(&volume), Arc::default()).unwrap_err().to_string()
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
    let (serving, loaded) = Serving::load(Source::SelfSigned { names }, Arc::default()).unwrap();
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
    let (serving, _) = Serving::load(source, Arc::default()).unwrap();
    assert_eq!(serving.config().unwrap().alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
}
