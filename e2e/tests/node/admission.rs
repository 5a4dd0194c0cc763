//! Pods are judged where the chart installed Podgate.

use e2e::objects::{in_user_namespace, pod, privileged, probe};
use e2e::{Cluster, Outcome, decision_id, release};
use serde_json::json;

use crate::Test;
use crate::installed::{podgate, pods};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("privileged_pod_is_refused_in_full", privileged_pod_is_refused_in_full),
    ("compliant_pod_is_admitted_and_runs", compliant_pod_is_admitted_and_runs),
    ("podgate_itself_is_restricted", podgate_itself_is_restricted),
    ("kube_system_is_not_judged", kube_system_is_not_judged),
    ("doctor_finds_nothing_wrong", doctor_finds_nothing_wrong),
];

fn privileged_pod_is_refused_in_full(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let namespace = cluster.namespace("refused", &json!({}))?;
    let refusal =
        cluster.client().create(&namespace.pods(), &privileged(pod("bad")))?.rejected()?;
    assert_eq!((refusal.code, refusal.reason.as_str()), (403, "Forbidden"), "{refusal:?}");
    let id = decision_id(&refusal.message)?;
    assert_eq!(
        refusal.message,
        format!(
            "\
admission webhook \"deny.podgate.dev\" denied the request: 1 violation of policy shared-kernel (decision {id})
  privileged: containers[app].securityContext.privileged is true, must be absent or false
    fix: remove spec.containers[0].securityContext.privileged
  more: podgate explain privileged | podgate explain {id}"
        )
    );
    Ok(())
}

fn compliant_pod_is_admitted_and_runs(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let namespace = cluster.namespace("admitted", &json!({}))?;
    namespace.run(&in_user_namespace(probe("web", &[])))?;
    Ok(())
}

fn podgate_itself_is_restricted(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    // The API server would have refused it otherwise: the namespace enforces the standard. So it must not be lax by itself.
    let path = format!("/api/v1/namespaces/{}", release::RELEASE);
    let labels = cluster.client().get(&path)?.accepted()?.body["metadata"]["labels"].clone();
    assert_eq!(labels[crate::installed::STRICT], "restricted");
    let all = [pods(cluster, "webhook")?, pods(cluster, "controller")?].concat();
    assert_eq!(all.len(), 3, "two webhooks and a controller");
    for pod in all {
        let container = &pod["spec"]["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{container:#}");
    }
    Ok(())
}

fn kube_system_is_not_judged(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let path = "/api/v1/namespaces/kube-system/pods?dryRun=All";
    let _ = cluster.client().create(path, &privileged(pod("node-agent")))?.accepted()?;
    Ok(())
}

fn doctor_finds_nothing_wrong(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let output = e2e::run_podgate(&["doctor"], cluster.kubeconfig(), "")?;
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
