//! Whether the service accounts of podgate's Deployments may do what their flags have them do.

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::{Finding, Options};

const CHECK: &str = "rbac";

/// One thing that must be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    /// In podgate's own namespace, not in the whole cluster.
    own: bool,
    /// Name of the one object that it is about; empty for all.
    name: String,
}

impl Need {
    fn new(verb: &'static str, group: &'static str, resource: &'static str) -> Self {
        Self { verb, group, resource, subresource: "", own: false, name: String::new() }
    }
}

/// What a process with these arguments asks of the API server.
fn needs(args: &[&str], options: &Options) -> Vec<Need> {
    let has =
        |flag: &str| args.iter().any(|arg| *arg == flag || arg.starts_with(&format!("{flag}=")));
    let role = |name: &str| {
        args.windows(2).any(|pair| pair == ["--role", name])
            || args.iter().any(|arg| *arg == format!("--role={name}"))
    };
    let controls = !role("webhook");
    let mut needs = Vec::new();
    if has("--watch-namespaces") {
        needs.extend(["list", "watch"].map(|verb| Need::new(verb, "", "namespaces")));
    }
    if has("--watch-nodes") && (!role("controller") || has("--watch-policies")) {
        needs.extend(["list", "watch"].map(|verb| Need::new(verb, "", "nodes")));
    }
    if has("--watch-policies") {
        for resource in ["podpolicies", "podpolicyexceptions"] {
            needs.extend(["list", "watch"].map(|verb| Need::new(verb, "podgate.dev", resource)));
            if controls {
                needs.push(Need::new("get", "podgate.dev", resource));
                let patch = Need::new("patch", "podgate.dev", resource);
                needs.push(Need { subresource: "status", ..patch });
            }
        }
    }
    let own = |verb, group, resource, name: String| Need {
        own: true,
        name,
        ..Need::new(verb, group, resource)
    };
    if controls && (has("--tls-managed") || has("--watch-policies")) {
        let leases = |verb, name: &str| own(verb, "coordination.k8s.io", "leases", name.to_owned());
        needs.push(leases("create", ""));
        needs.extend(["get", "update"].map(|verb| leases(verb, "podgate-controller")));
    }
    if has("--tls-managed") && controls {
        let secret = &options.certificate_secret;
        for name in [secret.clone(), format!("{secret}-ca")] {
            needs.extend(["get", "update"].map(|verb| own(verb, "", "secrets", name.clone())));
        }
        needs.push(own("create", "", "secrets", String::new()));
        for (_, resource) in super::reviews::KINDS {
            needs.extend(["get", "patch"].map(|verb| Need {
                name: options.webhook_configuration.clone(),
                ..Need::new(verb, "admissionregistration.k8s.io", resource)
            }));
        }
    }
    needs
}

pub(super) async fn look(cluster: &Cluster, options: &Options) -> Vec<Finding> {
    let path = format!("/apis/apps/v1/namespaces/{}/deployments", options.namespace);
    let deployments = match cluster.list(&path).await {
        Ok(deployments) => deployments,
        Err(error) => return vec![Finding::unknown(CHECK, "podgate's Deployments", &error)],
    };
    let mut findings = Vec::new();
    for deployment in &deployments {
        if deployment["metadata"]["labels"]["app.kubernetes.io/name"] == "podgate" {
            findings.push(of_deployment(cluster, options, deployment).await);
        }
    }
    findings
}

async fn of_deployment(cluster: &Cluster, options: &Options, deployment: &Value) -> Finding {
    let spec = &deployment["spec"]["template"]["spec"];
    let containers = spec["containers"].as_array().into_iter().flatten();
    let args: Vec<&str> = containers
        .into_iter()
        .flat_map(|container| container["args"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let account = spec["serviceAccountName"].as_str().unwrap_or("default");
    let needs = needs(&args, options);
    let mut missing = Vec::new();
    for need in &needs {
        match is_allowed(cluster, options, account, need).await {
            Ok(true) => {}
            Ok(false) => missing.push(words(need)),
            Err(error) => return Finding::unknown(CHECK, "what podgate may do", &error),
        }
    }
    if missing.is_empty() {
        let count = needs.len();
        return Finding::fine(
            CHECK,
            format!("service account {account} may do the {count} things it has to"),
        );
    }
    let found = format!("service account {account} may not {}", missing.join(", nor "));
    Finding::wrong(CHECK, found, "install the chart's Roles and ClusterRoles anew (helm upgrade)")
}

fn words(need: &Need) -> String {
    let Need { verb, resource, subresource, name, .. } = need;
    let slash = if subresource.is_empty() { "" } else { "/" };
    let space = if name.is_empty() { "" } else { " " };
    format!("{verb} {resource}{slash}{subresource}{space}{name}")
}

async fn is_allowed(
    cluster: &Cluster,
    options: &Options,
    account: &str,
    need: &Need,
) -> kube::Result<bool> {
    let namespace = &options.namespace;
    let groups = [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
        "system:authenticated".to_owned(),
    ];
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": format!("system:serviceaccount:{namespace}:{account}"),
            "groups": groups,
            "resourceAttributes": {
                "verb": need.verb,
                "group": need.group,
                "resource": need.resource,
                "subresource": need.subresource,
                "name": need.name,
                "namespace": if need.own { namespace.as_str() } else { "" },
            },
        },
    });
    let answer =
        cluster.review("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await?;
    Ok(answer["status"]["allowed"] == true)
}
