//! Objects to send: a minimal pod that breaks no rule, and one change at a time.

use serde_json::{Value, json};

use crate::cluster::PROBE;

/// A pod that satisfies the strictest standard.
#[must_use]
pub fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "app",
                "image": "registry.example.com/app:1",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    })
}

/// The same as a program that runs: the one of the tests' own image, with `arguments`.
#[must_use]
pub fn probe(name: &str, arguments: &[&str]) -> Value {
    let mut pod = pod(name);
    pod["spec"]["containers"][0]["image"] = json!(PROBE);
    pod["spec"]["containers"][0]["args"] = json!(arguments);
    // It has nothing to finish.
    pod["spec"]["terminationGracePeriodSeconds"] = json!(0);
    pod
}

/// The pod in a user namespace: root inside is nobody outside.
#[must_use]
pub fn in_user_namespace(mut pod: Value) -> Value {
    pod["spec"]["hostUsers"] = json!(false);
    pod
}

/// The pod with its first container privileged.
#[must_use]
pub fn privileged(mut pod: Value) -> Value {
    // A container cannot be privileged and forbid escalation: the API server refuses that before any webhook is asked.
    pod["spec"]["containers"][0]["securityContext"] = json!({"privileged": true});
    pod
}

/// The pod with `count` copies of its first container, `app0`, `app1` and so on.
#[must_use]
pub fn repeated(mut pod: Value, count: usize) -> Value {
    let container = pod["spec"]["containers"][0].clone();
    let copy = |number| {
        let mut copy = container.clone();
        copy["name"] = json!(format!("app{number}"));
        copy
    };
    pod["spec"]["containers"] = (0..count).map(copy).collect();
    pod
}

/// The pod with the host's process ids.
#[must_use]
pub fn host_pid(mut pod: Value) -> Value {
    pod["spec"]["hostPID"] = json!(true);
    pod
}

/// The object with a label.
#[must_use]
pub fn labelled(mut object: Value, key: &str, value: &str) -> Value {
    object["metadata"]["labels"][key] = json!(value);
    object
}

/// The object with a finalizer, which keeps it once it is deleted.
#[must_use]
pub fn finalized(mut object: Value) -> Value {
    object["metadata"]["finalizers"] = json!(["podgate.dev/e2e"]);
    object
}

/// An object that holds a pod.
#[derive(Debug)]
pub struct Workload {
    /// Its kind.
    pub kind: &'static str,
    /// The group and version it is served in, as the start of a path.
    pub api: &'static str,
    /// The collection it is created in.
    pub resource: &'static str,
    /// Where its pod's spec is.
    pub spec: &'static str,
    /// Itself.
    pub object: Value,
}

/// Every kind of workload, each named after its resource and holding `pod`.
#[must_use]
pub fn workloads(pod: &Value) -> Vec<Workload> {
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": pod["spec"]});
    // Jobs refuse the default, `Always`.
    let mut job_template = template.clone();
    job_template["spec"]["restartPolicy"] = json!("Never");

    let apps = json!({"selector": {"matchLabels": {"app": "web"}}, "template": template});
    let mut stateful = apps.clone();
    stateful["serviceName"] = json!("web");
    let controller = json!({"selector": {"app": "web"}, "template": template});
    let cron =
        json!({"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": job_template}}});
    let in_template = "spec.template.spec";
    vec![
        workload("apps/v1", "Deployment", "deployments", in_template, json!({"spec": apps})),
        workload("apps/v1", "ReplicaSet", "replicasets", in_template, json!({"spec": apps})),
        workload("apps/v1", "StatefulSet", "statefulsets", in_template, json!({"spec": stateful})),
        workload("apps/v1", "DaemonSet", "daemonsets", in_template, json!({"spec": apps})),
        workload(
            "batch/v1",
            "Job",
            "jobs",
            in_template,
            json!({"spec": {"template": job_template}}),
        ),
        workload(
            "batch/v1",
            "CronJob",
            "cronjobs",
            "spec.jobTemplate.spec.template.spec",
            json!({"spec": cron}),
        ),
        workload(
            "v1",
            "ReplicationController",
            "replicationcontrollers",
            in_template,
            json!({"spec": controller}),
        ),
        workload(
            "v1",
            "PodTemplate",
            "podtemplates",
            "template.spec",
            json!({"template": template}),
        ),
    ]
}

fn workload(
    version: &'static str,
    kind: &'static str,
    resource: &'static str,
    spec: &'static str,
    mut object: Value,
) -> Workload {
    object["apiVersion"] = json!(version);
    object["kind"] = json!(kind);
    object["metadata"] = json!({"name": resource});
    let api = match version {
        "apps/v1" => "/apis/apps/v1",
        "batch/v1" => "/apis/batch/v1",
        _ => "/api/v1",
    };
    Workload { kind, api, resource, spec, object }
}
