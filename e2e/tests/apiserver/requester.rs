//! Who asks counts, as the API server says who it is.

use e2e::objects::{pod, privileged};
use e2e::{Gate, decision_id};

use crate::{Outcome, SHARED_KERNEL, one_violation, server};

const BUILDER: &str = "--as=system:serviceaccount:ci:builder";
const TESTER: &str = "--as=system:serviceaccount:ci:tester";
/// Lets whoever it is create pods, so that the policy is what decides.
const ALLOWED: &str = "--as-group=system:masters";

#[test]
fn excluded_service_account_is_let_through_and_its_neighbour_is_not() -> Outcome {
    let policy = SHARED_KERNEL.replace(
        "  rules:\n",
        "  match:\n    requesters: {exclude: {serviceAccounts: [ci/builder]}}\n  rules:\n",
    );
    let gate = Gate::start(server(), &[&policy])?;
    let namespace = gate.guarded()?;
    let kubectl = server().kubectl();
    let create = |who| ["create", "--namespace", &namespace.name, who, ALLOWED];

    let admitted = kubectl.run_on(&create(BUILDER), &privileged(pod("built")))?.succeeded()?;
    assert_eq!((admitted.stdout.as_str(), admitted.stderr.as_str()), ("pod/built created\n", ""));

    let stderr = kubectl.run_on(&create(TESTER), &privileged(pod("tested")))?.refused()?;
    let id = decision_id(&stderr)?;
    let text = one_violation("containers[app]", "spec.containers[0]", id);
    assert_eq!(
        stderr,
        format!("Error from server (Forbidden): error when creating \"STDIN\": {text}\n")
    );
    let record = gate.podgate().record(id)?;
    assert_eq!(record["user"]["name"], "system:serviceaccount:ci:tester");
    assert_eq!(
        record["user"]["groups"],
        serde_json::json!(["system:masters", "system:authenticated"])
    );
    Ok(())
}
