//! The commands as a user calls them: output, exit codes, standard input.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[path = "support/commands.rs"]
mod commands;

use commands::{stderr, stdout};

/// Where the tests' data lie.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn podgate(args: &[&str]) -> Output {
    commands::podgate(root(), args)
}

fn command(args: &[&str]) -> Command {
    commands::command(root(), args)
}

fn with_input(args: &[&str], input: &str) -> Output {
    commands::with_input(root(), args, input)
}

fn scratch(name: &str, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn check_names_field_value_fix_line_and_policy() {
    let output = podgate(&["check", "tests/data/mixed.yaml"]);
    insta::assert_snapshot!(stdout(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn check_as_json_keeps_its_contract() {
    let output =
        podgate(&["check", "--standard", "baseline@v1.37", "-o", "json", "tests/data/mixed.yaml"]);
    let entries: Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&entries).unwrap());
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_kubectl_reads_as_true_is_true() {
    for yes in ["yes", "on", "y", "True", "TRUE"] {
        let manifest = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  hostNetwork: {yes}\n  containers: []\n"
        );
        let output = with_input(&["check", "--standard", "baseline", "-"], &manifest);
        assert!(stdout(&output).contains("spec.hostNetwork is true"), "{yes}: {}", stdout(&output));
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn a_manifest_that_cannot_be_read_loses_nothing_of_the_others() {
    let broken = scratch("broken.yaml", "apiVersion: v1\nkind: Pod\nkind: Pod\n");
    let output = podgate(&["check", broken.to_str().unwrap(), "tests/data/mixed.yaml"]);
    let text = stdout(&output);
    assert!(text.contains("unreadable"), "{text}");
    assert!(text.contains("line 3, column 1"), "{text}");
    assert!(text.contains("spec.hostPID is true"), "{text}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_field_of_the_wrong_type_is_named() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: \"true\"}\n";
    let output = with_input(&["check", "-"], manifest);
    assert!(stdout(&output).contains("spec.hostPID: invalid type: string"), "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_the_api_server_would_refuse_is_no_way_around_a_standard() {
    for (spec, expected) in [
        (
            "{os: {name: windows}, securityContext: {runAsNonRoot: true}, containers: [{name: a, securityContext: {capabilities: {add: [SYS_ADMIN]}}}]}",
            "spec.containers[0].securityContext.capabilities is for Linux and os.name is windows",
        ),
        (
            "{securityContext: {runAsNonRoot: true}, volumes: [{name: v, configMap: {}, hostPath: {path: /}}]}",
            "spec.volumes[0] has two sources, hostPath and configMap",
        ),
    ] {
        let manifest = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {spec}\n");
        let output = with_input(&["check", "--standard", "restricted", "-"], &manifest);
        assert!(stdout(&output).contains(expected), "{}", stdout(&output));
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn items_of_a_list_are_judged_one_by_one() {
    let list = "apiVersion: v1\nkind: List\nitems:\n\
                - {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {hostPID: true}}\n\
                - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n\
                - {apiVersion: v1, kind: Pod, metadata: {name: c}, spec: {hostIPC: true}}\n";
    let output = with_input(&["check", "--standard", "baseline", "-o", "json", "-"], list);
    let entries: Value = serde_json::from_slice(&output.stdout).unwrap();
    let line = |n: usize| entries[n]["violations"][0]["line"].as_u64();
    assert_eq!((line(0), line(2)), (Some(4), Some(6)));
    assert_eq!(entries[1]["skipped"], "carries no pod");
}

#[test]
fn a_volume_without_a_source_is_an_empty_dir_as_on_the_server() {
    let manifest =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  volumes: [{name: v}]\n";
    let output = with_input(&["check", "--standard", "restricted", "-"], manifest);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn every_error_of_every_policy_is_told_at_once() {
    let first = scratch(
        "first.yaml",
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: first}\nspec:\n  enforcment: Deny\n  rules:\n  - privilegd: {}\n",
    );
    let second = scratch(
        "second.yaml",
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: second}\nspec:\n  rules: []\n",
    );
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    let output =
        podgate(&["check", "tests/data/mixed.yaml", "--policies", first, "--policies", second]);
    let errors = stderr(&output);
    assert_eq!(output.status.code(), Some(2));
    for part in ["first.yaml:5:3", "enforcement", "first.yaml:7:5", "privileged", "second.yaml:5:"]
    {
        assert!(errors.contains(part), "no {part:?} in\n{errors}");
    }
}

/// A page for each command and each command below one, with the arguments in it.
#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("man/man1");
    let _ = fs::remove_dir_all(&folder);
    let output = podgate(&["man", "--output", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let help = stdout(&podgate(&["--help"]));
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.split_whitespace().next()).filter(|n| *n != "help");
    let mut count = 0;
    for name in names {
        assert!(page(&format!("podgate-{name}.1")).contains(&format!("podgate {name}")), "{name}");
        count += 1;
    }
    assert!(count > 8, "only {count} commands were found in\n{help}");
    assert!(page("podgate-ledger-verify.1").contains(".SH SYNOPSIS"));
    assert!(page("podgate-check.1").contains("\\-\\-standard"), "{}", page("podgate-check.1"));
    assert!(page("podgate.1").contains("podgate\\-check(1)"));

    let taken = scratch("man-is-a-file", "");
    let output = podgate(&["man", "--output", taken.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot write manual pages to"), "{}", stderr(&output));
}

#[test]
fn explain_offers_the_nearest_rule() {
    let output = podgate(&["explain", "hostnamespace"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean hostNamespaces?"), "{}", stderr(&output));
}

#[test]
fn explain_tells_of_a_field_as_kubectl_does() {
    insta::assert_snapshot!(stdout(&podgate(&["explain", "podpolicy.spec.match.namespaces"])));
    let whole = stdout(&podgate(&["explain", "PodPolicyException"]));
    assert!(
        whole.starts_with("KIND:       PodPolicyException\nVERSION:    podgate.dev/v1\n"),
        "{whole}"
    );
    assert!(whole.contains("  spec        <Object> -required-\n"), "{whole}");
    // Short names, and places as errors have them.
    let onerror = stdout(&podgate(&["explain", "pp.spec.rules[0].cel.onError"]));
    assert!(
        onerror.contains("FIELD: onError <string>\n\nENUM:\n    Deny\n    Ignore\n"),
        "{onerror}"
    );
    let case = stdout(&podgate(&["explain", "policytest.spec.cases.expect"]));
    assert!(
        case.contains("  decision  <string> -required-\n    one of allowed, warned,"),
        "{case}"
    );
}

#[test]
fn explain_lists_all_fields_below_one() {
    let told = stdout(&podgate(&["explain", "--recursive", "PodPolicy.spec"]));
    for lines in [
        "  match        <Object>\n    conditions         <[]Object>\n      expression  <string> -required-\n",
        "    cel                         <Object>\n      expression         <string> -required-\n",
        "\n  variables    <[]Object>\n    expression  <string> -required-\n    name        <string> -required-\n",
    ] {
        assert!(told.contains(lines), "{told}\nwants {lines}");
    }
}

#[test]
fn explain_tells_of_one_function_of_cel() {
    let spaced = stdout(&podgate(&["explain", "cel", "quantity"]));
    insta::assert_snapshot!(spaced);
    assert_eq!(stdout(&podgate(&["explain", "cel.quantity"])), spaced);
    let contains = stdout(&podgate(&["explain", "cel.contains"]));
    for declaration in
        ["string.contains(string) -> bool", "sets.contains(list<A>, list<A>) -> bool"]
    {
        assert!(contains.contains(declaration), "{contains}");
    }
    assert!(
        stdout(&podgate(&["explain", "cel.exists_one"])).contains("RANGE.exists_one(x, PREDICATE)")
    );
}

#[test]
fn explain_offers_the_nearest_kind_field_and_function() {
    for (what, expected) in [
        ("podpolicy.spec.mtach", "PodPolicy.spec has no field \"mtach\"; did you mean \"match\"?"),
        ("podpolcy.spec.match", "nothing is named podpolcy; did you mean PodPolicy.spec.match?"),
        ("podpolicy.spec.description.x", "PodPolicy.spec.description has no fields, \"x\" neither"),
        (
            "privileged.x",
            "privileged is a rule, and has no .x; what it takes is PodPolicy.spec.rules.privileged",
        ),
        ("cel.quantty", "CEL has no function quantty; did you mean quantity?"),
        ("cel.zzzzzzzz", "podgate explain cel lists them all"),
        ("zzzzzzzz", "podgate explain lists all rules"),
    ] {
        let output = podgate(&["explain", what]);
        assert!(stderr(&output).contains(expected), "{what}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn a_reader_that_closes_the_pipe_is_fine() {
    let mut child = command(&["explain", "privileged"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn check_reads_the_labels_of_namespaces_among_its_inputs_and_says_where_it_has_none() {
    let policy = scratch(
        "psa.yaml",
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: psa}\nspec: {standard: {fromNamespaceLabels: true}}\n",
    );
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec: {hostPID: true}\n---\n";
    let namespace = |level: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{pod-security.kubernetes.io/enforce: {level}}}}}\n"
        )
    };
    let check =
        |input: &str| with_input(&["check", "-", "--policies", policy.to_str().unwrap()], input);

    let unknown = check(pod);
    let text = stdout(&unknown);
    assert!(
        text.contains(
            "1 not judged by psa, since the labels of these namespaces are not known: shop"
        ),
        "{text}"
    );
    assert_eq!(unknown.status.code(), Some(0));

    let refused = check(&(pod.to_owned() + &namespace("baseline")));
    let text = stdout(&refused);
    assert!(text.contains("policy psa (deny baseline:latest)"), "{text}");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(check(&(pod.to_owned() + &namespace("privileged"))).status.code(), Some(0));

    let bad = check(&namespace("high"));
    let text = stdout(&bad);
    assert!(
        text.contains("podSecurityLabels: metadata.labels[pod-security.kubernetes.io/enforce]"),
        "{text}"
    );
    assert_eq!(bad.status.code(), Some(1));
}
