//! `podgate fix` as a user calls it: what it writes, what it leaves alone, what it tells.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize as _;
use serde_json::Value;

#[path = "support/commands.rs"]
mod commands;
#[path = "support/manifests.rs"]
mod manifests;

use commands::{podgate, stderr, stdout, with_input};

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("repair").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

const WEB: &str = "# The shop's front.
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      securityContext:  # of all containers
        fsGroup: 2000
      containers:
      - name: app
        image: \"nginx\"   # pinned elsewhere
        securityContext: {}
        # probes are the mesh's
      - {name: side, image: busybox, securityContext: {privileged: true}}
---
kind: ConfigMap
apiVersion: v1
metadata: {name: c}
";

const WEB_FIXED: &str = "# The shop's front.
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      securityContext:  # of all containers
        fsGroup: 2000
        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: app
        image: \"nginx\"   # pinned elsewhere
        securityContext:
          allowPrivilegeEscalation: false
        # probes are the mesh's
      - {name: side, image: busybox, securityContext: {privileged: true}}
---
kind: ConfigMap
apiVersion: v1
metadata: {name: c}
";

/// A pod of which the safe fixes leave nothing.
const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: a
    image: b
    securityContext:
      runAsUser: 1000
";

const STANDARD: [&str; 3] = ["fix", "--standard", "restricted@v1.37"];

fn fix<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&STANDARD, args].concat()
}

#[test]
fn what_is_absent_is_filled_in_and_the_rest_is_told() {
    let folder = folder("in-place");
    fs::write(folder.join("web.yaml"), WEB).unwrap();
    let output = podgate(&folder, &fix(&["web.yaml"]));
    assert_eq!(read(&folder.join("web.yaml")), WEB_FIXED);
    assert_eq!(stdout(&output), "");
    insta::assert_snapshot!(stderr(&output));
    assert_eq!(output.status.code(), Some(1));

    let again = podgate(&folder, &fix(&["web.yaml"]));
    assert_eq!(read(&folder.join("web.yaml")), WEB_FIXED);
    assert!(stderr(&again).contains("0 fields filled in in 0 files"), "{}", stderr(&again));
}

#[test]
fn risky_fixes_are_made_where_they_are_asked_for() {
    let folder = folder("risky");
    fs::write(folder.join("web.yaml"), WEB).unwrap();
    let output = podgate(&folder, &fix(&["--applicability", "all", "web.yaml"]));
    let text = read(&folder.join("web.yaml"));
    for line in [
        "          capabilities:\n            drop:\n            - ALL\n",
        "{privileged: true, capabilities: {drop: [ALL]}}}\n",
        "        fsGroup: 2000\n        runAsNonRoot: true\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(stderr(&output).contains("2 violations left"), "{}", stderr(&output));
}

#[test]
fn nothing_left_is_success() {
    let folder = folder("clean");
    fs::write(folder.join("pod.yaml"), POD).unwrap();
    let output = podgate(&folder, &fix(&["--applicability", "all", "."]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let check = podgate(&folder, &["check", "--standard", "restricted@v1.37", "."]);
    assert_eq!(check.status.code(), Some(0), "{}", stdout(&check));
}

#[test]
fn a_diff_writes_nothing_and_can_be_applied() {
    let folder = folder("diff");
    fs::write(folder.join("web.yaml"), WEB).unwrap();
    let output = podgate(&folder, &fix(&["--diff", "web.yaml"]));
    assert_eq!(read(&folder.join("web.yaml")), WEB);
    insta::assert_snapshot!(stdout(&output));
    let told = stderr(&output);
    assert!(told.contains("2 fields to be filled in in 1 file"), "{told}");
    // Lines are those of the file as it is.
    assert!(told.contains("web.yaml:15  policy"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn standard_input_goes_to_standard_output() {
    let folder = folder("stdin");
    let rendered = "---\n# Source: shop/templates/web.yaml\n".to_owned() + WEB;
    let output = with_input(&folder, &fix(&["-"]), &rendered);
    assert_eq!(stdout(&output), "---\n# Source: shop/templates/web.yaml\n".to_owned() + WEB_FIXED);
    assert_eq!(output.status.code(), Some(1));

    // What is fine, and what is no pod at all, passes through as it came.
    let service = "kind: Service\napiVersion: v1\nmetadata: {name: a}";
    let output = with_input(&folder, &fix(&["-"]), service);
    assert_eq!((stdout(&output).as_str(), output.status.code()), (service, Some(0)));

    // What cannot be read goes nowhere: the next in the pipe must not take it for repaired.
    let output = with_input(&folder, &fix(&["-"]), "kind: Pod\nkind: Pod\n");
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("", Some(2)));

    let output = with_input(&folder, &fix(&["--diff", "-"]), WEB);
    assert!(stdout(&output).starts_with("--- a/-\n+++ b/-\n@@ "), "{}", stdout(&output));
}

#[test]
fn what_a_policy_says_of_fixing_does_not_matter_and_exceptions_do() {
    let folder = folder("policy");
    let policy = "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: p}\n\
        spec:\n  fix: FIX\n  standard: {level: Restricted}\n";
    let exception = "---\napiVersion: podgate.dev/v1\nkind: PodPolicyException\nmetadata: {name: e}\n\
        spec:\n  policy: p\n  rules: [seccompProfile_restricted]\n  match: {namespaces: {include: [shop]}}\n\
        \x20 reason: r\n  owner: o\n  expires: 2999-01-01T00:00:00Z\n";
    for (fix, has_exception) in [("Never", false), ("All", false), ("All", true)] {
        let text = policy.replace("FIX", fix) + if has_exception { exception } else { "" };
        fs::write(folder.join("policy.yml.txt"), text).unwrap();
        let args = ["fix", "-n", "shop", "--policies", "policy.yml.txt", "--", "-"];
        let output = with_input(&folder, &args, POD);
        let text = stdout(&output);
        assert!(
            text.contains("      allowPrivilegeEscalation: false\n"),
            "{text}{}",
            stderr(&output)
        );
        assert_eq!(text.contains("seccompProfile"), !has_exception, "{text}");
        // Left is what the text does not say, though the webhook may fill it in.
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
}

#[test]
fn every_item_of_a_list_is_fixed_where_it_stands() {
    let list = "{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [\n  {\"kind\": \"Service\"},\n  \
        {\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"spec\": {\"containers\": [{\"name\": \"a\", \"securityContext\": null}]}}\n]}\n";
    let output = with_input(&folder("list"), &fix(&["-"]), list);
    let fixed = list.replace("null", "{\"allowPrivilegeEscalation\": false}").replace(
        "]}}",
        "], \"securityContext\": {\"seccompProfile\": {\"type\": \"RuntimeDefault\"}}}}",
    );
    assert_eq!(stdout(&output), fixed);
}

#[test]
fn what_the_labels_of_a_namespace_ask_for_is_filled_in_too() {
    let folder = folder("labels");
    fs::write(
        folder.join("psa.policy"),
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: psa}\nspec: {standard: {fromNamespaceLabels: true}}\n",
    )
    .unwrap();
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: restricted}}\n";
    let args = ["fix", "-n", "shop", "--policies", "psa.policy", "--", "-"];
    let output = with_input(&folder, &args, &(POD.to_owned() + namespace));
    assert!(
        stdout(&output)
            .contains("  securityContext:\n    runAsNonRoot: true\n    seccompProfile:\n"),
        "{}",
        stderr(&output)
    );
    let unknown = with_input(&folder, &args, POD);
    assert_eq!(stdout(&unknown), POD);
    assert!(stderr(&unknown).contains("1 not judged by psa"), "{}", stderr(&unknown));
}

#[test]
fn a_place_that_others_share_is_left_with_the_reason() {
    let text = "apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  securityContext: {seccompProfile: {type: RuntimeDefault}, runAsNonRoot: true}
  containers:
  - name: a
    securityContext: &own
      runAsUser: 1000
  - name: b
    securityContext: *own
";
    let output = with_input(&folder("alias"), &fix(&["-"]), text);
    assert_eq!(stdout(&output), text);
    let told = stderr(&output);
    for part in
        ["line 9: it carries the anchor &own", "line 11: it comes by the alias *own", "on line 8"]
    {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_file_that_cannot_be_read_keeps_no_other_from_being_fixed() {
    let folder = folder("unreadable");
    fs::write(folder.join("a.yaml"), "kind: Pod\nkind: Pod\n").unwrap();
    fs::write(folder.join("b.yaml"), WEB).unwrap();
    fs::write(folder.join("c.yaml"), b"a: \xff\n").unwrap();
    let broken = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: \"true\"}\n---\n";
    fs::write(folder.join("d.yaml"), broken.to_owned() + POD).unwrap();
    let output = podgate(&folder, &fix(&["."]));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(read(&folder.join("b.yaml")), WEB_FIXED);
    let fixed = read(&folder.join("d.yaml"));
    assert!(fixed.starts_with(broken) && fixed.contains("seccompProfile"), "{fixed}");
    let told = stderr(&output);
    for part in
        ["line 2, column 1", "is not UTF-8 on line 1", "spec.hostPID: invalid type", "3 failed"]
    {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn links_are_followed_and_permissions_kept() {
    let folder = folder("links");
    fs::create_dir(folder.join("real")).unwrap();
    let file = folder.join("real/web.yaml");
    fs::write(&file, WEB).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    symlink("real/web.yaml", folder.join("link.yaml")).unwrap();
    // The same file by two names is one file.
    let output = podgate(&folder, &fix(&["link.yaml", "real/web.yaml"]));
    assert!(
        stderr(&output).contains("1 object judged: 2 fields filled in in 1 file"),
        "{}",
        stderr(&output)
    );
    assert!(fs::symlink_metadata(folder.join("link.yaml")).unwrap().is_symlink());
    assert_eq!(read(&file), WEB_FIXED);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o664);
    assert_eq!(fs::read_dir(folder.join("real")).unwrap().count(), 1);

    let before = fs::metadata(&file).unwrap();
    podgate(&folder, &fix(&["link.yaml"]));
    let after = fs::metadata(&file).unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec()),
        "unchanged is unwritten"
    );
}

#[test]
fn a_file_that_cannot_be_written_is_told_and_stays() {
    let folder = folder("read-only");
    let file = folder.join("web.yaml");
    fs::write(&file, WEB).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let output = podgate(&folder, &fix(&["web.yaml"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is read-only; make it writable"), "{}", stderr(&output));
    assert_eq!(read(&file), WEB);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

    // A disk without room, as far as a process can tell: no file may grow.
    let output = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_podgate"),
        ])
        .args(fix(&["web.yaml"]))
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot be written; it is as it was"), "{}", stderr(&output));
    assert_eq!(read(&file), WEB);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
}

const POLICY: &str = "apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: all}
spec:
  standard: {level: Restricted, version: v1.37}
  rules:
  - userNamespace: {}
  - readOnlyRootFilesystem: {}
  - serviceAccountToken: {}
  - runtimeClass: {allowed: [gvisor]}
  - hostPaths: {allowed: [/var/log]}
";

/// How many violations each object has, by the applicability of their fixes.
fn violations(folder: &Path) -> BTreeMap<&'static str, usize> {
    let args = ["check", "-o", "json", "--policies", "all.policy", "--", "files"];
    let output = podgate(folder, &args);
    let entries: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut counts = BTreeMap::from([("safe", 0), ("risky", 0), ("none", 0), ("objects", 0)]);
    for entry in entries.as_array().unwrap() {
        // What the API server would refuse is not judged, and not filled in.
        *counts.get_mut("objects").unwrap() += usize::from(entry["violations"].is_array());
        for violation in entry["violations"].as_array().into_iter().flatten() {
            let applicability = violation["applicability"].as_str().unwrap_or("none");
            *counts.get_mut(applicability).unwrap() += 1;
        }
    }
    counts
}

/// Whether `after` has every line of `before`, in order. Of a line in flow style, of one whose value was
/// null and of one that a comma or a line break was put behind, the characters need stand there.
fn keeps_lines(before: &str, after: &str) -> Result<(), String> {
    let in_order = |line: &str, new: &str| {
        let mut rest = new.chars();
        line.chars().all(|c| rest.any(|other| other == c))
    };
    let mut rest = after.split_inclusive('\n');
    for line in before.split_inclusive('\n') {
        let value = line.replace("\t#", " #");
        let value = value.split(" #").next().unwrap().trim_end();
        let is_null = ["null", "~", ":", "{}", "{}}", "{ }"]
            .iter()
            .any(|end| value.trim_end_matches(',').ends_with(end));
        let is_flow = value.contains(['{', '[']);
        let is_kept = |new: &str| {
            let (line, new) =
                (line.trim_end_matches(['\r', '\n']), new.trim_end_matches(['\r', '\n']));
            new == line
                || new.strip_suffix(',') == Some(line)
                || (is_flow
                    && in_order(
                        &line.replace(['{', '}', '[', ']', ' ', ',', '~'], "").replace("null", ""),
                        new,
                    ))
                || (is_null
                    && in_order(
                        &line.replace(['{', '}', ' ', ',', '~'], "").replace("null", ""),
                        new,
                    ))
        };
        if !rest.any(is_kept) {
            return Err(format!("{line:?} is not kept"));
        }
    }
    Ok(())
}

fn is_read_by_libyaml(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    serde_yaml::Deserializer::from_str(text)
        .all(|document| serde_yaml::Value::deserialize(document).is_ok())
}

#[test]
fn hundreds_of_manifests_get_what_they_lack_and_nothing_else() {
    const COUNT: u64 = 603;
    let folder = folder("many");
    fs::create_dir(folder.join("files")).unwrap();
    fs::write(folder.join("all.policy"), POLICY).unwrap();
    let mut texts = BTreeMap::new();
    for seed in 0..COUNT {
        let kind = usize::try_from(seed).unwrap() % manifests::KIND_COUNT;
        let (ending, text) = manifests::manifest(seed, kind);
        let path = folder.join(format!("files/{seed:04}.{ending}"));
        fs::write(&path, &text).unwrap();
        texts.insert(path, text);
    }
    let mut before = violations(&folder);
    assert!(before["objects"] > 500, "{before:?}");
    for (applicability, fixed) in [("safe", &["safe"][..]), ("all", &["safe", "risky"])] {
        let args =
            ["fix", "--policies", "all.policy", "--applicability", applicability, "--", "files"];
        let output = podgate(&folder, &args);
        let told = stderr(&output);
        assert_eq!(told.matches("write it by hand").count(), 0, "{told}");
        let mut changed = 0;
        for (path, text) in &mut texts {
            let now = read(path);
            keeps_lines(text, &now)
                .unwrap_or_else(|e| panic!("{}: {e}\n{text}\n-----\n{now}", path.display()));
            changed += u64::from(now != *text);
            // Another reader, for another opinion.
            assert_eq!(is_read_by_libyaml(text), is_read_by_libyaml(&now), "{}", path.display());
            *text = now;
        }
        assert!(changed > COUNT / 2, "{changed} changed\n{told}");

        let after = violations(&folder);
        assert_eq!(before["objects"], after["objects"]);
        for kind in fixed {
            assert_eq!(after[kind], 0, "{before:?} {after:?}\n{told}");
        }
        // Nothing that is left is new.
        assert!(after["none"] <= before["none"], "{before:?} {after:?}");
        before = after;

        let again = podgate(&folder, &args);
        assert!(stderr(&again).contains("0 fields filled in in 0 files"), "{}", stderr(&again));
        for (path, text) in &texts {
            assert_eq!(read(path), *text, "a second time changes nothing: {}", path.display());
        }
    }
}
