//! `podgate test`, as a user calls it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

#[path = "support/commands.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod commands;

use commands::{podgate, stderr, stdout};

/// The block of `kind` that comes first in a page, or after `after`.
fn block<'p>(page: &'p str, after: &str, kind: &str) -> &'p str {
    let (_, rest) = page.split_once(after).unwrap();
    let (_, rest) = rest.split_once(&format!("```{kind}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// A folder with the policy and the test of the pages.
fn house_rules(name: &str) -> (PathBuf, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("policy-tests-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let page = include_str!("../docs/testing.md");
    let policy = block(include_str!("../docs/cel.md"), "", "yaml");
    fs::write(folder.join("house-rules.yaml"), policy).unwrap();
    let test = block(page, "", "yaml").to_owned();
    fs::write(folder.join("house-rules-test.yaml"), &test).unwrap();
    (folder, test)
}

fn write(folder: &Path, test: &str) {
    fs::write(folder.join("house-rules-test.yaml"), test).unwrap();
}

#[test]
fn the_page_says_what_the_command_prints() {
    let (folder, _) = house_rules("page");
    let page = include_str!("../docs/testing.md");
    let output = podgate(&folder, &["test", "house-rules-test.yaml"]);
    assert_eq!(stdout(&output), block(page, "The first command says:", "text"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));

    let output = podgate(&folder, &["test", "--mutants", "house-rules-test.yaml"]);
    let last = stdout(&output).lines().last().unwrap().to_owned();
    assert!(page.contains(&format!("ends with `{last}`")), "{last}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_page_says_what_is_covered() {
    let (folder, _) = house_rules("page-coverage");
    let page = include_str!("../docs/testing.md");
    let output = podgate(&folder, &["test", "--coverage", "house-rules-test.yaml"]);
    let told = stdout(&output);
    assert!(told.ends_with(block(page, "what no case does:", "text")), "{told}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_no_case_does_is_named_and_counted() {
    let (folder, test) = house_rules("coverage");
    let (before, rest) = test.split_once("  - name: nobody shares").unwrap();
    let (_, robot) = rest.split_once("  - name: the robot").unwrap();
    write(&folder, &format!("{before}  - name: the robot{robot}"));
    let output = podgate(&folder, &["test", "--min-coverage", "84", "."]);
    let told = stdout(&output);
    for line in [
        "house-rules.yaml  house-rules: 10 of 12 ways taken, 83%\n",
        "  owner-label     yes   yes\n",
        "  hostNamespaces  yes   no\n",
        "coverage is 83%, less than the 84% wanted\n",
    ] {
        assert!(told.contains(line), "{told}\nwants {line}");
    }
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(podgate(&folder, &["test", "--min-coverage", "83", "."]).status.code(), Some(0));

    let xml = stdout(&podgate(&folder, &["test", "--min-coverage", "84", "-o", "junit", "."]));
    for part in [
        "<property name=\"coverage.percent\" value=\"83\"/>",
        "<property name=\"coverage.never-broken\" value=\"hostNamespaces\"/>",
        "house-rules.yaml:17:50: spec.rules[0].cel.expression: operand 2 of &amp;&amp; was never false",
        "<failure message=\"coverage is 83%, less than the 84% wanted\">",
    ] {
        assert!(xml.contains(part), "{xml}\nwants {part}");
    }
}

/// A condition that leaves an object out keeps the rules from being asked; the file of a policy that two tests name in
/// two ways is one file.
#[test]
fn what_several_tests_ask_of_a_policy_is_put_together() {
    let (folder, _) = house_rules("together");
    let test = |policy: &str, user: &str| {
        format!(
            "apiVersion: podgate.dev/v1
kind: PolicyTest
metadata: {{name: t}}
spec:
  policies: [{policy}]
  cases:
  - name: one that names its owner
    object:
      apiVersion: v1
      kind: Pod
      metadata: {{name: web, labels: {{owner: payments}}}}
      spec: {{containers: [{{name: app, image: registry.example.com/app}}]}}
    user: {{username: {user}}}
    expect: {{decision: allowed}}
"
        )
    };
    write(&folder, &test("house-rules.yaml", "'system:serviceaccount:ci:builder'"));
    let told = stdout(&podgate(&folder, &["test", "--coverage", "."]));
    for line in [
        "  owner-label     no    no\n",
        "house-rules.yaml:10:19: spec.match.conditions[0].expression: was never true\n",
        "house-rules.yaml:17:19: spec.rules[0].cel.expression: operand 1 of && was never asked\n",
    ] {
        assert!(told.contains(line), "{told}\nwants {line}");
    }

    fs::create_dir_all(folder.join("more")).unwrap();
    fs::write(folder.join("more/test.yaml"), test("../house-rules.yaml", "jane")).unwrap();
    let told = stdout(&podgate(&folder, &["test", "--coverage", "."]));
    assert!(told.contains("  owner-label     yes   no\n"), "{told}");
    assert_eq!(told.matches(" ways taken").count(), 2, "{told}");
    assert!(!told.contains("conditions[0]"), "{told}");
}

#[test]
fn a_case_that_fails_says_why() {
    let (folder, test) = house_rules("fails");
    let wrong = test
        .replace(
            "rules: [owner-label], message: names no owner",
            "rules: [hostNamespaces], message: go away",
        )
        .replace("expect: {decision: allowed}\n", "expect: {decision: denied}\n");
    write(&folder, &wrong);
    let output = podgate(&folder, &["test", "."]);
    let told = stdout(&output);
    for line in [
        "  FAILED  a pod that names its owner is let in\n          the decision is allowed, expected denied\n",
        "  FAILED  one that names nobody is refused, in our words\n          hostNamespaces is not broken, and was expected to be\n          \
         owner-label is broken, and was not expected to be\n          nothing says \"go away\"\n          owner-label: names no owner\n",
        "5 cases: 3 passed, 2 failed\n",
    ] {
        assert!(told.contains(line), "{told}\nwants {line}");
    }
    assert_eq!(output.status.code(), Some(1));

    let output = podgate(&folder, &["test", "-o", "junit", "."]);
    let xml = stdout(&output);
    assert!(xml.contains("<testsuite name=\"house-rules\""), "{xml}");
    assert!(xml.contains("tests=\"5\" failures=\"2\""), "{xml}");
    assert!(
        xml.contains("<failure message=\"the decision is allowed, expected denied\">"),
        "{xml}"
    );
}

#[test]
fn a_rule_that_no_case_tests_is_named() {
    let (folder, test) = house_rules("mutants");
    let (before, rest) = test.split_once("  - name: nobody shares").unwrap();
    let (_, after) = rest.split_once("  - name: the robot").unwrap();
    write(&folder, &format!("{before}  - name: the robot{after}"));
    let output = podgate(&folder, &["test", "--mutants", "house-rules-test.yaml"]);
    let told = stdout(&output);
    assert!(
        told.contains("  unnoticed  hostNamespaces of policy house-rules turned off\n"),
        "{told}"
    );
    assert!(
        told.contains("  unnoticed  hostNamespaces of policy house-rules made milder\n"),
        "{told}"
    );
    assert!(told.ends_with("4 cases: 4 passed; 6 mutants: 4 noticed, 2 not\n"), "{told}");
    assert_eq!(output.status.code(), Some(1));
    let output = podgate(&folder, &["test", "--mutants", "-o", "junit", "."]);
    assert!(
        stdout(&output).contains("no case notices hostNamespaces of policy house-rules turned off")
    );
}

#[test]
fn an_exception_is_tested_before_and_after_its_end() {
    let (folder, _) = house_rules("exception");
    let exception = "apiVersion: podgate.dev/v1\nkind: PodPolicyException\nmetadata: {name: old}\n\
        spec: {policy: house-rules, rules: [owner-label], match: {namespaces: {include: [default]}}, reason: r, owner: o, expires: 2027-01-01T00:00:00Z}\n";
    fs::write(folder.join("exception.yaml"), exception).unwrap();
    write(
        &folder,
        "apiVersion: podgate.dev/v1
kind: PolicyTest
metadata: {name: exception}
spec:
  policies: [house-rules.yaml, exception.yaml]
  cases:
  - name: until the last second
    time: 2026-12-31T23:59:59Z
    object: &pod {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: registry.example.com/a}]}}
    expect: {decision: excepted, rules: [owner-label]}
  - name: and not after
    time: 2027-01-01T00:00:00Z
    object: *pod
    expect: {decision: denied, rules: [owner-label]}
",
    );
    let output = podgate(&folder, &["test", "house-rules-test.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn what_cannot_be_done_says_so() {
    let (folder, test) = house_rules("errors");
    for (test, expected) in [
        ("kind: Pod\n".to_owned(), "no PolicyTest document was found"),
        (test.replace("house-rules.yaml", "nothing.yaml"), "nothing.yaml"),
        (
            test.replace("decision: warned", "decision: refused"),
            "house-rules-test.yaml:28:24: spec.cases[2].expect.decision: unknown decision \"refused\"; known are allowed, warned, fixed, excepted, denied",
        ),
        ("a: [".to_owned(), "house-rules-test.yaml:"),
    ] {
        write(&folder, &test);
        let output = podgate(&folder, &["test", "house-rules-test.yaml"]);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert!(stderr(&output).contains(expected), "{}\nwants {expected}", stderr(&output));
    }
}
