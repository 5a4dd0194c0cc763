//! Whether the API server refuses, in podgate's name, a pod that no policy of the library allows. It is asked by
//! a dry run, so that nothing is made.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::json;
use tokio::time::MissedTickBehavior;

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Podgate refused it, in these words.
    Refused(String),
    /// It would have been made.
    LetIn,
    /// The API server could not ask podgate, and says why.
    Unreachable(String),
    /// Somebody else refused it, so that podgate was not needed.
    RefusedByOther(String),
}

/// The entries whose refusals count.
const ENTRIES: [&str; 2] = ["deny.podgate.dev", "system.podgate.dev"];

/// Asks the API server to make the pod in `namespace`.
///
/// # Errors
/// Where it was not asked, or gave no answer that is about the pod.
pub async fn prove(client: Client, namespace: &str) -> kube::Result<Proof> {
    let pods: Api<Pod> = Api::namespaced(client, namespace);
    let params = PostParams { dry_run: true, ..PostParams::default() };
    match pods.create(&params, &pod()?).await {
        Ok(_) => Ok(Proof::LetIn),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 500) => {
            Ok(read(&status.message))
        }
        Err(error) => Err(error),
    }
}

/// Asks again and again, and tells whether podgate refused. Where the API server gives no answer, nothing is told: what
/// was last known stays.
pub async fn keep(client: Client, namespace: String, every: Duration, told: impl Fn(bool)) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    loop {
        ticks.tick().await;
        let (proved, why) = match prove(client.clone(), &namespace).await {
            Ok(Proof::Refused(_)) => (Some(true), String::new()),
            Ok(Proof::LetIn) => (Some(false), "a privileged pod would be let in".to_owned()),
            Ok(Proof::Unreachable(why) | Proof::RefusedByOther(why)) => (Some(false), why),
            Err(error) => (None, error.to_string()),
        };
        proved.into_iter().for_each(&told);
        if before.replace(proved) == Some(proved) {
            continue;
        }
        if proved == Some(true) {
            tracing::info!(
                namespace,
                "enforcement is proved: the API server refuses a privileged pod"
            );
        } else {
            tracing::warn!(namespace, why, "enforcement is not proved");
        }
    }
}

fn pod() -> kube::Result<Pod> {
    let pod = json!({
        "metadata": {"generateName": "podgate-proof-"},
        "spec": {
            "hostNetwork": true,
            "hostPID": true,
            "hostIPC": true,
            "containers": [{
                "name": "proof",
                "image": "podgate.invalid/proof",
                "securityContext": {"privileged": true, "runAsUser": 0},
            }],
        },
    });
    serde_json::from_value(pod).map_err(kube::Error::SerdeError)
}

/// What a refusal says: the texts are those of the API server, the same since webhooks came.
fn read(message: &str) -> Proof {
    let says = |before: &str, after: &str| {
        ENTRIES.iter().any(|entry| message.contains(&format!("{before} \"{entry}\"{after}")))
    };
    if says("admission webhook", " denied the request") {
        Proof::Refused(message.to_owned())
    } else if says("failed calling webhook", "") {
        Proof::Unreachable(message.to_owned())
    } else {
        Proof::RefusedByOther(message.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_in_podgates_name_is_a_proof() {
        let refused = "admission webhook \"deny.podgate.dev\" denied the request: 1 violation";
        assert_eq!(read(refused), Proof::Refused(refused.to_owned()));
        let away = "Internal error occurred: failed calling webhook \"deny.podgate.dev\": failed to call webhook: EOF";
        assert_eq!(read(away), Proof::Unreachable(away.to_owned()));
        for other in [
            "pods \"podgate-proof-x\" is forbidden: violates PodSecurity \"baseline:latest\": privileged",
            "pods is forbidden: User \"system:anonymous\" cannot create resource \"pods\"",
            "admission webhook \"deny.example.com\" denied the request: deny.podgate.dev",
        ] {
            assert_eq!(read(other), Proof::RefusedByOther(other.to_owned()));
        }
    }
}
