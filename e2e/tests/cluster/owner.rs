//! Who owns a namespace cannot except itself: an exception is an object of the cluster.

use serde_json::json;

use crate::{Outcome, namespace, resource, server};

const RBAC: &str = "rbac.authorization.k8s.io";

#[test]
fn who_may_do_everything_in_a_namespace_may_not_make_an_exception() -> Outcome {
    let own = namespace()?;
    let binding = json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": {"name": "owner"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": own.name, "apiGroup": RBAC}],
    });
    let bindings = format!("/apis/{RBAC}/v1/namespaces/{}/rolebindings", own.name);
    let _ = server().client().create(&bindings, &binding)?.accepted()?;
    let kubectl = server().kubectl();
    let create = ["create", "--as", &own.name, "--namespace", &own.name];

    // It is the owner's namespace, indeed.
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}});
    let _ = kubectl.run_on(&create, &config)?.succeeded()?;

    let spec = json!({
        "policy": "gate", "rules": ["privileged"], "match": {"namespaces": {"include": [own.name]}},
        "reason": "because I can", "owner": "me@example.com", "expires": "2099-01-01T00:00:00Z",
    });
    let refused = kubectl.run_on(&create, &resource("PodPolicyException", "mine", &spec))?;
    assert!(
        refused.stderr.contains("podpolicyexceptions.podgate.dev is forbidden")
            && refused.stderr.contains("at the cluster scope"),
        "{refused:?}"
    );
    // Nor may the owner change what the policy is held to, or take it away.
    for verb in ["update", "patch", "delete"] {
        for kind in ["podpolicies.podgate.dev", "podpolicyexceptions.podgate.dev"] {
            let asked = kubectl.run(&["auth", "can-i", verb, kind, "--as", &own.name])?;
            assert_eq!(asked.stdout.trim(), "no", "{verb} {kind}: {asked:?}");
        }
    }
    Ok(())
}
