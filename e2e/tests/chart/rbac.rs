//! Every permission is asked for by something that Podgate does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{all_values, of_kind, render, texts, values};

const WEBHOOK: &str = "ClusterRole/podgate-webhook";
const CONTROLLER: &str = "ClusterRole/podgate-controller";
const WRITER: &str = "Role/podgate-controller";
const VALIDATING: &str = "validatingwebhookconfigurations";
const MUTATING: &str = "mutatingwebhookconfigurations";
const VIEWER: &str = "ClusterRole/podgate-ledger-viewer";
const SECRETS: &str = "podgate-tls podgate-tls-ca";

/// Role, resource, its names (empty: any), verb, and what it is for. Nothing else is granted.
const GRANTED: &[(&str, &str, &str, &str, &str)] = &[
    (WEBHOOK, "podpolicies", "", "list", "policies are in force from a list"),
    (WEBHOOK, "podpolicies", "", "watch", "and follow what changes"),
    (WEBHOOK, "podpolicyexceptions", "", "list", "the same"),
    (WEBHOOK, "podpolicyexceptions", "", "watch", "the same"),
    (WEBHOOK, "namespaces", "", "list", "labels, for namespaceSelector"),
    (WEBHOOK, "namespaces", "", "watch", "the same"),
    (WEBHOOK, "nodes", "", "list", "whether any offers user namespaces"),
    (WEBHOOK, "nodes", "", "watch", "the same"),
    (CONTROLLER, "podpolicies", "", "get", "whether it is still what was compiled"),
    (CONTROLLER, "podpolicyexceptions", "", "get", "the same"),
    (CONTROLLER, "podpolicies", "", "list", "their status is written"),
    (CONTROLLER, "podpolicies", "", "watch", "when they change"),
    (CONTROLLER, "podpolicyexceptions", "", "list", "the same"),
    (CONTROLLER, "podpolicyexceptions", "", "watch", "the same"),
    (CONTROLLER, "nodes", "", "list", "whether they can run what policies ask for"),
    (CONTROLLER, "nodes", "", "watch", "the same"),
    (CONTROLLER, "podpolicies/status", "", "patch", "compiled, in force"),
    (CONTROLLER, "podpolicyexceptions/status", "", "patch", "the same"),
    (CONTROLLER, VALIDATING, "podgate", "get", "whose CA the API server trusts"),
    (
        CONTROLLER,
        VALIDATING,
        "podgate",
        "list",
        "somebody took the CA out: a watch begins with a list",
    ),
    (CONTROLLER, VALIDATING, "podgate", "watch", "and is told at once"),
    (CONTROLLER, VALIDATING, "podgate", "patch", "a new CA, before it is used"),
    (CONTROLLER, MUTATING, "podgate", "get", "the same"),
    (CONTROLLER, MUTATING, "podgate", "list", "the same"),
    (CONTROLLER, MUTATING, "podgate", "watch", "the same"),
    (CONTROLLER, MUTATING, "podgate", "patch", "the same"),
    (WRITER, "leases", "", "create", "one writer; a create has no name"),
    (WRITER, "leases", "podgate-controller", "get", "who it is"),
    (WRITER, "leases", "podgate-controller", "update", "to become it, stay it and give it back"),
    (WRITER, "secrets", "", "create", "CA and leaf; a create has no name"),
    (WRITER, "secrets", SECRETS, "get", "are they ours, and still good?"),
    (WRITER, "secrets", SECRETS, "list", "somebody changed them: a watch begins with a list"),
    (WRITER, "secrets", SECRETS, "watch", "and is told at once"),
    (WRITER, "secrets", SECRETS, "update", "rotation"),
    (CONTROLLER, "events", "", "create", "a denial, told of beside its owner"),
    (CONTROLLER, "events", "", "patch", "how often it came"),
    (CONTROLLER, "reports", "podgate", "list", "which Reports are there; a list by this name"),
    (CONTROLLER, "reports", "podgate", "create", "where something was found"),
    (CONTROLLER, "reports", "podgate", "patch", "where it is not what it was"),
    (CONTROLLER, "reports", "podgate", "delete", "where nothing was found lately"),
    (CONTROLLER, "tokenreviews", "", "create", "whose token the console was shown"),
    (CONTROLLER, "subjectaccessreviews", "", "create", "whether its owner may look"),
    (VIEWER, "ledger", "", "get", "for whoever may look; bound by nobody here"),
    (WRITER, "secrets", "podgate-ledger-key", "get", "is there a key that signs the ledger?"),
    (
        "Role/podgate-proof",
        "pods",
        "",
        "create",
        "a dry run needs the right; a quota lets none run",
    ),
    (
        "Role/podgate-test",
        "pods",
        "",
        "create",
        "helm test asks by a dry run, which needs the right",
    ),
];

#[test]
fn every_permission_has_a_reason_and_every_reason_a_permission() {
    let table: BTreeSet<_> = GRANTED
        .iter()
        .map(|(role, resource, names, verb, _)| (*role, *resource, *names, *verb))
        .collect();
    let mut seen = BTreeSet::new();
    for (name, values) in all_values() {
        let objects = render(&values);
        for permission in granted(&objects) {
            let (role, resource, names, verb) = &permission;
            let names = names.replace("mine", "podgate-tls");
            assert!(
                table.contains(&(role.as_str(), resource.as_str(), names.as_str(), verb.as_str())),
                "{name}: {permission:?} is granted, and nothing says why"
            );
            seen.insert((role.clone(), resource.clone(), names, verb.clone()));
        }
    }
    for (role, resource, names, verb) in table {
        let permission = (role.to_owned(), resource.to_owned(), names.to_owned(), verb.to_owned());
        assert!(seen.contains(&permission), "{permission:?} is never granted");
    }
}

/// The right to create pods is there while `helm test` runs, and in the one namespace where it asks.
#[test]
fn the_right_to_create_pods_goes_with_the_test() {
    let mut elsewhere = values("ha", "managed");
    elsewhere["tests"] = json!({"namespace": "sandbox"});
    let objects = render(&elsewhere);
    for kind in ["Role", "RoleBinding", "ServiceAccount", "Pod"] {
        let object = crate::object(&objects, kind, "podgate-test");
        let annotations = &object["metadata"]["annotations"];
        assert_eq!(annotations["helm.sh/hook"], "test");
        let deleted = annotations["helm.sh/hook-delete-policy"].as_str().unwrap();
        for when in ["before-hook-creation", "hook-succeeded", "hook-failed"] {
            assert!(deleted.contains(when), "{kind}: {deleted}");
        }
        let namespace = if kind.starts_with("Role") { "sandbox" } else { "podgate" };
        assert_eq!(object["metadata"]["namespace"], namespace);
    }
    let pod = crate::object(&objects, "Pod", "podgate-test");
    assert_eq!(pod["spec"]["containers"][0]["args"], json!(["prove", "--namespace=sandbox"]));
}

/// So does that of whoever proves enforcement, for good, but where no pod can run.
#[test]
fn enforcement_is_proved_where_no_pod_can_run() {
    let mut values = values("ha", "managed");
    assert!(of_kind(&render(&values), "Namespace").is_empty());
    values["controller"] = json!({"proof": {"enabled": true, "every": "1m"}});
    let objects = render(&values);
    let namespace = crate::object(&objects, "Namespace", "podgate-proof");
    let labels = &namespace["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "privileged");
    let quota = crate::object(&objects, "ResourceQuota", "podgate-proof");
    assert_eq!(quota["spec"]["hard"], json!({"pods": "0"}));
    for object in [quota, crate::object(&objects, "Role", "podgate-proof")] {
        assert_eq!(object["metadata"]["namespace"], "podgate-proof");
    }
    let controller = crate::arguments(&objects, "podgate-controller");
    for argument in ["--prove-in=podgate-proof", "--prove-every=1m"] {
        assert!(controller.contains(&argument), "{controller:?}");
        assert!(!crate::arguments(&objects, "podgate-webhook").contains(&argument));
    }
}

/// Every role is bound to one of the two accounts, in this namespace, and to nobody else.
#[test]
fn roles_are_bound_to_podgates_own_accounts() {
    for (name, values) in all_values() {
        let objects = render(&values);
        let accounts: BTreeSet<_> = of_kind(&objects, "ServiceAccount")
            .into_iter()
            .map(|account| account["metadata"]["name"].as_str().unwrap())
            .collect();
        for (role, binding) in [("Role", "RoleBinding"), ("ClusterRole", "ClusterRoleBinding")] {
            let roles: Vec<_> = of_kind(&objects, role)
                .iter()
                .map(|role| role["metadata"]["name"].clone())
                // It is for people, and who binds it says for whom.
                .filter(|name| name != "podgate-ledger-viewer")
                .collect();
            let bound: Vec<_> = of_kind(&objects, binding)
                .iter()
                .map(|binding| {
                    let [subject] = &binding["subjects"].as_array().unwrap()[..] else {
                        panic!("{name}")
                    };
                    assert_eq!(subject["kind"], "ServiceAccount", "{name}");
                    assert_eq!(subject["namespace"], "podgate", "{name}");
                    assert!(accounts.contains(subject["name"].as_str().unwrap()), "{name}");
                    assert_eq!(binding["roleRef"]["kind"], role, "{name}");
                    binding["roleRef"]["name"].clone()
                })
                .collect();
            assert_eq!(roles, bound, "{name}");
        }
    }
}

#[test]
fn what_is_switched_off_needs_no_permission() {
    let mut off = values("ha", "certManager");
    off["policies"] = json!({"watch": false});
    off["ledger"] = json!({"enabled": false});
    off["webhook"] = json!({"watchNamespaces": false, "watchNodes": false});
    let objects = render(&off);
    let left: Vec<_> = granted(&objects).into_iter().map(|(role, ..)| role).collect();
    assert_eq!(left, ["Role/podgate-test"]);
    // Nothing is left for a controller to do.
    assert_eq!(of_kind(&objects, "Deployment").len(), 1);
}

fn granted(objects: &[Value]) -> Vec<(String, String, String, String)> {
    let mut permissions = Vec::new();
    for kind in ["ClusterRole", "Role"] {
        for role in of_kind(objects, kind) {
            let name = format!("{kind}/{}", role["metadata"]["name"].as_str().unwrap());
            for rule in role["rules"].as_array().unwrap() {
                let names = texts(&rule["resourceNames"]).join(" ");
                for resource in texts(&rule["resources"]) {
                    for verb in texts(&rule["verbs"]) {
                        permissions.push((
                            name.clone(),
                            resource.to_owned(),
                            names.clone(),
                            verb.to_owned(),
                        ));
                    }
                }
            }
        }
    }
    permissions
}
