//! Certificates that Podgate makes itself: made, told to the API server, renewed, and never written over anybody else's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::objects::{pod, privileged};
use e2e::{Gate, Namespace, Rejection, wait_for};
use serde_json::{Value, json};

use crate::{BOUND, Outcome, assert_denied_by, namespace, server};

const POLICY: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata:
  name: shared-kernel
spec:
  rules:
  - privileged: {}
";

fn secret(namespace: &Namespace, name: &str) -> Result<Value> {
    let path = format!("{}/{name}", namespace.path("/api/v1", "secrets"));
    Ok(server().client().get(&path)?.accepted()?.body)
}

fn text(secret: &Value, key: &str) -> String {
    let encoded = secret["data"][key].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("PEM")
}

/// What every entry of the gate's configurations trusts.
fn bundles(gate: &Gate<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (path, _) in gate.configurations() {
        let object = server().client().get(&path)?.accepted()?.body;
        let webhooks = object["webhooks"].as_array().context("webhooks")?;
        for webhook in webhooks {
            let encoded = webhook["clientConfig"]["caBundle"].as_str().unwrap_or_default();
            found.push(String::from_utf8(STANDARD.decode(encoded)?)?);
        }
    }
    Ok(found)
}

fn refusal(namespace: &Namespace) -> Result<Rejection> {
    server().client().create(&namespace.pods(), &privileged(pod("web")))?.rejected()
}

#[test]
fn from_nothing_it_is_trusted_and_a_bundle_that_is_reset_is_written_again() -> Outcome {
    let own = namespace()?;
    let gate = Gate::managed(server(), &[POLICY], &own, &[])?;
    let guarded = gate.guarded()?;
    assert_denied_by(&refusal(&guarded)?, "shared-kernel");

    let (leaf, authority) = (secret(&own, "podgate-tls")?, secret(&own, "podgate-tls-ca")?);
    for secret in [&leaf, &authority] {
        assert_eq!(secret["type"], "kubernetes.io/tls");
        assert_eq!(secret["metadata"]["labels"]["app.kubernetes.io/managed-by"], "podgate");
        assert_eq!(secret["metadata"]["annotations"]["podgate.dev/made-for"], "podgate");
    }
    let ca = text(&authority, "tls.crt");
    assert_eq!(text(&leaf, "ca.crt"), ca);
    assert_eq!(bundles(&gate)?, [ca.clone(), ca.clone(), ca.clone()]);
    for which in ["serving", "ca"] {
        let series = format!("podgate_certificate_not_after_seconds{{certificate=\"{which}\"}}");
        assert!(gate.podgate().metric(&series)? > 1_700_000_000, "{series}");
    }

    // As Helm or GitOps would write it back.
    for (path, object) in gate.configurations() {
        let before = server().client().get(&path)?.accepted()?.body;
        let mut reset = object;
        reset["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
        let _ = server().client().replace(&path, &reset)?.accepted()?;
        let after = wait_for("the bundle to be written again", BOUND, || {
            let all = bundles(&gate)?;
            Ok(all.iter().all(|bundle| *bundle == ca).then_some(()))
        })
        .and_then(|()| Ok(server().client().get(&path)?.accepted()?.body));
        // Nothing else is touched.
        assert_eq!(without_bundles(after?), without_bundles(before));
    }
    wait_for("the API server to trust it again", BOUND, || {
        Ok((refusal(&guarded)?.code == 403).then_some(()))
    })?;
    Ok(())
}

fn without_bundles(mut object: Value) -> Value {
    for webhook in object["webhooks"].as_array_mut().expect("webhooks") {
        webhook["clientConfig"].as_object_mut().expect("a map").remove("caBundle");
    }
    json!({"webhooks": object["webhooks"], "labels": object["metadata"]["labels"]})
}

#[test]
fn leaf_and_authority_are_renewed_without_one_failed_review() -> Outcome {
    let own = namespace()?;
    let lifetimes = ["--certificate-lifetime", "15s", "--ca-lifetime", "30s"];
    let gate = Gate::managed(server(), &[POLICY], &own, &lifetimes)?;
    let guarded = gate.guarded()?;
    let (first_leaf, first_ca) = (
        text(&secret(&own, "podgate-tls")?, "tls.crt"),
        text(&secret(&own, "podgate-tls-ca")?, "tls.crt"),
    );
    let done = AtomicBool::new(false);

    let refusals = thread::scope(|scope| {
        let knocker = scope.spawn(|| {
            let mut refusals = Vec::new();
            while !done.load(Ordering::Relaxed) {
                refusals.push(refusal(&guarded)?);
            }
            anyhow::Ok(refusals)
        });
        let renewed = wait_for("a leaf of another authority", Duration::from_mins(2), || {
            let (leaf, ca) = (secret(&own, "podgate-tls")?, secret(&own, "podgate-tls-ca")?);
            let (ca, issuer) = (text(&ca, "tls.crt"), text(&leaf, "ca.crt"));
            let new = text(&leaf, "tls.crt") != first_leaf && ca != first_ca && issuer == ca;
            Ok(new.then_some(()))
        });
        // The first leaf's authority ends, and goes.
        let forgotten =
            wait_for("the first authority to be forgotten", Duration::from_mins(2), || {
                Ok(bundles(&gate)?.iter().all(|bundle| !bundle.contains(&first_ca)).then_some(()))
            });
        done.store(true, Ordering::Relaxed);
        let refusals = knocker.join().expect("the knocker does not panic")?;
        renewed.and(forgotten).map(|()| refusals)
    })?;

    assert!(refusals.len() > 50, "only {} reviews", refusals.len());
    for refusal in &refusals {
        assert_denied_by(refusal, "shared-kernel");
    }
    Ok(())
}

#[test]
fn secret_of_somebody_else_is_never_written() -> Outcome {
    let own = namespace()?;
    let path = own.path("/api/v1", "secrets");
    let foreign = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "podgate-tls"},
        "type": "Opaque", "stringData": {"password": "not podgate's"},
    });
    let before = server().client().create(&path, &foreign)?.accepted()?.body;
    let log = Gate::managed_in_vain(server(), &own, "was not made by podgate for Service podgate")?;
    assert!(log.contains("--certificate-secret"), "{log}");
    assert_eq!(secret(&own, "podgate-tls")?, before);
    let missing = server().client().get(&format!("{path}/podgate-tls-ca"))?.rejected()?;
    assert_eq!(missing.code, 404, "nothing else is written either");
    Ok(())
}
