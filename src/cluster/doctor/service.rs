//! The Service, and who answers behind it.

use serde_json::Value;

use super::cluster::Cluster;
use super::{Finding, Options};

const CHECK: &str = "endpoints";

pub(super) async fn look(cluster: &Cluster, options: &Options) -> Vec<Finding> {
    let Options { namespace, service, .. } = options;
    let path = format!("/api/v1/namespaces/{namespace}/services/{service}");
    match cluster.get(&path).await {
        Err(error) => return vec![Finding::unknown(CHECK, "podgate's Service", &error)],
        Ok(None) => {
            let found = format!("there is no Service {service} in namespace {namespace}");
            let advice = "name it with --namespace and --service, or install the chart";
            return vec![Finding::wrong(CHECK, found, advice)];
        }
        Ok(Some(_)) => {}
    }
    let path = format!(
        "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D{service}"
    );
    match cluster.list(&path).await {
        Ok(slices) => vec![endpoints(&slices, options)],
        Err(error) => vec![Finding::unknown(CHECK, "podgate's EndpointSlices", &error)],
    }
}

fn endpoints(slices: &[Value], options: &Options) -> Finding {
    let all: Vec<&Value> =
        slices.iter().filter_map(|slice| slice["endpoints"].as_array()).flatten().collect();
    // What is not said is true, by the API's own word.
    let ready =
        all.iter().filter(|endpoint| endpoint["conditions"]["ready"] != Value::Bool(false)).count();
    let Options { namespace, service, .. } = options;
    let found = format!("{ready} of {} endpoints of Service {service} are ready", all.len());
    match ready {
        0 => {
            let advice = format!(
                "pods cannot be created where podgate denies, until one is: see `kubectl get pods -n {namespace}`, and /readyz on \
                 the admin port says what is missed"
            );
            Finding::wrong(CHECK, found, advice)
        }
        1 => {
            let advice =
                "run two or more replicas: while the only one restarts, no pod can be created";
            Finding::doubtful(CHECK, found, advice)
        }
        _ => Finding::fine(CHECK, found),
    }
}
