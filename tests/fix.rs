//! What is filled in on the way in: the patch, what it leaves alone, and what it settles.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::sync::LazyLock;

use jiff::Timestamp;
use podgate::admission::Review;
use podgate::engine::{self, Decision, Outcome, Scope, Settled};
use podgate::policy::{self, Fix, Options, PolicySet, Source};
use podgate::rules::Applicability;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn set(policies: &[(&str, &str)]) -> PolicySet {
    let sources: Vec<Source> = policies
        .iter()
        .map(|(name, spec)| Source {
            name: format!("{name}.yaml"),
            text: format!(
                "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
            ),
        })
        .collect();
    compile(&sources)
}

fn compile(sources: &[Source]) -> PolicySet {
    let options = Options::at(now());
    policy::compile(sources, &options).unwrap().0
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A review of the creation of `object`.
fn review(object: &Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or("Pod");
    let (group, resource) = match kind {
        "Pod" => ("", "pods"),
        "Job" => ("batch", "jobs"),
        "CronJob" => ("batch", "cronjobs"),
        _ => ("apps", "deployments"),
    };
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0b6d6b0e",
            "kind": {"group": group, "version": "v1", "kind": kind},
            "resource": {"group": group, "version": "v1", "resource": resource},
            "operation": "CREATE",
            "namespace": "shop",
            "userInfo": {"username": "ada"},
            "object": object,
        },
    })
}

/// What is filled into `object`, and the patch.
fn fix(set: &PolicySet, object: &Value) -> (Decision, Value) {
    fix_review(set, &review(object))
}

fn fix_review(set: &PolicySet, review: &Value) -> (Decision, Value) {
    let body = review.to_string();
    let review = Review::decode(&body).unwrap();
    let (decision, patch) = engine::fix(set, &review.attributes, &review.uid, now());
    assert_eq!(decision.fixes.is_empty(), patch.is_empty());
    assert_eq!(decision.outcome == Outcome::Fixed, !patch.is_empty());
    (decision, serde_json::from_slice(&patch.to_json()).unwrap())
}

fn decide(set: &PolicySet, object: &Value, scope: Scope) -> Decision {
    let body = review(object).to_string();
    let review = Review::decode(&body).unwrap();
    engine::decide(set, &review.attributes, scope, &review.uid, now())
}

fn patched(object: &Value, patch: &Value) -> Value {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone()).unwrap();
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch).unwrap();
    object
}

fn pod(spec: &Value) -> Value {
    json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": spec})
}

const RESTRICTED: &str = "{fix: Safe, standard: {level: Restricted, version: v1.37}}";

#[test]
fn a_patch_adds_the_highest_member_that_is_missing_and_all_that_goes_under_it() {
    let set = set(&[("gate", "{fix: All, standard: {level: Restricted, version: v1.37}}")]);
    let object = pod(&json!({
        "initContainers": [{"name": "i", "securityContext": {}}],
        "containers": [
            {"name": "a"},
            {"name": "b", "securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}}},
            {"name": "c", "securityContext": null},
        ],
    }));
    let (decision, patch) = fix(&set, &object);
    let all = json!(["ALL"]);
    let both = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": all}});
    assert_eq!(
        patch,
        json!([
            {"op": "add", "path": "/spec/securityContext",
                "value": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}},
            {"op": "add", "path": "/spec/initContainers/0/securityContext/allowPrivilegeEscalation", "value": false},
            {"op": "add", "path": "/spec/containers/0/securityContext", "value": both},
            {"op": "add", "path": "/spec/containers/1/securityContext/allowPrivilegeEscalation", "value": false},
            {"op": "add", "path": "/spec/containers/2/securityContext", "value": both},
            {"op": "add", "path": "/spec/initContainers/0/securityContext/capabilities", "value": {"drop": all}},
            {"op": "add", "path": "/spec/containers/1/securityContext/capabilities/drop", "value": all},
        ])
    );
    assert_eq!(decision.fixes.len(), 10);
    let object = patched(&object, &patch);
    assert!(decide(&set, &object, Scope::All).violations.is_empty());
}

#[test]
fn what_is_risky_needs_all() {
    let object = pod(&json!({"containers": [{"name": "a"}]}));
    let (decision, _) = fix(&set(&[("gate", RESTRICTED)]), &object);
    let rules: Vec<_> = decision.fixes.iter().map(|fix| &*fix.rule).collect();
    assert_eq!(rules, ["allowPrivilegeEscalation", "seccompProfile_restricted"]);
    assert_eq!(
        decision.fix_warnings()[0],
        "podgate: policy gate: set spec.containers[0].securityContext.allowPrivilegeEscalation to false \
         (rule allowPrivilegeEscalation, safe)"
    );
    let never = set(&[("gate", "{standard: {level: Restricted, version: v1.37}}")]);
    assert_eq!(fix(&never, &object).1, json!([]));
    let one =
        set(&[("gate", "{fix: Safe, rules: [privileged: {}, {runAsNonRoot: {}, fix: All}]}")]);
    assert_eq!(
        fix(&one, &object).1,
        json!([{"op": "add", "path": "/spec/securityContext", "value": {"runAsNonRoot": true}}])
    );
}

#[test]
fn a_rule_may_be_less_willing_than_its_policy() {
    let object = pod(&json!({"containers": [{"name": "a"}]}));
    let set = set(&[(
        "gate",
        "{fix: All, rules: [{runAsNonRoot: {}, fix: Never}, {userNamespace: {}}]}",
    )]);
    let (decision, _) = fix(&set, &object);
    let rules: Vec<_> = decision.fixes.iter().map(|fix| &*fix.rule).collect();
    assert_eq!(rules, ["userNamespace"]);
}

#[test]
fn a_user_namespace_makes_needless_what_it_relaxes() {
    let set = set(&[(
        "gate",
        "{fix: All, rules: [runAsNonRoot: {insideUserNamespace: Allow}, runAsUser: {insideUserNamespace: Allow}, userNamespace: {}]}",
    )]);
    let object = pod(&json!({"containers": [{"name": "a", "securityContext": {"runAsUser": 0}}]}));
    let (_, patch) = fix(&set, &object);
    assert_eq!(patch, json!([{"op": "add", "path": "/spec/hostUsers", "value": false}]));
    let decision = decide(&set, &object, Scope::All);
    assert_eq!(decision.outcome, Outcome::Fixed);
    assert!(decision.violations.iter().all(|v| v.settled == Some(Settled::Fix)), "{decision:?}");
    assert_eq!(decide(&set, &patched(&object, &patch), Scope::Deny).outcome, Outcome::Allowed);
}

#[test]
fn what_several_policies_ask_for_is_filled_once_and_what_they_quarrel_over_by_the_first() {
    let set = set(&[
        ("a", "{fix: All, rules: [runtimeClass: {allowed: [gvisor]}, userNamespace: {}]}"),
        ("b", "{fix: All, rules: [runtimeClass: {allowed: [kata]}, userNamespace: {}]}"),
    ]);
    let object = pod(&json!({"containers": [{"name": "a"}]}));
    let (decision, patch) = fix(&set, &object);
    assert_eq!(
        patch,
        json!([
            {"op": "add", "path": "/spec/hostUsers", "value": false},
            {"op": "add", "path": "/spec/runtimeClassName", "value": "gvisor"},
        ])
    );
    assert!(decision.fixes.iter().all(|fix| &*fix.policy == "a"));
    let decision = decide(&set, &object, Scope::All);
    let standing: Vec<_> = decision
        .violations
        .iter()
        .filter(|v| v.settled.is_none())
        .map(|v| (&*v.policy, &*v.rule))
        .collect();
    assert_eq!(standing, [("b", "runtimeClass")]);
    assert_eq!(decision.outcome, Outcome::Denied);
}

#[test]
fn what_an_exception_lets_pass_is_left_alone() {
    let policy = "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: gate}\n\
                  spec: {fix: All, rules: [readOnlyRootFilesystem: {}]}\n---\n\
                  apiVersion: podgate.dev/v1\nkind: PodPolicyException\nmetadata: {name: scratch}\n\
                  spec: {policy: gate, rules: [readOnlyRootFilesystem], match: {namespaces: {include: [shop]}, containers: [b]},\n  \
                  reason: writes, owner: o@example.com, expires: 2027-01-01T00:00:00Z}\n";
    let set = compile(&[Source { name: "gate.yaml".to_owned(), text: policy.to_owned() }]);
    let object = pod(&json!({"containers": [{"name": "a"}, {"name": "b"}]}));
    let (_, patch) = fix(&set, &object);
    assert_eq!(
        patch,
        json!([{"op": "add", "path": "/spec/containers/0/securityContext", "value": {"readOnlyRootFilesystem": true}}])
    );
    let decision = decide(&set, &object, Scope::All);
    assert_eq!(decision.violations[0].settled, Some(Settled::Fix));
    assert_eq!(decision.violations[1].exception(), Some("scratch"));
}

#[test]
fn a_workload_waits_for_its_pods_to_be_fixed_and_is_not_refused_for_them() {
    let spec = json!({"containers": [{"name": "a", "securityContext": {"runAsUser": 1}}]});
    let deployment = json!({"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": {"spec": spec}}});
    let set = set(&[("gate", RESTRICTED)]);
    assert_eq!(fix(&set, &deployment).1, json!([]));
    for scope in [Scope::Deny, Scope::All] {
        let decision = decide(&set, &deployment, scope);
        assert_eq!(decision.outcome, Outcome::Fixed);
        assert_eq!(decision.violations.len(), 4, "they are shown all the same");
        assert!(decision.violations.iter().all(|v| v.settled == Some(Settled::FixInPods)));
    }
    // What cannot be filled safely stands, at the workload as at the pod.
    let mut root = deployment.clone();
    root["spec"]["template"]["spec"]["containers"][0] = json!({"name": "a"});
    assert_eq!(decide(&set, &root, Scope::Deny).outcome, Outcome::Denied);
    // A pod that comes to be judged is judged as it is.
    assert_eq!(decide(&set, &pod(&spec), Scope::Deny).outcome, Outcome::Denied);
}

#[test]
fn a_workload_is_refused_where_its_pods_are_not_the_policys_to_fix() {
    let spec = json!({"containers": [{"name": "a", "securityContext": {"runAsUser": 1}}]});
    let deployment = json!({"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": {"spec": spec}}});
    let set = set(&[(
        "gate",
        "{fix: Safe, match: {requesters: {include: {users: [ada]}}}, rules: [userNamespace: {}]}",
    )]);
    assert_eq!(decide(&set, &deployment, Scope::Deny).outcome, Outcome::Denied);
}

#[test]
fn a_template_is_filled_where_the_policy_says_so() {
    let set = set(&[(
        "gate",
        "{fix: Safe, fixIn: Templates, rules: [userNamespace: {}, serviceAccountToken: {}]}",
    )]);
    let spec = json!({"containers": [{"name": "a"}]});
    let template = json!({"metadata": {"labels": {"a/b": "c"}}, "spec": spec});
    let cron_job =
        json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": template}}}});
    let (_, patch) = fix(&set, &cron_job);
    assert_eq!(
        patch,
        json!([{"op": "add", "path": "/spec/jobTemplate/spec/template/spec/hostUsers", "value": false}])
    );
    patched(&cron_job, &patch);
    let (_, patch) = fix(&set, &pod(&spec));
    assert_eq!(patch, json!([{"op": "add", "path": "/spec/hostUsers", "value": false}]));
}

#[test]
fn a_token_that_is_in_the_pod_already_is_not_counted_on_to_go() {
    let set = set(&[("gate", "{fix: All, rules: [serviceAccountToken: {}]}")]);
    let deployment = json!({"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}});
    assert_eq!(decide(&set, &deployment, Scope::Deny).outcome, Outcome::Denied);
    assert_eq!(
        decide(&set, &pod(&json!({"containers": [{"name": "a"}]})), Scope::All).outcome,
        Outcome::Denied
    );
}

#[test]
fn only_creation_is_fixed() {
    let set = set(&[("gate", RESTRICTED)]);
    let object = pod(&json!({"containers": [{"name": "a"}]}));
    for (name, value) in [
        ("operation", json!("UPDATE")),
        ("operation", json!("DELETE")),
        ("subResource", json!("resize")),
        ("object", json!({"kind": "Pod", "spec": {"containers": "none"}})),
        ("object", json!({"kind": "Pod", "spec": {"containers": []}})),
        ("object", json!({"kind": "Pod", "spec": {"containers": [{"name": "a"}, null]}})),
        ("object", json!({"kind": "Pod", "spec": {"containers": [{"image": "a"}]}})),
        ("object", json!({"kind": "Pod"})),
        ("object", json!(null)),
        ("kind", json!({"group": "example.com", "version": "v1", "kind": "Pod"})),
    ] {
        let mut review = review(&object);
        review["request"][name] = value;
        assert_eq!(fix_review(&set, &review).1, json!([]), "{name}");
    }
    let mut dying = object.clone();
    dying["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(fix(&set, &dying).1, json!([]));
    let mut dry = review(&object);
    dry["request"]["dryRun"] = json!(true);
    assert_ne!(fix_review(&set, &dry).1, json!([]), "a dry run must show what would happen");
}

#[test]
fn for_files_it_does_not_matter_what_the_policy_says() {
    let set = set(&[("gate", "{standard: {level: Restricted, version: v1.37}}")]);
    let object = pod(&json!({"containers": [{"name": "a"}]}));
    let body = review(&object).to_string();
    let review = Review::decode(&body).unwrap();
    let of = |up_to| engine::fixes(&set, &review.attributes, up_to, now()).len();
    assert_eq!((of(Applicability::Safe), of(Applicability::Risky)), (2, 4));
}

fn owned(kind: &str, api_version: &str, name: &str, spec: &Value) -> Value {
    let mut pod = pod(spec);
    pod["metadata"]["labels"] = json!({"pod-template-hash": "5d4f8c9b7"});
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": api_version, "kind": kind, "name": name, "uid": "u", "controller": true}]);
    pod
}

#[test]
fn a_denial_names_the_change_to_what_the_pod_was_made_from() {
    let set = set(&[(
        "gate",
        "{rules: [hostNamespaces: {}, runAsNonRoot: {}, privileged: {}, capabilities_restricted: {}]}",
    )]);
    let spec = json!({"hostPID": true, "containers": [
        {"name": "app", "securityContext": {"privileged": true, "capabilities": {"add": ["KILL"], "drop": ["ALL"]}}},
        {"name": "it's", "securityContext": {"privileged": true, "capabilities": {"drop": ["ALL"]}}},
    ]});
    let command = |kind, api_version, name| {
        let message = decide(&set, &owned(kind, api_version, name, &spec), Scope::Deny).message();
        message.lines().find_map(|line| line.strip_prefix("  owner: ")).map(str::to_owned)
    };
    let patch = r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","securityContext":{"privileged":null}},{"name":"it'\''s","securityContext":{"privileged":null}}],"hostPID":null,"securityContext":{"runAsNonRoot":true}}}}}"#;
    for (kind, api_version, name, expected) in [
        ("ReplicaSet", "apps/v1", "web-5d4f8c9b7", "deployment web"),
        ("ReplicaSet", "apps/v1", "web-66666", "replicaset web-66666"),
        ("StatefulSet", "apps/v1", "db", "statefulset db"),
        ("DaemonSet", "apps/v1", "agent", "daemonset agent"),
        ("ReplicationController", "v1", "old", "replicationcontroller old"),
    ] {
        let expected = format!("kubectl patch {expected} -n shop -p '{patch}'");
        assert_eq!(command(kind, api_version, name).as_deref(), Some(&*expected));
    }
    // A Job's template cannot be changed; the others are not Kubernetes' own, or no names.
    assert_eq!(command("Job", "batch/v1", "once"), None);
    assert_eq!(command("StatefulSet", "apps.kruise.io/v1", "db"), None);
    for name in ["x; reboot", "-o", "$(reboot)", "", "a'b"] {
        assert_eq!(command("StatefulSet", "apps/v1", name), None, "{name}");
    }
}

// Random pods.

fn maybe(values: Vec<Value>) -> BoxedStrategy<Option<Value>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(Value::Null)),
        3 => proptest::sample::select(values).prop_map(Some),
    ]
    .boxed()
}

fn object(members: Vec<(&'static str, BoxedStrategy<Option<Value>>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    values
        .prop_map(move |values| {
            let members = names
                .iter()
                .zip(values)
                .filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
            Value::Object(members.collect::<Map<_, _>>())
        })
        .boxed()
}

fn some(strategy: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    prop_oneof![1 => Just(None), 1 => Just(Some(Value::Null)), 4 => strategy.prop_map(Some)].boxed()
}

fn flag() -> BoxedStrategy<Option<Value>> {
    maybe(vec![json!(true), json!(false)])
}

fn user() -> BoxedStrategy<Option<Value>> {
    maybe(vec![json!(0), json!(1000), json!(70000)])
}

fn profile() -> BoxedStrategy<Option<Value>> {
    maybe(vec![json!({"type": "RuntimeDefault"}), json!({"type": "Unconfined"}), json!({})])
}

fn container() -> BoxedStrategy<Value> {
    let lists = || {
        maybe(vec![json!([]), json!(["ALL"]), json!(["SYS_ADMIN"]), json!(["NET_BIND_SERVICE"])])
    };
    let capabilities = object(vec![("add", lists()), ("drop", lists())]);
    let context = object(vec![
        ("allowPrivilegeEscalation", flag()),
        ("capabilities", some(capabilities)),
        ("privileged", maybe(vec![json!(false), json!(false), json!(true)])),
        ("readOnlyRootFilesystem", flag()),
        ("runAsNonRoot", flag()),
        ("runAsUser", user()),
        ("seccompProfile", profile()),
    ]);
    let mounts = maybe(vec![
        json!([{"name": "v0", "mountPath": "/a"}]),
        json!([{"name": "v1", "mountPath": "/a"}, {"name": "v0", "mountPath": "/b", "readOnly": false}]),
    ]);
    let devices = maybe(vec![json!([]), json!([]), json!([{"name": "v0"}])]);
    object(vec![
        ("name", proptest::sample::select(vec![Some(json!("a")), Some(json!("b"))]).boxed()),
        ("image", Just(Some(json!("example.com/a:1"))).boxed()),
        ("securityContext", some(context)),
        ("volumeMounts", mounts),
        ("volumeDevices", devices),
    ])
}

fn containers(least: usize) -> BoxedStrategy<Option<Value>> {
    proptest::collection::vec(container(), least..3)
        .prop_map(|list| Some(Value::Array(list)))
        .boxed()
}

fn spec() -> BoxedStrategy<Value> {
    let context = object(vec![
        ("runAsNonRoot", flag()),
        ("runAsUser", user()),
        ("fsGroup", user()),
        ("seccompProfile", profile()),
    ]);
    let volumes = maybe(vec![
        json!([]),
        json!([{"name": "v0", "hostPath": {"path": "/var/log"}}]),
        json!([{"name": "v0", "emptyDir": {}}, {"name": "v1", "hostPath": {"path": "/var/log/pods"}}]),
        json!([{"name": "v0", "nfs": {}}]),
        json!([{"name": "kube-api-access-x", "projected": {"sources": [{"serviceAccountToken": {}}]}}]),
    ]);
    object(vec![
        ("hostUsers", maybe(vec![json!(true), json!(false)])),
        ("hostPID", maybe(vec![json!(false), json!(false), json!(true)])),
        (
            "os",
            maybe(vec![
                json!({"name": "linux"}),
                json!({"name": "linux"}),
                json!({"name": "windows"}),
            ]),
        ),
        ("securityContext", some(context)),
        ("automountServiceAccountToken", flag()),
        ("runtimeClassName", maybe(vec![json!("gvisor"), json!("kata")])),
        ("volumes", volumes),
        ("initContainers", containers(0)),
        ("containers", containers(1)),
        ("ephemeralContainers", prop_oneof![Just(None), containers(0)].boxed()),
    ])
}

/// Sets of policies that fix in all ways: mild and bold, alone and beside each other.
static SETS: LazyLock<Vec<PolicySet>> = LazyLock::new(|| {
    let rules = "rules: [userNamespace: {}, readOnlyRootFilesystem: {}, serviceAccountToken: {}, \
                 hostPaths: {allowed: [/var/log]}, runtimeClass: {allowed: [gvisor]}]";
    let standard = |version| format!("standard: {{level: Restricted, version: {version}}}");
    let one = |fix: &str, version| {
        format!("{{fix: {fix}, fixIn: Templates, {}, {rules}}}", standard(version))
    };
    let relaxed = "{fix: Safe, fixIn: Templates, rules: [runAsNonRoot: {insideUserNamespace: Allow}, \
                   runAsUser: {insideUserNamespace: Allow}, {userNamespace: {}, fix: All}]}";
    let bold = "{fix: Safe, fixIn: Templates, rules: [capabilities_restricted: {}, {runAsNonRoot: {}, fix: All}]}";
    let never = format!("{{{}, {rules}}}", standard("v1.24"));
    vec![
        set(&[("a", &one("Safe", "v1.37"))]),
        set(&[("a", &one("All", "v1.37"))]),
        set(&[("a", &one("All", "v1.22"))]),
        set(&[("a", relaxed), ("b", &one("Safe", "v1.34"))]),
        set(&[("a", bold), ("b", &never)]),
        set(&[("a", &never), ("b", &one("All", "v1.24")), ("c", relaxed)]),
    ]
});

/// Whether every violation of `after` is also one of `before`.
fn is_within(after: &Decision, before: &Decision) -> bool {
    after.violations.iter().all(|a| {
        before
            .violations
            .iter()
            .any(|b| (&a.policy, &a.rule, &a.finding.path) == (&b.policy, &b.rule, &b.finding.path))
    })
}

fn hold(set: &PolicySet, object: &Value) -> Result<(), TestCaseError> {
    let before = decide(set, object, Scope::All);
    let (decision, patch) = fix(set, object);
    if before.violations.is_empty() {
        prop_assert_eq!(&patch, &json!([]), "nothing to fix");
    }
    let fixed = patched(object, &patch);
    prop_assert_eq!(&without(&fixed, object, &patch)?, object);

    let (again, second) = fix(set, &fixed);
    prop_assert_eq!(second, json!([]), "fixing twice is fixing once: {:?}", again.fixes);

    // The rules hold afterwards, and none is broken that was not.
    let after = decide(set, &fixed, Scope::All);
    for fix in &decision.fixes {
        let holds = after.violations.iter().all(|violation| {
            violation.finding.remedy.fill().is_none_or(|fill| !fill.repeats(&fix.fill))
        });
        prop_assert!(holds, "{:?}", fix);
    }
    prop_assert!(is_within(&after, &before), "{:?}", after.violations);
    if object["kind"] == "Pod" {
        foretold(set, object, &before, &decide(set, &fixed, Scope::Deny))?;
    }
    Ok(())
}

/// The fixed object with all taken out again that the patch put in: nothing else may be touched.
fn without(fixed: &Value, object: &Value, patch: &Value) -> Result<Value, TestCaseError> {
    let mut restored = fixed.clone();
    for operation in patch.as_array().unwrap() {
        prop_assert_eq!(&operation["op"], "add");
        let place = operation["path"].as_str().unwrap();
        let old = object.pointer(place);
        prop_assert!(old.is_none_or(Value::is_null), "{} overwrites {:?}", place, old);
        let (parent, name) = place.rsplit_once('/').unwrap();
        let parent = restored.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match old {
            Some(_) => parent.insert(name.to_owned(), Value::Null),
            None => parent.remove(name),
        };
    }
    Ok(restored)
}

/// What is told beforehand, of a pod and of a workload that makes such pods, is what comes of it.
fn foretold(
    set: &PolicySet,
    object: &Value,
    before: &Decision,
    judged: &Decision,
) -> Result<(), TestCaseError> {
    // Of a token nobody can tell before the API server has looked for one.
    let standing = |decision: &Decision| -> Vec<_> {
        let standing = decision.violations.iter().filter(|v| v.settled.is_none());
        standing
            .filter(|v| v.rule != "serviceAccountToken")
            .map(|v| {
                let at = &v.finding.path;
                (v.policy.clone(), v.rule.clone(), at.subject().clone(), at.field().to_owned())
            })
            .collect()
    };
    prop_assert_eq!(standing(before), standing(judged));
    let template = json!({"metadata": object["metadata"], "spec": object["spec"]});
    let deployment = json!({"kind": "Deployment", "spec": {"template": template}});
    prop_assert_eq!(standing(&decide(set, &deployment, Scope::Deny)), standing(judged));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn fixing_is_small_complete_and_done_once(spec in spec()) {
        for set in &*SETS {
            hold(set, &pod(&spec))?;
            let template = json!({"spec": {"template": {"spec": spec}}, "kind": "Deployment"});
            hold(set, &template)?;
        }
    }
}

#[test]
fn the_words_of_policies_permit_what_they_say() {
    let permits = |fix: Fix| [Applicability::Safe, Applicability::Risky].map(|a| fix.permits(a));
    assert_eq!(Fix::ALL.map(permits), [[false, false], [true, false], [true, true]]);
}

#[test]
fn no_user_namespace_is_asked_for_where_no_node_offers_one() {
    let set = set(&[("userns", "{fix: Safe, rules: [{userNamespace: {}}]}")]);
    let web = pod(&json!({"containers": [{"name": "app", "image": "a"}]}));
    let deployment = json!({
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"template": {"spec": web["spec"]}},
    });
    for (offered, is_filled) in [(None, true), (Some(true), true), (Some(false), false)] {
        for object in [&web, &deployment] {
            let body = review(object).to_string();
            let mut review = Review::decode(&body).unwrap();
            review.attributes.user_namespaces = offered;
            let (_, patch) = engine::fix(&set, &review.attributes, &review.uid, now());
            assert_eq!(!patch.is_empty(), is_filled && object == &web, "{offered:?} {object}");
            let decision =
                engine::decide(&set, &review.attributes, Scope::Deny, &review.uid, now());
            let note = "\n  note: no node of this cluster offers user namespaces: ";
            assert_eq!(decision.message().contains(note), !is_filled, "{}", decision.message());
            // The pods of a Deployment will have been filled in, or will be refused as it is.
            let is_denied = object == &web || !is_filled;
            assert_eq!(decision.outcome == Outcome::Denied, is_denied, "{offered:?} {object}");
        }
    }
}
