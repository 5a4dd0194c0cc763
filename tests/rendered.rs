//! `podgate check` of what Helm and kustomize rendered: each format names the template, and the line of what was rendered.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use serde_sarif::sarif::Sarif;

#[path = "support/commands.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod commands;

#[path = "support/sarif_schema.rs"]
mod sarif_schema;

/// As `helm template` prints it: a template of a chart, and one with a name from hell.
const HELM: &str = "\
---
# Source: shop/templates/web server.yaml
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    note: |
      # Source: not/this.yaml
spec:
  hostPID: true
---
# Source: ../../etc/a,b:c.yaml
apiVersion: v1
kind: Pod
metadata: {name: out}
spec: {hostPID: true}
---
# Source: shop/templates/broken.yaml
apiVersion: v1
kind: Pod
metadata: {name: broken}
spec: {hostPID: 7}
";

/// As `kustomize build` prints it with `buildMetadata: [originAnnotations]`.
const KUSTOMIZE: &str = "\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    config.kubernetes.io/origin: |
      path: ../../base/web.yaml
  name: web
spec:
  hostPID: true
";

/// What `check` says of `input` on standard input, and its exit code.
fn check(input: &str, arguments: &[&str]) -> (String, Option<i32>) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rendered");
    fs::create_dir_all(folder.join("charts")).unwrap();
    fs::create_dir_all(folder.join("overlays/prod")).unwrap();
    let arguments = [&["check", "--standard", "baseline", "-"], arguments].concat();
    let output = commands::with_input(&folder, &arguments, input);
    assert_eq!(commands::stderr(&output), "");
    (commands::stdout(&output), output.status.code())
}

#[test]
fn text_names_the_template_and_the_rendered_line() {
    let (text, code) = check(HELM, &[]);
    for line in [
        "shop/templates/web server.yaml (line 3 of -)  Pod default/web  denied\n",
        "    shop/templates/web server.yaml (line 11 of -)  policy ",
        "../../etc/a,b:c.yaml (line 17 of -)  policy ",
        "shop/templates/broken.yaml (line 20 of -)  Pod default/broken  unreadable\n",
    ] {
        assert!(text.contains(line), "{line}\nin\n{text}");
    }
    assert_eq!(code, Some(2));
    let (text, _) = check(KUSTOMIZE, &[]);
    assert!(text.contains("../../base/web.yaml (line 9 of -)"), "{text}");
    let (text, _) = check(KUSTOMIZE, &["--source-root", "overlays/prod"]);
    assert!(
        text.contains("\nbase/web.yaml (line 9 of -)") || text.starts_with("base/web.yaml"),
        "{text}"
    );
}

#[test]
fn text_of_a_manifest_that_was_not_rendered_names_file_and_line() {
    let (text, code) =
        check("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: true}\n", &[]);
    assert!(
        text.starts_with("-:1  Pod default/a  denied\n") && text.contains("    -:4  policy "),
        "{text}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn json_has_the_source_and_keeps_file_and_line() {
    for input in [HELM.to_owned(), HELM.replace('\n', "\r\n")] {
        let (text, _) = check(&input, &["-o", "json"]);
        let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|entry| (entry["file"].as_str(), entry["line"].as_u64(), entry["source"].as_str()))
            .collect();
        let expected = [
            (Some("-"), Some(3), Some("shop/templates/web server.yaml")),
            (Some("-"), Some(14), Some("../../etc/a,b:c.yaml")),
            (Some("-"), Some(20), Some("shop/templates/broken.yaml")),
        ];
        assert_eq!(found, expected);
        assert_eq!(entries[0]["violations"][0]["line"], 11);
    }
    let (text, _) = check(KUSTOMIZE, &["-o", "json", "--source-root", "overlays/prod"]);
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(entries[0]["source"], "../../base/web.yaml");
}

/// A URI and a line.
type Place = (String, i64);

/// The place and the related place of each result of a SARIF log.
fn places(log: &str) -> Vec<(Place, Option<Place>)> {
    let log: Sarif = serde_json::from_str(log).unwrap();
    let place = |location: &serde_sarif::sarif::Location| {
        let place = location.physical_location.clone().unwrap();
        (place.artifact_location.unwrap().uri.unwrap(), place.region.unwrap().start_line.unwrap())
    };
    let results = log.runs[0].results.clone().unwrap();
    let places = results.iter().map(|result| {
        let related = result.related_locations.as_ref().map(|related| place(&related[0]));
        (place(&result.locations.as_ref().unwrap()[0]), related)
    });
    places.collect()
}

#[test]
fn sarif_is_about_the_template_and_relates_to_what_was_rendered() {
    let (text, _) = check(HELM, &["-o", "sarif", "--source-root", "charts"]);
    let rendered = |line| Some(("stdin".to_owned(), line));
    let expected = [
        (("charts/shop/templates/web%20server.yaml".to_owned(), 1), rendered(11)),
        // It leads out: the one place that is known is the text.
        (("stdin".to_owned(), 17), rendered(17)),
    ];
    assert_eq!(places(&text), expected);
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sarif_schema::refusals(&log), [""; 0]);
    let run = &log["runs"][0];
    let result = &run["results"][0];
    let message = result["message"]["text"].as_str().unwrap();
    let ending = ". Rendered: charts/shop/templates/web server.yaml (line 11:12 of -)";
    assert!(message.ends_with(ending), "{message}");
    assert_eq!(result["properties"]["source"], "shop/templates/web server.yaml");
    assert_eq!(run["results"][1]["properties"]["source"], "../../etc/a,b:c.yaml");
    let told = &run["invocations"][0]["toolExecutionNotifications"][0];
    let place = &told["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "charts/shop/templates/broken.yaml");
    assert!(told["message"]["text"].as_str().unwrap().ends_with("(line 20 of -)"), "{told}");

    let (text, _) = check(KUSTOMIZE, &["-o", "sarif", "--source-root", "overlays/prod"]);
    assert_eq!(places(&text), [(("base/web.yaml".to_owned(), 1), rendered(9))]);
}

#[test]
fn sarif_knows_a_result_again_when_the_rendered_text_lies_elsewhere() {
    let (text, _) = check(HELM, &["-o", "sarif"]);
    let print = |text: &str| {
        let log: Value = serde_json::from_str(text).unwrap();
        log["runs"][0]["results"][0]["partialFingerprints"].clone()
    };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    fs::write(folder.join("rendered-elsewhere.yaml"), HELM).unwrap();
    let arguments = ["check", "--standard", "baseline", "-o", "sarif", "rendered-elsewhere.yaml"];
    let elsewhere = commands::stdout(&commands::podgate(&folder, &arguments));
    assert_eq!(print(&elsewhere), print(&text));
    let (other, _) = check(&HELM.replace("web server", "other"), &["-o", "sarif"]);
    assert_ne!(print(&other), print(&text));
}

#[test]
fn github_and_junit_are_about_the_template_without_a_line() {
    let (text, _) = check(HELM, &["-o", "github"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let start =
        "::error file=shop/templates/web server.yaml,title=hostNamespaces (Pod default/web)::";
    assert!(lines[0].starts_with(start), "{text}");
    assert!(
        lines[0].ends_with("%0Arendered: shop/templates/web server.yaml (line 11:12 of -)"),
        "{text}"
    );
    assert!(lines[1].starts_with("::error file=-,line=17,col=17,title=hostNamespaces"), "{text}");
    assert!(lines[1].ends_with("rendered: ../../etc/a,b:c.yaml (line 17:17 of -)"), "{text}");
    assert!(
        lines[2].starts_with("::error file=shop/templates/broken.yaml,title=podgate"),
        "{text}"
    );

    let (text, _) = check(HELM, &["-o", "junit"]);
    let case = "<testcase classname=\"shop/templates/web server.yaml\" name=\"Pod default/web\" file=\"shop/templates/web server.yaml\">";
    assert!(text.contains(case), "{text}");
    assert!(text.contains("shop/templates/web server.yaml (line 11:12 of -): "), "{text}");
    assert!(text.contains("file=\"-\" line=\"14\">"), "{text}");
}

#[test]
fn a_source_root_that_is_not_there_is_told() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let output = commands::with_input(&folder, &["check", "-", "--source-root", "chart"], HELM);
    assert_eq!(output.status.code(), Some(2));
    let told = commands::stderr(&output);
    assert!(told.contains("--source-root chart: there is no such folder; name the one"), "{told}");
}
