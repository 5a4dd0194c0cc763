//! What is said of fields, and what is not.

use super::super::{Environment, Program, Type, Variable};

/// The kinds that carry a pod.
const KINDS: [&str; 9] = [
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
];

fn environment() -> Environment {
    Environment { kinds: KINDS.to_vec(), ..Environment::default() }
}

fn unknown(expression: &str, environment: &Environment) -> Vec<String> {
    let program = Program::compile(expression, environment, &Type::Dyn);
    let problems = program.unwrap_or_else(|problems| panic!("{expression}: {problems:?}"));
    problems
        .unknown_fields()
        .iter()
        .map(|p| format!("{}: {}; {}", p.at, p.message, p.help))
        .collect()
}

#[test]
fn a_field_that_nothing_has_is_told_with_the_one_that_was_meant() {
    for (expression, at, field, meant) in [
        ("object.spec.hostPid", 11, "hostPid", "hostPID"),
        ("has(object.spec.hostPid)", 15, "hostPid", "hostPID"),
        ("object.?spec.?hostPid", 12, "hostPid", "hostPID"),
        ("object.metadata.lables", 15, "lables", "labels"),
        ("oldObject.metadata.lables", 18, "lables", "labels"),
        ("pod.spec.container", 8, "container", "containers"),
        ("object.spec.template.spec.hostpid", 25, "hostpid", "hostPID"),
        ("object.spec.jobTemplate.spec.template.spec.hostpid", 42, "hostpid", "hostPID"),
        ("object.spec.containers.all(c, has(c.imagee))", 35, "imagee", "image"),
        ("object.spec.containers.all(i, c, c.imagee != '')", 34, "imagee", "image"),
        ("object.spec.containers[0].imagee", 25, "imagee", "image"),
        ("object.spec.containers.filter(c, true).map(c, c.imagee)", 47, "imagee", "image"),
        (
            "object.spec.containers.map(c, c.securityContext).exists(s, s.privilged)",
            60,
            "privilged",
            "privileged",
        ),
        ("object.spec.?containers.orValue([]).exists(c, c.imagee == '')", 47, "imagee", "image"),
        (
            "object.spec.?securityContext.optMap(s, s.runAsNonroot)",
            40,
            "runAsNonroot",
            "runAsNonRoot",
        ),
        (
            "(object.spec.containers + object.spec.initContainers).all(c, c.imagee != '')",
            62,
            "imagee",
            "image",
        ),
        ("(true ? object.metadata : oldObject.metadata).lables", 45, "lables", "labels"),
        ("object.spec.volumes.exists(v, has(v.hostpath))", 35, "hostpath", "hostPath"),
        (
            "pod.containers.exists(c, c.targetContainerNam != '')",
            26,
            "targetContainerNam",
            "targetContainerName",
        ),
        ("pod.containers.exists(c, c.pth != '')", 26, "pth", "path"),
    ] {
        let told = unknown(expression, &environment());
        let help = format!(
            "did you mean {meant:?}? Kubernetes 1.37 has none of that name here; ['{field}'] is not checked"
        );
        assert_eq!(told, [format!("{at}: unknown field {field:?}; {help}")], "{expression}");
    }
}

#[test]
fn what_any_kind_has_may_be_named_and_so_may_what_nobody_can_tell() {
    for expression in [
        "object.spec.replicas",
        "object.spec.hostPID || object.spec.template.spec.hostPID",
        "object.spec.template.metadata.labels.anything",
        "object.metadata.annotations['a/b']",
        "object.metadata.labels.all(k, k.startsWith('a'))",
        "object.spec.nodeSelector.disk",
        "object.spec.selector.matchLabels.app",
        "object.spec.selector.app",
        "object['spec']['hostPid']",
        "object.spec['hostPid']",
        "pod.containers.all(c, c.path != '' && c.list != '' && c.image != '' && has(c.targetContainerName))",
        "object.spec.containers.map(c, c.image).all(i, i.contains(':'))",
        "object.spec.containers.all(object, object.image != '')",
        "[{'a': 1}].all(pod, pod.a == 1)",
        "dyn(object).whatever",
        "request.userInfo.username",
        "object.status.phase",
        "object.spec.volumes.all(v, !has(v.image))",
    ] {
        assert_eq!(unknown(expression, &environment()), [""; 0], "{expression}");
    }
    // Of a policy that may be about anything, nothing is known.
    assert_eq!(unknown("object.spec.hostPid", &Environment::default()), [""; 0]);
    let deployments = Environment { kinds: vec!["Deployment"], ..Environment::default() };
    assert_eq!(unknown("object.spec.replicas", &deployments), [""; 0]);
    assert_eq!(unknown("object.spec.hostPID", &deployments).len(), 1);
}

#[test]
fn a_variable_is_known_by_what_it_gives() {
    let mut environment = environment();
    let program = Program::compile("pod.containers", &environment, &Type::Dyn).unwrap();
    environment.variables.push(Variable::new("all", Some(&program)));
    assert_eq!(unknown("variables.all.all(c, c.image != '')", &environment), [""; 0]);
    assert_eq!(unknown("variables.all.all(c, c.imagee != '')", &environment).len(), 1);
}
