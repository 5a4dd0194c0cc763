//! Podgate changes, moves and dies while pods are created at fifty a second: none of them is to notice.

use anyhow::{Context as _, Result};
use e2e::cluster::{Tally, is_ready};
use e2e::objects::{pod, privileged};
use e2e::{Cluster, Outcome, release, say, wait_for};
use serde_json::{Value, json};

use crate::Test;
use crate::installed::{
    ROLLOUT, drained, kubectl, mebibytes, podgate, pods, restart, scale, settled, traffic, values,
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("rolling_restart_is_not_noticed", rolling_restart_is_not_noticed),
    ("scaling_up_and_down_is_not_noticed", scaling_up_and_down_is_not_noticed),
    ("controller_restart_is_not_noticed", controller_restart_is_not_noticed),
    ("certificate_rotation_is_not_noticed", certificate_rotation_is_not_noticed),
    ("certificates_of_a_minute_and_a_half_are_not_noticed", brief_certificates),
    ("new_policy_is_in_force_and_nothing_else_is_noticed", new_policy_is_in_force),
    ("upgrade_and_rollback_are_not_noticed", upgrade_and_rollback_are_not_noticed),
    ("memory_stays_small", memory_stays_small),
];

/// After which nothing of Podgate is left.
pub(crate) const LAST: &[(&str, Test)] =
    &[("uninstalled_podgate_blocks_nothing", uninstalled_podgate_blocks_nothing)];

/// What only the owner of a cluster may do to it.
pub(crate) const OWNERS_TESTS: &[(&str, Test)] = &[
    ("killed_replica_fails_only_what_was_under_way", killed_replica_fails_only_what_was_under_way),
    ("api_server_restart_lets_nothing_slip_in", api_server_restart_lets_nothing_slip_in),
    ("whole_cluster_comes_back", whole_cluster_comes_back),
];

fn rolling_restart_is_not_noticed(cluster: &Cluster) -> Outcome {
    unnoticed(cluster, "rolling restart", || restart(cluster, "podgate-webhook"))
}

fn scaling_up_and_down_is_not_noticed(cluster: &Cluster) -> Outcome {
    unnoticed(cluster, "2 to 5 to 2 replicas", || {
        scale(cluster, 5)?;
        scale(cluster, 2)
    })
}

fn controller_restart_is_not_noticed(cluster: &Cluster) -> Outcome {
    unnoticed(cluster, "controller restart", || restart(cluster, "podgate-controller"))
}

fn certificate_rotation_is_not_noticed(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    unnoticed(cluster, "certificate rotation", || {
        renewed(cluster, LEAF, || {
            kubectl(cluster, &["delete", "secret", LEAF])?;
            Ok(())
        })
    })
}

/// Both age as they would in years: nobody asks for a new one, and each authority hands over to the next.
fn brief_certificates(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let mut brief = values();
    // The kubelet takes up to ten seconds here to hand a new one on, and a replica fifteen to look at it.
    brief["certificates"] = json!({"lifetime": "90s", "caLifetime": "120s"});
    release::install(cluster, &brief)?;
    unnoticed(cluster, "certificates of 90 s by authorities of 120 s", || {
        // The present ones were made to last for months.
        for secret in [AUTHORITY, LEAF] {
            renewed(cluster, secret, || {
                kubectl(cluster, &["delete", "secret", secret])?;
                Ok(())
            })?;
        }
        // By the second hand-over the first authority has ended, and no API server trusts it any more.
        for _ in 0..2 {
            renewed(cluster, AUTHORITY, || Ok(()))?;
        }
        renewed(cluster, LEAF, || Ok(()))
    })?;
    release::install(cluster, &values())?;
    Ok(())
}

fn new_policy_is_in_force(cluster: &Cluster) -> Outcome {
    let namespace = cluster.namespace("reload", &json!({}))?;
    let policy = json!({
        "apiVersion": "podgate.dev/v1",
        "kind": "PodPolicy",
        "metadata": {"name": namespace.name},
        "spec": {
            "enforcement": "Deny",
            "match": {"namespaces": {"include": [namespace.name]}},
            "rules": [{"readOnlyRootFilesystem": {}}],
        },
    });
    let path = format!("{}?dryRun=All", namespace.pods());
    let all_answer =
        |code| settled(cluster, &path, &pod("good"), |answer| answer.code == code).map(drop);
    unnoticed(cluster, "policy reload", || {
        let _ = cluster.kubectl().run_on(&["create"], &policy)?.succeeded()?;
        all_answer(403)?;
        let _ = cluster.kubectl().run(&["delete", "podpolicy", &namespace.name])?.succeeded()?;
        all_answer(201)
    })
}

fn upgrade_and_rollback_are_not_noticed(cluster: &Cluster) -> Outcome {
    let mut changed = values();
    changed["webhook"] = json!({"podAnnotations": {"podgate.dev/e2e": "upgraded"}});
    unnoticed(cluster, "helm upgrade and rollback", || {
        release::install(cluster, &changed)?;
        let rollback = ["rollback", release::RELEASE, "--namespace", release::RELEASE];
        release::helm(
            cluster,
            &[&rollback[..], &["--wait", "--timeout=3m"]].concat(),
            &Value::Null,
        )?;
        Ok(())
    })
}

fn memory_stays_small(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let pods = [pods(cluster, "webhook")?, pods(cluster, "controller")?].concat();
    for pod in pods {
        let (name, node) =
            (&pod["metadata"]["name"], pod["spec"]["nodeName"].as_str().expect("a node"));
        let path = format!("/api/v1/nodes/{node}/proxy/stats/summary");
        let bytes = wait_for("the kubelet to have looked at the pod", ROLLOUT, || {
            let stats = cluster.client().get(&path)?.accepted()?.body;
            let pods = stats["pods"].as_array().cloned().unwrap_or_default();
            let own = pods.iter().find(|pod| pod["podRef"]["name"] == *name);
            let bytes = own.and_then(|pod| pod["memory"]["workingSetBytes"].as_u64());
            // Its first look is at the sandbox alone.
            Ok(bytes.filter(|bytes| *bytes > 1 << 20))
        })?;
        say(format_args!("memory of {name}: {}", mebibytes(bytes)));
        assert!(bytes < 64 << 20, "{name}: {bytes} bytes");
    }
    Ok(())
}

fn uninstalled_podgate_blocks_nothing(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let namespace = cluster.namespace("uninstalled", &json!({}))?;
    release::remove(cluster)?;
    let path = format!("{}?dryRun=All", namespace.pods());
    wait_for("the API server to forget podgate", ROLLOUT, || {
        let answer = cluster.client().create(&path, &privileged(pod("bad")))?;
        Ok((answer.code == 201).then_some(()))
    })?;
    for kind in [
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "clusterroles",
        "clusterrolebindings",
    ] {
        let left = cluster.kubectl().run(&["get", kind, "--output=name"])?.succeeded()?.stdout;
        assert!(!left.contains("podgate"), "{left}");
    }
    Ok(())
}

fn killed_replica_fails_only_what_was_under_way(cluster: &Cluster) -> Outcome {
    let tally = during(cluster, "kill -9 of one of two replicas", || {
        let victim = pods(cluster, "webhook")?.into_iter().next().context("there is a webhook")?;
        cluster.kill(&victim)?;
        wait_for("the replica to be back", ROLLOUT, || {
            let pods = pods(cluster, "webhook")?;
            let restarted =
                |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"] == 1;
            Ok((pods.iter().any(restarted) && pods.iter().all(is_ready)).then_some(()))
        })
    })?;
    assert_eq!(tally.slipped_in, [""; 0], "{tally}");
    // As many as can be under way at once, and in one place.
    assert!(tally.failed.len() <= 8, "{tally}: {:#?}", tally.failed);
    Ok(())
}

fn api_server_restart_lets_nothing_slip_in(cluster: &Cluster) -> Outcome {
    let tally = during(cluster, "API server restart", || cluster.restart_apiserver())?;
    assert_eq!(tally.slipped_in, [""; 0], "{tally}");
    // The API server says this of itself while it starts.
    let own = |failure: &&String| !failure.contains("not yet ready to handle request");
    let failed: Vec<_> = tally.failed.iter().filter(own).collect();
    assert!(failed.is_empty(), "{tally}: {failed:#?}");
    Ok(())
}

fn whole_cluster_comes_back(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let namespace = cluster.namespace("back", &json!({}))?;
    kubectl(cluster, &["delete", "pods", "--all", "--grace-period=0", "--force", "--wait=false"])?;
    cluster.power_cycle()?;
    let path = format!("{}?dryRun=All", namespace.pods());
    wait_for("podgate to judge again", ROLLOUT, || {
        let good = cluster.client().create(&path, &pod("good"))?;
        Ok((good.code == 201).then_some(()))
    })?;
    let refusal = cluster.client().create(&path, &privileged(pod("bad")))?.rejected()?;
    assert_eq!(refusal.code, 403, "{refusal:?}");
    Ok(())
}

/// Nothing fails and nothing slips in while `work` is done.
fn unnoticed(cluster: &Cluster, what: &str, work: impl FnOnce() -> Result<()>) -> Outcome {
    let tally = during(cluster, what, work)?;
    assert_eq!(tally.slipped_in, [""; 0], "{tally}");
    assert!(tally.failed.is_empty(), "{tally}: {:#?}", tally.failed);
    assert!(tally.untaken.is_empty(), "{tally}: {:#?}", tally.untaken);
    Ok(())
}

fn during(cluster: &Cluster, what: &str, work: impl FnOnce() -> Result<()>) -> Result<Tally> {
    podgate(cluster)?;
    let namespace = cluster.namespace("traffic", &json!({}))?;
    let ((), tally) = traffic(cluster, &namespace.pods()).during(|| {
        work()?;
        drained(cluster)
    })?;
    say(format_args!("{what}: {tally}"));
    assert!(tally.admitted > 0 && tally.denied > 0, "{tally}");
    Ok(tally)
}

/// The Secret of the certificate that is served.
const LEAF: &str = "podgate-tls";
/// The Secret of the authority that signed it.
const AUTHORITY: &str = "podgate-tls-ca";

/// Does `work`, and returns once another certificate stands in `secret`.
fn renewed(cluster: &Cluster, secret: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let certificate =
        || kubectl(cluster, &["get", "secret", secret, "--output=jsonpath={.data.tls\\.crt}"]);
    let before = certificate()?;
    work()?;
    wait_for("another certificate", ROLLOUT, || {
        Ok(certificate().ok().filter(|now| *now != before).map(|_| ()))
    })
}
