//! The chart, rendered by the real Helm, and installed on a real API server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail as tests do")]

mod certificates;
mod check;
mod gitops;
mod install;
mod ledger;
mod monitoring;
mod pods;
mod policies;
mod rbac;
mod renders;
mod values;
mod webhooks;

use e2e::{HelmOutput, helm};
use serde_json::{Value, json};

const PROFILES: [&str; 3] = ["small", "ha", "paranoid"];
const MODES: [&str; 3] = ["managed", "certManager", "secret"];
/// The oldest and the newest that the chart takes.
const KUBERNETES: [&str; 2] = ["1.30.0", "1.37.2"];

const PEM: &str = "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n";

/// The least values that a profile and a certificate mode need.
fn values(profile: &str, mode: &str) -> Value {
    let mut values = json!({"profile": profile, "certificates": {"mode": mode}});
    if profile == "paranoid" {
        values["clientCa"] = json!({"bundle": PEM, "names": ["kube-apiserver"]});
    }
    if mode == "secret" {
        values["certificates"]["secretName"] = json!("mine");
        values["certificates"]["caBundle"] = json!(PEM);
    }
    values
}

/// The same with everything on that can be.
fn everything(profile: &str, mode: &str) -> Value {
    let on = json!({"enabled": true});
    let mut values = values(profile, mode);
    values["console"] = on.clone();
    values["ledger"] = json!({"events": true, "reports": true});
    values["controller"] = json!({"proof": on});
    values["otlp"] =
        json!({"endpoint": "https://o.example.com", "headersSecret": "token", "caSecret": "ca"});
    values["monitoring"] = json!({"serviceMonitor": on, "prometheusRule": on, "dashboard": on});
    if profile != "small" {
        values["webhook"] = json!({"autoscaling": on});
    }
    values
}

/// The values of every profile and mode, the least and the most, with a name for messages.
fn all_values() -> impl Iterator<Item = (String, Value)> {
    PROFILES.into_iter().flat_map(|profile| {
        MODES.into_iter().flat_map(move |mode| {
            [
                (format!("{profile}, {mode}"), values(profile, mode)),
                (format!("{profile}, {mode}, everything"), everything(profile, mode)),
            ]
        })
    })
}

fn template(values: &Value, kubernetes: &str) -> HelmOutput {
    let chart = e2e::chart();
    let chart = chart.to_str().unwrap();
    let arguments =
        ["template", "podgate", chart, "-n", "podgate", "--kube-version", kubernetes, "-f", "-"];
    helm(&arguments, values).unwrap()
}

/// The objects of a render for the newest Kubernetes.
fn render(values: &Value) -> Vec<Value> {
    render_for(values, KUBERNETES[1])
}

fn render_for(values: &Value, kubernetes: &str) -> Vec<Value> {
    e2e::yaml_objects(&template(values, kubernetes).succeeded().unwrap()).unwrap()
}

/// What helm says of values that it refuses.
fn refusal(values: &Value) -> String {
    template(values, KUBERNETES[1]).refused().unwrap()
}

fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The one object of that kind and name.
fn object<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let found: Vec<_> = of_kind(objects, kind)
        .into_iter()
        .filter(|object| object["metadata"]["name"] == name)
        .collect();
    let [object] = found[..] else { panic!("{} of {kind} {name}", found.len()) };
    object
}

fn texts(values: &Value) -> Vec<&str> {
    values.as_array().into_iter().flatten().map(|value| value.as_str().unwrap()).collect()
}

/// The entries of the configurations of both kinds.
fn entries(objects: &[Value]) -> Vec<&Value> {
    ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]
        .into_iter()
        .flat_map(|kind| object(objects, kind, "podgate")["webhooks"].as_array().unwrap())
        .collect()
}

fn entry<'o>(objects: &'o [Value], name: &str) -> &'o Value {
    entries(objects).into_iter().find(|entry| entry["name"] == name).unwrap()
}

/// The arguments of a Deployment's container.
fn arguments<'o>(objects: &'o [Value], deployment: &str) -> Vec<&'o str> {
    texts(
        &object(objects, "Deployment", deployment)["spec"]["template"]["spec"]["containers"][0]["args"],
    )
}
