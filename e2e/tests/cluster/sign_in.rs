//! Who may look at the ledger, as a real API server says.

use e2e::ledger_viewer;
use podgate::cluster::{Owner, SignIn, kubeconfig};

use crate::{Outcome, namespace, server};

#[test]
fn a_token_is_looked_up_and_its_owner_must_be_allowed_to_get_the_ledger() -> Outcome {
    let own = namespace()?;
    let auditor = server().account(&own.name, "auditor", &ledger_viewer())?;
    let stranger = server().account(&own.name, "stranger", &[])?;
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
