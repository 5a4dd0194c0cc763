//! The hook of pre-commit and the GitHub Action, done as those that read their files do them.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: app, image: a, securityContext: {privileged: true}}]}
";
const POLICY: &str = "apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: mine}
spec: {rules: [{privileged: {}}]}
";
/// Names that a shell would do something with, were they in a script.
const HOSTILE: [&str; 5] =
    ["a b.yaml", "$(touch ran).yaml", "; touch ran #.yaml", "`touch ran`.yaml", "--help.yaml"];

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pipeline-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("my policies")).unwrap();
    fs::write(folder.join("my policies/mine.yaml"), POLICY).unwrap();
    for name in HOSTILE {
        fs::write(folder.join(name), POD).unwrap();
    }
    folder
}

fn file(name: &str) -> Value {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    serde_yaml::from_str(&text).unwrap()
}

/// A command that finds the podgate of this build.
#[expect(clippy::disallowed_methods, reason = "PATH, which the command goes by")]
fn command(program: &str, folder: &Path) -> Command {
    let built = Path::new(env!("CARGO_BIN_EXE_podgate")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([built].into_iter().chain(std::env::split_paths(&path)));
    let mut command = Command::new(program);
    command.current_dir(folder).env("PATH", path.unwrap());
    command
}

/// The steps of the Action, as a runner does them, with these inputs; the last one's output. `PATH` has a podgate.
fn act(folder: &Path, inputs: &[(&str, &str)]) -> Output {
    let action = file("action.yml");
    let value = |expression: &str| {
        let name = expression.trim_start_matches("${{ inputs.").trim_end_matches(" }}");
        let given = inputs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let default = action["inputs"][name]["default"].as_str();
        given.or(default).expect("each input has a default").to_owned()
    };
    let mut last = None;
    for step in action["runs"]["steps"].as_array().unwrap() {
        assert_eq!(step["shell"], "bash");
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "what is given must not get into a script: {script}");
        let mut shell = command("bash", folder);
        shell.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
        for (name, expression) in step["env"].as_object().into_iter().flatten() {
            shell.env(name, value(expression.as_str().unwrap()));
        }
        last = Some(shell.output().unwrap());
    }
    last.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_action_judges_what_is_named_and_runs_none_of_it() {
    let folder = folder("action");
    let inputs = [("paths", &*HOSTILE.join("\n")), ("policies", "my policies\n")];
    let output = act(&folder, &inputs);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert_eq!(said.lines().count(), HOSTILE.len(), "{said}");
    assert!(said.lines().all(|line| line.starts_with("::error file=")), "{said}");
    assert!(!folder.join("ran").exists());

    for hostile in
        ["$(touch ran)", "github; touch ran", "`touch ran`", "a\ntouch ran\n", "\"; touch ran #"]
    {
        for input in ["format", "paths", "policies", "source-root"] {
            let output = act(&folder, &[(input, hostile)]);
            assert_eq!(output.status.code(), Some(2), "{input}: {hostile}");
            assert!(!folder.join("ran").exists(), "{input}: {hostile}");
        }
        let _ = act(&folder, &[("output", hostile)]);
        assert!(!folder.join("ran").exists(), "output: {hostile}");
    }
}

#[test]
fn the_action_judges_the_folder_by_the_library_unless_told_otherwise_and_writes_a_file() {
    let folder = folder("defaults");
    let output = act(&folder, &[("format", "sarif"), ("output", "found.sarif")]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
    let found = fs::read_to_string(folder.join("found.sarif")).unwrap();
    let found: Value = serde_json::from_str(&found).unwrap();
    assert!(found["runs"][0]["results"].as_array().unwrap().len() >= HOSTILE.len());
}

#[test]
fn the_action_names_the_templates_of_charts() {
    let folder = folder("charts");
    fs::create_dir(folder.join("my charts")).unwrap();
    fs::write(folder.join("rendered.yaml"), format!("# Source: shop/templates/a.yaml\n{POD}"))
        .unwrap();
    let output = act(&folder, &[("paths", "rendered.yaml"), ("source-root", "my charts")]);
    let said = text(&output.stdout);
    assert!(said.starts_with("::error file=my charts/shop/templates/a.yaml,title="), "{said}");
}

#[test]
fn the_action_builds_a_podgate_by_its_own_toolchain_where_there_is_none() {
    let folder = folder("build");
    fs::create_dir_all(folder.join("programs")).unwrap();
    // Tells what it was asked, and where, and builds nothing.
    fs::write(folder.join("programs/cargo"), "#!/bin/sh\necho \"$PWD $*\"\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.join("programs/cargo"), executable).unwrap();
    let action = file("action.yml");
    let script = action["runs"]["steps"][0]["run"].as_str().unwrap();
    let action = folder.join("my policies");
    let output = Command::new("/bin/bash")
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        .env("PATH", folder.join("programs"))
        .env("GITHUB_ACTION_PATH", &action)
        .current_dir(&folder)
        .output()
        .unwrap();
    let asked = format!("{} install --locked --path .\n", action.display());
    assert_eq!((text(&output.stdout), output.status.code()), (asked, Some(0)));
}

#[test]
fn the_hook_judges_the_files_that_are_handed_to_it() {
    let folder = folder("hook");
    let hooks = file(".pre-commit-hooks.yaml");
    let hook = &hooks[0];
    assert_eq!((&hook["id"], &hook["language"]), (&"podgate-check".into(), &"system".into()));
    let mut entry = hook["entry"].as_str().unwrap().split(' ');
    let run = |args: &[&str], files: &[&str]| {
        let mut hook = command(entry.clone().next().unwrap(), &folder);
        hook.args(entry.clone().skip(1)).args(args).args(files).output().unwrap()
    };
    let args = hook["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
    let args: Vec<&str> = args.collect();
    // A name that would be read as a flag is not judged, and nobody hears of it.
    let names = [&HOSTILE[..], &["-nother.yaml", "--namespace=a.yaml"]].concat();
    for name in &names {
        fs::write(folder.join(name), POD).unwrap();
    }
    for args in [&args[..], &["--policies", "my policies", "--"]] {
        let output = run(args, &names);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("7 objects judged: 7 denied"), "{args:?}");
    }
    assert_eq!(hook["require_serial"], true);
    // YAML that is no manifest is no reason to stop a commit.
    fs::write(folder.join("values.yaml"), "replicas: 1\n").unwrap();
    assert_eq!(run(&[], &["values.yaml"]).status.code(), Some(0));
    assert!(entry.next().is_some());
}
