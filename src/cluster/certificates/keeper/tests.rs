use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::*;
use crate::cluster::testing::FakeApi;

const SECRETS: &str = "/api/v1/namespaces/podgate/secrets";
const VALIDATING: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/podgate";
const MUTATING: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/podgate";

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A cluster after `helm install`, before podgate has run.
fn api() -> FakeApi {
    let api = FakeApi::new(start());
    for (path, kind, entries) in [
        (VALIDATING, "ValidatingWebhookConfiguration", &["deny", "observe"][..]),
        (MUTATING, "MutatingWebhookConfiguration", &["fix"][..]),
    ] {
        let webhooks: Vec<Value> = entries
            .iter()
            .map(|name| json!({"name": format!("{name}.podgate.dev"), "clientConfig": {"service": {"name": "podgate"}}, "fromTheFuture": 1}))
            .collect();
        let version = "admissionregistration.k8s.io/v1";
        api.put(path, json!({"apiVersion": version, "kind": kind, "metadata": {"name": "podgate"}, "webhooks": webhooks}));
    }
    api
}

fn keeper(api: &FakeApi) -> Keeper {
    let day = Duration::from_hours(24);
    let settings = Settings {
        namespace: "podgate".to_owned(),
        service: "podgate".to_owned(),
        more_names: Vec::new(),
        secret: "podgate-tls".to_owned(),
        configuration: "podgate".to_owned(),
        lifetimes: Lifetimes { certificate: day * 90, authority: day * 365 },
    };
    Keeper::new(api.client(), settings, api.wrong_clock())
}

async fn settle(keeper: &mut Keeper) -> (Result<(), Problem>, Kept) {
    let (sender, receiver) = watch::channel(Kept::default());
    let result = keeper.settle(true, &sender).await;
    let kept = receiver.borrow().clone();
    (result, kept)
}

fn data(secret: &Value, key: &str) -> String {
    let encoded = secret["data"][key].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
}

fn bundles(api: &FakeApi) -> Vec<String> {
    [VALIDATING, MUTATING]
        .iter()
        .flat_map(|path| api.get(path)["webhooks"].as_array().unwrap().clone())
        .map(|entry| {
            let encoded = entry["clientConfig"]["caBundle"].as_str().unwrap_or_default();
            String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
        })
        .collect()
}

#[tokio::test]
async fn everything_is_written_once_in_order_and_by_the_servers_clock() {
    let api = api();
    let mut keeper = keeper(&api);
    let (result, kept) = settle(&mut keeper).await;
    result.unwrap();
    assert_eq!(
        api.writes(),
        [
            format!("POST {SECRETS}/podgate-tls-ca"),
            format!("PATCH {VALIDATING}"),
            format!("PATCH {MUTATING}"),
            format!("POST {SECRETS}/podgate-tls"),
        ]
    );
    let leaf = api.get(&format!("{SECRETS}/podgate-tls"));
    let authority = api.get(&format!("{SECRETS}/podgate-tls-ca"));
    assert_eq!(kept.leaf.unwrap().chain, data(&leaf, "tls.crt"));
    assert_eq!(kept.leaf_not_after, Some((start() + (90 * 24).hours()).as_second()));
    assert_eq!(bundles(&api), vec![data(&authority, "tls.crt"); 3]);
    assert_eq!(api.get(VALIDATING)["webhooks"][0]["fromTheFuture"], 1);
    // Nothing is left to do, whoever looks.
    settle(&mut keeper).await.0.unwrap();
    settle(&mut super::tests::keeper(&api)).await.0.unwrap();
    assert_eq!(api.writes().len(), 4);
}

#[tokio::test]
async fn two_writers_at_once_end_with_one_authority_and_one_leaf() {
    let api = api();
    let (mut one, mut two) = (keeper(&api), keeper(&api));
    let (one, two) = tokio::join!(settle(&mut one), settle(&mut two));
    one.0.unwrap();
    two.0.unwrap();
    let leaf = api.get(&format!("{SECRETS}/podgate-tls"));
    let authority = data(&api.get(&format!("{SECRETS}/podgate-tls-ca")), "tls.crt");
    assert_eq!(data(&leaf, "ca.crt"), authority);
    assert!(bundles(&api).iter().all(|bundle| *bundle == authority));
    let posts = api.writes().iter().filter(|write| write.starts_with("POST")).count();
    assert_eq!(posts, 2, "{:?}", api.writes());
}

#[tokio::test]
async fn who_does_not_lead_looks_and_writes_nothing() {
    let api = api();
    let (sender, receiver) = watch::channel(Kept::default());
    keeper(&api).settle(false, &sender).await.unwrap();
    assert_eq!(api.writes(), [""; 0]);
    assert_eq!(receiver.borrow().leaf, None);
    // What another wrote is served here too.
    settle(&mut keeper(&api)).await.0.unwrap();
    keeper(&api).settle(false, &sender).await.unwrap();
    assert!(receiver.borrow().leaf.is_some());
}

#[tokio::test]
async fn somebody_elses_secret_stops_it_with_the_setting_to_change() {
    for secret in ["podgate-tls", "podgate-tls-ca"] {
        for metadata in [
            json!({"name": secret}),
            json!({"name": secret, "labels": {"app.kubernetes.io/managed-by": "podgate"}, "annotations": {"podgate.dev/made-for": "other"}}),
        ] {
            let api = api();
            let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata});
            api.put(&format!("{SECRETS}/{secret}"), object);
            let (result, kept) = settle(&mut keeper(&api)).await;
            let error = result.unwrap_err().to_string();
            assert!(error.contains(&format!("Secret podgate/{secret} was not made")), "{error}");
            assert!(error.contains("--certificate-secret"), "{error}");
            assert_eq!(api.writes(), [""; 0]);
            assert_eq!(kept.leaf, None);
        }
    }
}

#[tokio::test]
async fn over_two_years_both_authorities_are_trusted_before_a_leaf_of_the_new_one_is_written() {
    let api = api();
    let mut keeper = keeper(&api);
    settle(&mut keeper).await.0.unwrap();
    let mut now = start();
    let mut leaves = std::collections::BTreeSet::new();
    while now < start() + (2 * 365 * 24).hours() {
        now += 72.hours();
        api.set_now(now);
        settle(&mut keeper).await.0.unwrap();
        let leaf = api.get(&format!("{SECRETS}/podgate-tls"));
        let chain = Certificate::all(&data(&leaf, "tls.crt")).unwrap().swap_remove(0);
        assert!(!chain.has_expired(now));
        for bundle in bundles(&api) {
            let trusted = Certificate::all(&bundle).unwrap();
            let signed = |authority: &&Certificate| chain.is_signed_by(authority);
            assert!(trusted.iter().find(signed).is_some_and(|a| !a.has_expired(now)), "{now}");
        }
        leaves.insert(data(&leaf, "tls.crt"));
    }
    assert!((12..=20).contains(&leaves.len()), "{}", leaves.len());
}

#[tokio::test]
async fn a_configuration_that_is_not_there_yet_keeps_nobody_from_a_certificate() {
    let api = FakeApi::new(start());
    let (result, kept) = settle(&mut keeper(&api)).await;
    result.unwrap();
    assert!(kept.leaf.is_some());
}
