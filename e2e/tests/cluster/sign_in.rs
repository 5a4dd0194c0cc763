//! Who may look at the ledger, as a real API server says.

use podgate::cluster::{Owner, SignIn, kubeconfig};
use serde_json::json;

use crate::{Outcome, namespace, server};

#[test]
fn a_token_is_looked_up_and_its_owner_must_be_allowed_to_get_the_ledger() -> Outcome {
    let (client, own) = (server().client(), namespace()?);
    for account in ["auditor", "stranger"] {
        let path = own.path("/api/v1", "serviceaccounts");
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}});
        let _ = client.create(&path, &account)?.accepted()?;
    }
    // As the chart has it, and as an admin binds it.
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": own.name},
        "rules": [{"apiGroups": ["podgate.dev"], "resources": ["ledger"], "verbs": ["get"]}]});
    let _ = client.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role)?.accepted()?;
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": own.name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": own.name},
        "subjects": [{"kind": "ServiceAccount", "name": "auditor", "namespace": own.name}]});
    let _ = client
        .create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding)?
        .accepted()?;
    let token = |account: &str| {
        let arguments = ["create", "token", account, "--namespace", &own.name];
        anyhow::Ok(server().kubectl().run(&arguments)?.succeeded()?.stdout.trim().to_owned())
    };
    let (auditor, stranger) = (token("auditor")?, token("stranger")?);
    let user = |account: &str| format!("system:serviceaccount:{}:{account}", own.name);

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let seen = runtime.block_on(async {
        let client = kubeconfig::connect(Some(server().kubectl().kubeconfig()), None).await?;
        let sign_in = SignIn::new(client);
        let ask = async |token: &str| sign_in.owner(token).await.map_err(anyhow::Error::msg);
        anyhow::Ok([
            ask(&auditor).await?,
            ask(&stranger).await?,
            ask("nobody's").await?,
            ask("").await?,
        ])
    })?;

    let expected = [
        Owner::Allowed(user("auditor")),
        Owner::Forbidden(user("stranger")),
        Owner::Unknown,
        Owner::Unknown,
    ];
    assert_eq!(seen, expected);
    Ok(())
}
