//! Policies and exceptions as custom resources: in force, refused when broken, and told their status.

use anyhow::{Context as _, Result};
use e2e::objects::{host_pid, pod, privileged};
use e2e::{Gate, Namespace, wait_for};
use serde_json::{Value, json};

use crate::{BOUND, Outcome, assert_denied_by, namespace, only_writer_of_status, resource, server};

const POLICIES: &str = "/apis/podgate.dev/v1/podpolicies";
const EXCEPTIONS: &str = "/apis/podgate.dev/v1/podpolicyexceptions";

const FILE: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata:
  name: from-a-file
spec:
  rules:
  - privileged: {}
";

/// The status and message of a condition of the resource at `path`, once `look` likes the status.
fn condition(path: &str, kind: &str, status: &str) -> Result<(String, Value)> {
    let found = wait_for(&format!("{path} to be {kind}={status}"), BOUND, || {
        let object = server().client().get(path)?.accepted()?.body;
        let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = all.into_iter().find(|c| c["type"] == kind && c["status"] == status);
        Ok(found.map(|condition| (condition, object)))
    })?;
    let message = found.0["message"].as_str().context("a message")?.to_owned();
    Ok((message, found.1))
}

fn report(gate: &Gate<'_>) -> Result<Value> {
    Ok(serde_json::from_str(&gate.podgate().admin("/readyz")?.1)?)
}

/// Returns once a pod like `bad` is answered with `code`.
fn until(gate_namespace: &Namespace, bad: &Value, code: u16) -> Result<()> {
    let pods = format!("{}?dryRun=All", gate_namespace.pods());
    wait_for(&format!("the pod to be answered with {code}"), BOUND, || {
        Ok((server().client().create(&pods, bad)?.code == code).then_some(()))
    })
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn policies_as_resources_from_apply_to_delete() -> Outcome {
    let _only = only_writer_of_status();
    let own = namespace()?;
    let arguments = ["--watch-policies", "--namespace", &own.name];
    let gate = Gate::in_cluster(server(), &[FILE], &arguments)?;
    let (client, kubectl) = (server().client(), server().kubectl());
    let namespace = gate.guarded()?;
    gate.guard_policies()?;
    let only_here = json!({"namespaces": {"include": [namespace.name]}});

    // In force beside the files, without a restart.
    let policy = resource(
        "PodPolicy",
        "no-host",
        &json!({"match": only_here, "rules": [{"hostNamespaces": {}}]}),
    );
    let output = kubectl.run_on(&["apply"], &policy)?.succeeded()?;
    assert_eq!(output.stdout, "podpolicy.podgate.dev/no-host created\n");
    until(&namespace, &host_pid(pod("web")), 403)?;
    let refusal = client.create(&namespace.pods(), &host_pid(pod("web")))?.rejected()?;
    assert_denied_by(&refusal, "no-host");
    let refusal = client.create(&namespace.pods(), &privileged(pod("web")))?.rejected()?;
    assert_denied_by(&refusal, "from-a-file");

    // Its status says so, with the digest that readiness and decisions name.
    let path = format!("{POLICIES}/no-host");
    let (message, object) = condition(&path, "InForce", "True")?;
    let digest = report(&gate)?["policySet"]["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(message, format!("part of policy set {digest}"));
    assert_eq!(object["status"]["policySet"], digest);
    condition(&path, "Compiled", "True")?;
    let table = kubectl.run(&["get", "pp", "no-host"])?.succeeded()?.stdout;
    let words =
        |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = table.lines().map(words).collect();
    assert_eq!(lines[0], "NAME ENFORCEMENT STANDARD COMPILED IN FORCE AGE");
    assert!(lines[1].starts_with("no-host True True "), "{table}");

    // What the compiler would refuse is refused when it is applied, with its line.
    let mut broken = policy.clone();
    broken["spec"]["rules"] = json!([{"hostNamespaces": {}}, {"hostNamespaces": {}}]);
    let refusal = client
        .replace(&path, &{
            let mut object = broken.clone();
            object["metadata"]["resourceVersion"] =
                client.get(&path)?.accepted()?.body["metadata"]["resourceVersion"].clone();
            object
        })?
        .rejected()?;
    assert_eq!((refusal.code, refusal.reason.as_str()), (422, "Invalid"));
    assert_eq!(
        refusal.message,
        "admission webhook \"policies.podgate.dev\" denied the request: 1 error in PodPolicy no-host\
         \n  line 12, column 7: spec.rules[1]: rule hostNamespaces is listed twice, first on line 11; remove one of them"
    );
    let mut misspelt = policy.clone();
    misspelt["metadata"]["name"] = json!("misspelt");
    misspelt["spec"]["match"] = json!({"namespace": {"include": ["a"]}});
    let stderr = kubectl.run_on(&["create"], &misspelt)?.refused()?;
    assert!(
        stderr.contains("unknown field \"namespace\"; did you mean \"namespaces\"?"),
        "{stderr}"
    );

    // A name that a file has already.
    let mut twice = policy.clone();
    twice["metadata"]["name"] = json!("from-a-file");
    let refusal = client.create(POLICIES, &twice)?.rejected()?;
    assert!(refusal.message.contains("policy from-a-file is already defined at "), "{refusal:?}");
    assert!(refusal.message.contains("policy-0.yaml:4:9"), "{refusal:?}");

    // An exception, applied together with nothing wrong.
    let exception = resource(
        "PodPolicyException",
        "agent",
        &json!({
            "policy": "no-host", "rules": ["hostNamespaces"], "match": only_here,
            "reason": "reads host process metrics", "owner": "observability@example.com",
            "expires": "2127-06-30T00:00:00Z",
        }),
    );
    let _ = client.create(EXCEPTIONS, &exception)?.accepted()?;
    until(&namespace, &host_pid(pod("web")), 201)?;
    condition(&format!("{EXCEPTIONS}/agent"), "InForce", "True")?;
    let mut early = exception.clone();
    early["metadata"]["name"] = json!("early");
    early["spec"]["policy"] = json!("comes-later");
    let answer = client.create(&format!("{EXCEPTIONS}?dryRun=All"), &early)?.accepted()?;
    assert!(answer.warnings[0].contains("there is no policy \"comes-later\""), "{answer:?}");
    let _ = client.delete(&format!("{EXCEPTIONS}/agent"))?.accepted()?;
    until(&namespace, &host_pid(pod("web")), 403)?;

    // Broken all the same, as when nobody was asked: what it was stays in force, and the status says why.
    let unguarded = json!({"webhooks": []});
    let asked = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let name = gate.configurations()[1].0.rsplit('/').next().expect("a name").to_owned();
    let _ = client.merge(&format!("{asked}/{name}-policies"), &unguarded)?.accepted()?;
    wait_for("nobody to be asked about policies", BOUND, || {
        let code = client.merge(&path, &json!({"spec": {"rules": broken["spec"]["rules"]}}))?.code;
        Ok((code == 200).then_some(()))
    })?;
    let (message, _) = condition(&path, "Compiled", "False")?;
    assert!(message.contains("podpolicy/no-host:12:7: error: spec.rules[1]: "), "{message}");
    let (message, _) = condition(&path, "InForce", "False")?;
    assert!(message.starts_with("as it was before its last change, "), "{message}");
    let refusal = client.create(&namespace.pods(), &host_pid(pod("web")))?.rejected()?;
    assert_denied_by(&refusal, "no-host");
    let report_now = report(&gate)?;
    assert_eq!(report_now["ready"], true);
    assert!(
        report_now["problems"][0].as_str().expect("a problem").contains("podpolicy/no-host:12:7")
    );
    assert_eq!(gate.podgate().metric("podgate_policies{state=\"broken\"}")?, 1);

    // A good one beside it is in force nevertheless.
    let other = resource(
        "PodPolicy",
        "no-ports",
        &json!({"match": only_here, "rules": [{"hostPorts": {}}]}),
    );
    let _ = client.create(POLICIES, &other)?.accepted()?;
    condition(&format!("{POLICIES}/no-ports"), "InForce", "True")?;

    // Deleted, it is gone.
    let _ = client.delete(&path)?.accepted()?;
    until(&namespace, &host_pid(pod("web")), 201)?;
    let _ = client.delete(&format!("{POLICIES}/no-ports"))?.accepted()?;
    Ok(())
}
