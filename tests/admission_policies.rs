//! `ValidatingAdmissionPolicy` documents: what is wrong with one is told with its place, and one command judges by both
//! kinds of policy. That both judge as the API server does is shown by the tests of the API server.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use podgate::policy::{self, Options, PolicySet, Problem, Source};

#[path = "support/commands.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod commands;

use commands::{podgate, stderr, stdout};

/// The policy of docs/admission-policies.md, and its binding and parameters.
fn page(number: usize) -> &'static str {
    let blocks = include_str!("../docs/admission-policies.md").split("```yaml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).nth(number).unwrap()
}

fn compile(text: &str) -> (Option<PolicySet>, Vec<Problem>) {
    let source = Source { name: "p.yaml".to_owned(), text: text.to_owned() };
    let options = Options { admission_policies: true, ..Options::at(Timestamp::UNIX_EPOCH) };
    match policy::compile(&[source], &options) {
        Ok((set, warnings)) => (Some(set), warnings),
        Err(problems) => (None, problems),
    }
}

fn told(text: &str) -> String {
    let (_, problems) = compile(text);
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What is changed in the page, and what is told then.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "failurePolicy: Fail",
        "failurePolicy: Deny",
        "p.yaml:5:18: error: spec.failurePolicy: unknown word \"Deny\"; write Fail or Ignore",
    ),
    (
        "failurePolicy",
        "failurPolicy",
        "p.yaml:5:3: error: spec: unknown field \"failurPolicy\"; did you mean \"failurePolicy\"?",
    ),
    ("variables.most\n", "variables.mst\n", "error: spec.validations[0].expression: "),
    ("params.data.most", "parms.data.most", "unknown name \"parms\"; did you mean \"params\"?"),
    (
        "object.spec.replicas <= variables.most",
        "object.spec.replicas",
        "gives dyn, must give bool; compare it: VALUE == true",
    ),
    ("object.spec.replicas <= variables.most", "pod.containers.size() < 3", "unknown name \"pod\""),
    (
        "resources: [deployments]",
        "resources: [services]",
        "warning: spec.matchConstraints.resourceRules: is about services, too; they carry no pod",
    ),
    (
        "operations: [CREATE, UPDATE]",
        "operations: []",
        "spec.matchConstraints.resourceRules[0].operations: says nothing; list words",
    ),
    (
        "admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\n",
        "admissionregistration.k8s.io/v2\nkind: ValidatingAdmissionPolicy\n",
        "apiVersion: unknown version \"admissionregistration.k8s.io/v2\"; write admissionregistration.k8s.io/v1",
    ),
    (
        "policyName: few-replicas",
        "policyName: few-replicass",
        "warning: spec.policyName: there is no ValidatingAdmissionPolicy \"few-replicass\" here; did you mean \"few-replicas\"?",
    ),
    (
        "policyName: few-replicas",
        "policyName: few-replicass",
        "p.yaml:1:1: warning: nothing puts this policy in force; a ValidatingAdmissionPolicyBinding whose spec.policyName is few-replicas does",
    ),
    (
        "validationActions: [Deny]",
        "validationActions: [Deny, Warn]",
        "has Deny and Warn, which exclude each other",
    ),
    (
        "validationActions: [Deny]",
        "validationActions: [deny]",
        "unknown word \"deny\"; list Deny, or Warn",
    ),
    (
        "parameterNotFoundAction: Deny",
        "parameterNotFoundAction: Refuse",
        "unknown word \"Refuse\"; write Allow or Deny",
    ),
    (
        "name: limits, namespace: policies,",
        "namespace: policies,",
        "spec.paramRef: must have one of `name` and `selector`",
    ),
    (
        "name: limits, namespace: policies,",
        "name: limit, namespace: policies,",
        "p.yaml:1:1: warning: there is no ConfigMap limit here; everything is refused, as the binding few-replicas-everywhere says",
    ),
    ("kind: ConfigMap\n", "kind: ConfigMapp\n", "error: kind: unknown kind \"ConfigMapp\""),
    (
        "kind: ValidatingAdmissionPolicyBinding",
        "kind: ValidatingAdmissionPolicyBind",
        "did you mean \"ValidatingAdmissionPolicyBinding\"?",
    ),
    (
        "variables.most\n    message",
        "variables.most && authorizer.path('/').check('get').allowed()\n    message",
        "warning: spec.validations[0].expression: asks the authorizer; only the API server can: this policy is not judged here",
    ),
];

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_would_be_right() {
    assert_eq!(told(page(0)), "", "the page itself is right");
    for (right, wrong, expected) in MISTAKES {
        assert!(page(0).contains(right), "{right}");
        let said = told(&page(0).replace(right, wrong));
        assert!(said.contains(expected), "{wrong}: no {expected:?} in\n{said}");
    }
}

#[test]
fn one_that_asks_the_authorizer_is_left_out_and_the_others_are_not() {
    let asking = page(0).replace(
        "variables.most\n",
        "variables.most && authorizer.path('/').check('get').allowed()\n",
    );
    let (set, warnings) = compile(&asking);
    assert_eq!(warnings.len(), 1, "what follows from it is not told: {warnings:?}");
    assert_eq!(set.unwrap().policies().len(), 0);
}

#[test]
fn the_webhook_leaves_them_to_the_api_server() {
    let source = Source { name: "p.yaml".to_owned(), text: page(0).to_owned() };
    let problems = policy::compile(&[source], &Options::at(Timestamp::UNIX_EPOCH)).unwrap_err();
    let first = problems[0].to_string();
    assert_eq!(
        first,
        "p.yaml:2:7: error: kind: unknown kind \"ValidatingAdmissionPolicy\"; \
         the API server evaluates it itself; podgate check and podgate test read it"
    );
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("admission-policies-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("policies")).unwrap();
    fs::write(folder.join("policies/few-replicas.yaml"), page(0)).unwrap();
    let own = "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: gate}\nspec: {rules: [privileged: {}]}\n";
    fs::write(folder.join("policies/gate.yaml"), own).unwrap();
    folder
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 4
  template:
    spec:
      containers:
      - {name: app, image: a, securityContext: {privileged: true}}
";

#[test]
fn one_command_judges_by_both_kinds() {
    let folder = folder("check");
    fs::write(folder.join("web.yaml"), DEPLOYMENT).unwrap();
    let output = podgate(&folder, &["check", "--policies", "policies", "web.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    for line in [
        "  few-replicas/0: at most 3 replicas",
        "    web.yaml:1  policy few-replicas/few-replicas-everywhere (deny)",
        "  privileged: containers[app].securityContext.privileged is true, must be absent or false",
    ] {
        assert!(text.lines().any(|known| known == line), "no {line:?} in\n{text}");
    }
    let fewer = DEPLOYMENT.replace("replicas: 4", "replicas: 3").replace("true", "false");
    fs::write(folder.join("web.yaml"), fewer).unwrap();
    let output = podgate(&folder, &["check", "--policies", "policies", "web.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_policy_test_holds_them_to_cases_and_sees_their_mutants() {
    let folder = folder("test");
    fs::write(folder.join("test.yaml"), page(1)).unwrap();
    let output = podgate(&folder, &["test", "--mutants", "test.yaml"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    assert!(text.contains("3 cases: 3 passed; 2 mutants: 2 noticed, 0 not"), "{text}");
}

/// A policy is watched as it is bound; what is read of it besides, to find what is wrong, is not.
#[test]
fn what_no_case_does_is_told_of_these_policies_too() {
    let folder = folder("coverage");
    let holds = "object.spec.replicas <= variables.most";
    let more = format!("{holds} && object.metadata.name != 'x'");
    fs::write(folder.join("policies/few-replicas.yaml"), page(0).replace(holds, &more)).unwrap();
    fs::write(folder.join("test.yaml"), page(1)).unwrap();
    let told = stdout(&podgate(&folder, &["test", "--coverage", "test.yaml"]));
    for line in [
        "few-replicas/few-replicas-everywhere: 5 of 6 ways taken, 83%\n",
        "  few-replicas/0  yes   yes\n",
        "few-replicas.yaml:13:59: spec.validations[0].expression: operand 2 of && was never false\n",
    ] {
        assert!(told.contains(line), "{told}\nwants {line}");
    }
}
