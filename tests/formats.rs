//! What `podgate check` writes for other programs: SARIF, JUnit's XML and GitHub's workflow commands, each read by somebody
//! else's reader.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_sarif::sarif::{ResultKind, ResultLevel, Sarif};

#[path = "support/commands.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod commands;

#[path = "support/sarif_schema.rs"]
mod sarif_schema;

const POLICIES: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: gate}
spec:
  enforcement: Deny
  rules: [{privileged: {}}, {hostNamespaces: {}, enforcement: Warn}]
---
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: other}
spec: {enforcement: Audit, rules: [{privileged: {}}]}
---
apiVersion: podgate.dev/v1
kind: PodPolicyException
metadata: {name: legacy}
spec:
  policy: gate
  rules: [privileged]
  match: {namespaces: {include: [legacy]}}
  reason: agreed
  owner: team@example.com
  expires: 2099-01-01T00:00:00Z
---
apiVersion: podgate.dev/v1
kind: PodPolicyException
metadata: {name: legacy-too}
spec:
  policy: other
  rules: [privileged]
  match: {namespaces: {include: [legacy]}}
  reason: agreed
  owner: team@example.com
  expires: 2099-01-01T00:00:00Z
";

/// Two that are wrong, the second of them excepted, one without a pod, and what is no YAML; with names that mean something
/// to each of the formats.
const PODS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: \"a<&>b\", namespace: shop}
spec:
  hostPID: true
  containers:
  - name: app
    image: a
    securityContext:
      privileged: true
---
apiVersion: v1
kind: Pod
metadata: {name: old, namespace: legacy}
spec:
  containers: [{name: app, image: a, securityContext: {privileged: true}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
";

/// A folder with the files, and what `check` says of them in a format, with exit code 2 for the one that cannot be read.
fn check(name: &str, format: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("pods")).unwrap();
    fs::write(folder.join("policies.yaml"), POLICIES).unwrap();
    fs::write(folder.join("pods/a b.yaml"), PODS).unwrap();
    fs::write(folder.join("pods/broken.yaml"), "a: [\n").unwrap();
    let arguments = ["check", "--policies", "policies.yaml", "-o", format, "pods"];
    let output = commands::podgate(Path::new(&folder), &arguments);
    assert_eq!(output.status.code(), Some(2), "{}", commands::stderr(&output));
    commands::stdout(&output)
}

#[test]
fn sarif_names_rule_level_place_and_suppression() {
    let text = check("sarif", "sarif");
    let log: Sarif = serde_json::from_str(&text).unwrap();
    let [run] = &log.runs[..] else { panic!("{text}") };
    let rules = run.tool.driver.rules.as_ref().unwrap();
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["hostNamespaces", "privileged"]);
    for rule in rules {
        let help = rule.help.as_ref().unwrap();
        assert!(help.text.contains("How to comply") && help.markdown.is_some());
    }
    let results = run.results.as_ref().unwrap();
    let mut seen = Vec::new();
    for result in results {
        let rule = usize::try_from(result.rule_index.unwrap()).unwrap();
        assert_eq!(result.rule_id.as_deref(), Some(ids[rule]));
        assert_eq!(result.kind.clone().unwrap_or_else(fail), fail());
        let place = result.locations.as_ref().unwrap()[0].physical_location.clone().unwrap();
        let uri = place.artifact_location.unwrap().uri.unwrap();
        assert_eq!(uri, "pods/a%20b.yaml");
        let region = place.region.unwrap();
        seen.push((
            ids[rule],
            result.level.map(|level| serde_json::to_value(level).unwrap()),
            (region.start_line.unwrap(), region.start_column.unwrap()),
            result.suppressions.is_some(),
        ));
        assert!(result.message.text.as_ref().unwrap().contains("Fix: "), "{result:?}");
    }
    let level = |level: ResultLevel| Some(serde_json::to_value(level).unwrap());
    let expected = [
        ("privileged", level(ResultLevel::Error), (10, 19), false),
        ("hostNamespaces", level(ResultLevel::Warning), (5, 12), false),
        ("privileged", level(ResultLevel::Error), (16, 68), true),
    ];
    for one in expected {
        assert!(seen.contains(&one), "{one:?} in {seen:#?}");
    }
    assert_eq!(seen.len(), 3);
    let prints: Vec<_> = results.iter().map(|result| result.partial_fingerprints.clone()).collect();
    assert!(prints[0].is_some() && prints[0] != prints[1] && prints[1] != prints[2], "{prints:?}");
    let invocation = &run.invocations.as_ref().unwrap()[0];
    assert!(!invocation.execution_successful);
    let told = invocation.tool_execution_notifications.as_ref().unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].message.text.as_ref().unwrap().contains("line "), "{told:?}");
}

#[test]
fn sarif_is_as_its_published_schema_has_it() {
    let mut log = serde_json::from_str(&check("sarif-schema", "sarif")).unwrap();
    assert_eq!(sarif_schema::refusals(&log), [""; 0]);
    log["runs"][0]["results"][0]["level"] = "grave".into();
    let [refusal] = &sarif_schema::refusals(&log)[..] else { panic!("{log}") };
    assert!(refusal.starts_with("/runs/0/results/0/level: "), "{refusal}");
}

fn fail() -> ResultKind {
    ResultKind::Fail
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let prints = |text: &str| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("prints");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("policies.yaml"), POLICIES).unwrap();
        fs::write(folder.join("pods.yaml"), text).unwrap();
        let arguments = ["check", "--policies", "policies.yaml", "-o", "sarif", "pods.yaml"];
        let log = commands::stdout(&commands::podgate(&folder, &arguments));
        let log: Sarif = serde_json::from_str(&log).unwrap();
        let results = log.runs[0].results.clone().unwrap();
        results.into_iter().map(|result| result.partial_fingerprints).collect::<Vec<_>>()
    };
    let before = prints(PODS);
    assert_eq!(before.len(), 3);
    assert_eq!(prints(&format!("# a comment\n\n{PODS}")), before);
    assert_ne!(prints(&PODS.replace("name: old", "name: new")), before);
}

#[test]
fn junit_has_a_case_for_each_object_and_a_failure_where_it_is_denied() {
    let text = check("junit", "junit");
    let mut reader = Reader::from_str(&text);
    reader.config_mut().trim_text(true);
    let (mut cases, mut inside, mut counted) = (Vec::new(), Vec::new(), String::new());
    loop {
        let event = reader.read_event().unwrap();
        let (Event::Start(tag) | Event::Empty(tag)) = &event else {
            if event == Event::Eof {
                break;
            }
            continue;
        };
        let of = |name: &str| {
            let attribute = tag.attributes().flatten().find(|a| a.key.as_ref() == name);
            attribute.map(|attribute| {
                quick_xml::escape::unescape(&attribute.value).unwrap().into_owned()
            })
        };
        match tag.name().as_ref() {
            "testsuites" => {
                counted =
                    ["tests", "failures", "errors", "skipped"].map(|n| of(n).unwrap()).join(" ");
            }
            "testcase" => cases.push(of("name").unwrap()),
            "failure" | "error" | "skipped" => {
                inside.push(tag.name().as_ref().to_owned());
            }
            _ => {}
        }
    }
    assert_eq!(
        cases,
        ["Pod shop/a<&>b", "Pod legacy/old #2", "ConfigMap default/c #3", "the file"]
    );
    assert_eq!(inside, ["failure", "skipped", "error"]);
    assert_eq!(counted, "4 1 1 1");
    assert!(text.contains("pods/a b.yaml:10:19: "), "{text}");
    assert!(text.contains("let in by the exception legacy"), "{text}");
}

#[test]
fn github_is_told_of_what_stands_in_the_way_and_of_nothing_that_was_settled() {
    let text = check("github", "github");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let begins = |start: &str| lines.iter().any(|line| line.starts_with(start));
    assert!(
        begins("::error file=pods/a b.yaml,line=10,col=19,title=privileged (Pod shop/a<&>b)::"),
        "{text}"
    );
    assert!(begins("::warning file=pods/a b.yaml,line=5,col=12,title=hostNamespaces"), "{text}");
    assert!(begins("::error file=pods/broken.yaml,line="), "{text}");
    assert!(text.contains("%0Afix: "), "{text}");
}
