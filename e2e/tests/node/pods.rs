//! The cluster itself: without these, nothing that the other tests say of Podgate could be believed.

use std::time::Duration;

use e2e::cluster::is_ready;
use e2e::objects::{in_user_namespace, labelled, probe};
use e2e::{Cluster, Outcome, wait_for};
use serde_json::json;

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("node_is_ready", node_is_ready),
    ("pod_runs_and_shows_its_log", pod_runs_and_shows_its_log),
    ("service_leads_to_its_pod", service_leads_to_its_pod),
    ("root_of_a_user_namespace_is_nobody_outside", root_of_a_user_namespace_is_nobody_outside),
];

fn node_is_ready(cluster: &Cluster) -> Outcome {
    let nodes = cluster.client().get("/api/v1/nodes")?.accepted()?.body;
    let nodes = nodes["items"].as_array().expect("a list has items");
    assert!(nodes.iter().any(is_ready), "{nodes:#?}");
    Ok(())
}

fn pod_runs_and_shows_its_log(cluster: &Cluster) -> Outcome {
    let namespace = cluster.namespace("log", &json!({}))?;
    namespace.run(&probe("web", &["serve", "8000", "hello"]))?;
    let arguments = ["logs", "--namespace", &namespace.name, "web"];
    let log = wait_for("the pod's first line", Duration::from_secs(20), || {
        let output = cluster.kubectl().run(&arguments)?.succeeded()?;
        Ok((!output.stdout.is_empty()).then_some(output.stdout))
    })?;
    assert_eq!(log, "serving hello on 8000\n");
    Ok(())
}

fn service_leads_to_its_pod(cluster: &Cluster) -> Outcome {
    let namespace = cluster.namespace("service", &json!({}))?;
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000}]},
    });
    let services = namespace.path("/api/v1", "services");
    let service = cluster.client().create(&services, &service)?.accepted()?.body;
    let address = format!("{}:80", service["spec"]["clusterIP"].as_str().expect("an address"));
    namespace.run(&probe("client", &[]))?;
    namespace.run(&labelled(probe("web", &["serve", "8000", "hello"]), "app", "web"))?;

    let answer = wait_for("the service to be routed", Duration::from_secs(30), || {
        Ok(namespace.exec("client", &["/probe", "get", &address]).ok())
    })?;

    assert_eq!(answer, "hello");
    Ok(())
}

fn root_of_a_user_namespace_is_nobody_outside(cluster: &Cluster) -> Outcome {
    let namespace = cluster.namespace("users", &json!({}))?;
    let uid_map = |name: &str, pod| {
        namespace.run(&pod)?;
        namespace.exec(name, &["/probe", "cat", "/proc/self/uid_map"])
    };
    let shared = uid_map("shared", probe("shared", &[]))?;
    let own = uid_map("own", in_user_namespace(probe("own", &[])))?;
    assert_eq!(first_outside(&shared), 0, "{shared}");
    assert!(first_outside(&own) >= 65536, "{own}");
    Ok(())
}

/// The id on the node of the first one inside, by the text of a `uid_map`.
pub(crate) fn first_outside(map: &str) -> u64 {
    let field = map.split_whitespace().nth(1).expect("a map has three numbers a line");
    field.parse().expect("a number")
}
