//! An installation that is sound, and what is said where one thing of it is not.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::{Finding, Options, State, examine};

/// Reads are answered from this map, by path; every access review by `allowed`.
struct Api {
    objects: BTreeMap<String, Value>,
    denied: &'static str,
    /// By how much its clock is ahead.
    ahead: SignedDuration,
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/podgate/deployments";
const SECRET: &str = "/api/v1/namespaces/podgate/secrets/podgate-tls";
const SERVICE: &str = "/api/v1/namespaces/podgate/services/podgate";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/podgate/endpointslices";
const POLICIES: &str = "/apis/podgate.dev/v1/podpolicies";
const VALIDATING: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/podgate";

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

/// An authority and what it signed, as PEM.
struct Certificates {
    authority: String,
    leaf: String,
    key: String,
}

/// The last day of a certificate that is good for months.
const GOOD: (i32, u8, u8) = (2027, 6, 1);

fn certificates(name: &str, (year, month, day): (i32, u8, u8)) -> Certificates {
    let (start, end) = (date_time_ymd(2025, 1, 1), date_time_ymd(year, month, day));
    let dated = |names: Vec<String>| {
        let mut params = CertificateParams::new(names).unwrap();
        (params.not_before, params.not_after) = (start, end);
        params
    };
    let mut params = dated(Vec::new());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = dated(vec![name.to_owned()]).signed_by(&key, &issuer).unwrap().pem();
    Certificates { authority, leaf, key: key.serialize_pem() }
}

fn webhook(name: &str, policy: &str) -> Value {
    json!({
        "name": name,
        "failurePolicy": policy,
        "matchPolicy": "Equivalent",
        "timeoutSeconds": 5,
        "clientConfig": {"service": {"namespace": "podgate", "name": "podgate", "port": 443}},
        "namespaceSelector": {"matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["podgate"]},
        ]},
        "objectSelector": {},
        "rules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": ["pods", "pods/ephemeralcontainers"],
        }],
    })
}

impl Api {
    /// Nobody listens at the addresses given.
    fn sound() -> Self {
        let made = certificates("podgate.podgate.svc", GOOD);
        let mut api = Self { objects: BTreeMap::new(), denied: "", ahead: SignedDuration::ZERO };
        let labels = json!({"app.kubernetes.io/name": "podgate", "app.kubernetes.io/version": env!("CARGO_PKG_VERSION")});
        let args = ["serve", "--role=controller", "--tls-managed", "--watch-policies"];
        api.put(DEPLOYMENTS, json!({"items": [{
            "metadata": {"name": "podgate-controller", "labels": labels},
            "spec": {"template": {"spec": {"serviceAccountName": "podgate-controller", "containers": [{"args": args}]}}},
        }]}));
        let port = unused();
        api.put(SERVICE, json!({"spec": {"clusterIP": "127.0.0.1", "ports": [{"port": 443}]}}));
        let ready = json!({"addresses": ["127.0.0.1"], "conditions": {"ready": true}});
        api.put(
            SLICES,
            json!({"items": [{"ports": [{"port": port}], "endpoints": [ready, ready]}]}),
        );
        let entries =
            [webhook("deny.podgate.dev", "Fail"), webhook("observe.podgate.dev", "Ignore")];
        api.put(VALIDATING, json!({"webhooks": entries}));
        let condition =
            |name: &str| json!({"type": name, "status": "True", "observedGeneration": 2});
        api.put(
            POLICIES,
            json!({"items": [{
                "metadata": {"name": "shared-kernel", "generation": 2},
                "status": {"conditions": [condition("Compiled"), condition("InForce")]},
            }]}),
        );
        api.certify(&made);
        api
    }

    fn put(&mut self, path: &str, object: Value) {
        self.objects.insert(path.to_owned(), object);
    }

    fn at(&mut self, path: &str, pointer: &str) -> &mut Value {
        self.objects.get_mut(path).unwrap().pointer_mut(pointer).unwrap()
    }

    fn certify(&mut self, made: &Certificates) {
        self.put(SECRET, json!({"data": {"tls.crt": STANDARD.encode(&made.leaf)}}));
        for index in 0..2 {
            let config = self.at(VALIDATING, &format!("/webhooks/{index}/clientConfig"));
            config["caBundle"] = json!(STANDARD.encode(&made.authority));
        }
    }

    fn client(self) -> Client {
        let api = Arc::new(self);
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = Arc::clone(&api);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let (code, answer) = api.answer(head.uri.path(), &body);
                let date = (now() + api.ahead).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                let response = Response::builder().status(code).header("date", date);
                Ok::<_, Infallible>(
                    response.body(Body::from(answer.to_string().into_bytes())).unwrap(),
                )
            }
        });
        Client::new(service, "default")
    }

    fn answer(&self, path: &str, body: &[u8]) -> (u16, Value) {
        if path == "/version" {
            return (200, json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2"}));
        }
        if path.ends_with("/subjectaccessreviews") {
            let review: Value = serde_json::from_slice(body).unwrap();
            let resource = &review["spec"]["resourceAttributes"]["resource"];
            return (201, json!({"status": {"allowed": resource != self.denied}}));
        }
        match self.objects.get(path) {
            Some(object) => (200, object.clone()),
            None => (
                404,
                json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound"}),
            ),
        }
    }

    /// Everything that is not fine.
    async fn complaints(self) -> Vec<Finding> {
        let mut findings = self.findings().await;
        findings.retain(|finding| finding.state != State::Fine);
        findings
    }

    async fn findings(self) -> Vec<Finding> {
        let options = Options {
            namespace: "podgate".to_owned(),
            service: "podgate".to_owned(),
            certificate_secret: "podgate-tls".to_owned(),
            webhook_configuration: "podgate".to_owned(),
        };
        examine(&self.client(), &options, &now).await.unwrap()
    }
}

/// A port of this machine at which nobody listens.
fn unused() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_sound_installation_is_fine_in_every_respect() {
    let findings = Api::sound().findings().await;
    let bad: Vec<_> = findings.iter().filter(|finding| finding.state != State::Fine).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let mut checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    checks.dedup();
    let expected = [
        "kubernetes",
        "clock",
        "version",
        "endpoints",
        "webhooks",
        "certificate",
        "caBundle",
        "rbac",
        "policies",
    ];
    assert_eq!(checks, expected);
}

/// One change, and the one complaint it leads to.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of faults")]
async fn each_fault_is_found_by_itself() {
    type Change = fn(&mut Api);
    let cases: [(Change, State, &str); 15] = [
        (
            |api| api.ahead = SignedDuration::from_secs(90),
            State::Wrong,
            "and this machine's differ by 90s",
        ),
        (|api| api.ahead = SignedDuration::from_secs(-20), State::Doubtful, "differ by 19s"),
        (
            |api| {
                *api.at(DEPLOYMENTS, "/items/0/metadata/labels/app.kubernetes.io~1version") =
                    json!("9.9.9");
            },
            State::Doubtful,
            "runs podgate 9.9.9",
        ),
        (
            |api| *api.at(SLICES, "/items/0/endpoints/1/conditions/ready") = json!(false),
            State::Doubtful,
            "1 of 2 endpoints",
        ),
        (|api| *api.at(SLICES, "/items") = json!([]), State::Wrong, "0 of 0 endpoints"),
        (
            |api| *api.at(VALIDATING, "/webhooks/0/failurePolicy") = json!("Ignore"),
            State::Wrong,
            "pods pass unjudged",
        ),
        (
            |api| *api.at(VALIDATING, "/webhooks/1/failurePolicy") = json!("Fail"),
            State::Wrong,
            "observe.podgate.dev has failurePolicy Fail",
        ),
        (
            |api| *api.at(VALIDATING, "/webhooks/0/namespaceSelector") = json!({}),
            State::Wrong,
            "podgate's own namespace podgate",
        ),
        (
            |api| *api.at(VALIDATING, "/webhooks/0/rules/0/resources/0") = json!("*"),
            State::Wrong,
            "* in resources",
        ),
        (
            |api| {
                *api.at(VALIDATING, "/webhooks/0/objectSelector") =
                    json!({"matchLabels": {"judge": "me"}});
            },
            State::Wrong,
            "has an objectSelector",
        ),
        (
            |api| *api.at(VALIDATING, "/webhooks/0/rules/0/operations") = json!(["CREATE"]),
            State::Wrong,
            "is not asked about UPDATE of pods",
        ),
        (
            |api| *api.at(VALIDATING, "/webhooks/0/clientConfig/caBundle") = json!(""),
            State::Wrong,
            "the caBundle of deny.podgate.dev holds no certificate",
        ),
        (
            |api| {
                let other = certificates("podgate.podgate.svc", GOOD);
                let bundle = json!(STANDARD.encode(other.authority));
                *api.at(VALIDATING, "/webhooks/0/clientConfig/caBundle") = bundle;
            },
            State::Wrong,
            "deny.podgate.dev does not trust the certificate of the Secret",
        ),
        (|api| api.denied = "secrets", State::Wrong, "may not get secrets podgate-tls"),
        (
            |api| *api.at(POLICIES, "/items/0/status/conditions/0/status") = json!("False"),
            State::Wrong,
            "PodPolicy shared-kernel is not Compiled",
        ),
    ];
    for (change, state, found) in cases {
        let mut api = Api::sound();
        change(&mut api);
        let complaints = api.complaints().await;
        let told = complaints.iter().find(|finding| finding.found.contains(found));
        let told = told.unwrap_or_else(|| panic!("{found}: {complaints:#?}"));
        assert_eq!(told.state, state, "{found}");
        assert!(!told.advice.is_empty(), "{found}");
        let others: Vec<_> = complaints.iter().filter(|other| other.check != told.check).collect();
        assert!(others.is_empty(), "{found}: {others:#?}");
    }
}

#[tokio::test]
async fn a_certificate_is_looked_at_for_its_end_and_its_names() {
    for (name, end, state, found) in [
        ("podgate.podgate.svc", (2026, 11, 28), State::Doubtful, "is not renewed yet"),
        ("podgate.podgate.svc", (2026, 11, 24), State::Wrong, "no pod can be created"),
        ("podgate.other.svc", GOOD, State::Wrong, "does not name podgate.podgate.svc"),
    ] {
        let mut api = Api::sound();
        api.certify(&certificates(name, end));
        let complaints = api.complaints().await;
        let told = complaints.iter().find(|finding| finding.check == "certificate").unwrap();
        assert!(told.state == state && told.found.contains(found), "{told:#?}");
    }
}

/// Answers one handshake after the other with the certificate.
fn serve(made: &Certificates) -> u16 {
    let chain = CertificateDer::pem_slice_iter(made.leaf.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            // A client that hangs up is what some of the tests are about.
            let _ = connection.complete_io(&mut stream.unwrap());
        }
    });
    port
}

#[tokio::test]
async fn the_chain_that_is_served_counts_more_than_the_secret() {
    // A handshake looks at the clock of this machine, so these hold for long.
    let made = || certificates("podgate.podgate.svc", (2126, 1, 1));
    let (ours, stale) = (made(), made());
    for (served, state) in [(&ours, State::Fine), (&stale, State::Doubtful)] {
        let mut api = Api::sound();
        api.certify(&ours);
        *api.at(SLICES, "/items/0/ports/0/port") = json!(serve(served));
        let findings = api.findings().await;
        let told = findings.iter().find(|finding| finding.check == "caBundle").unwrap();
        assert!(told.state == state && told.found.contains("127.0.0.1:"), "{told:#?}");
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_no_installation_is_said_to_be_none() {
    let mut api = Api::sound();
    api.objects.clear();
    let complaints = api.complaints().await;
    for found in ["there is no Service podgate", "has no entry deny.podgate.dev: no pod is judged"]
    {
        assert!(complaints.iter().any(|finding| finding.found.contains(found)), "{complaints:#?}");
    }
}
