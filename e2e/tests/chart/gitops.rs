//! What a release looks like to what keeps it: Helm itself, Argo CD, Flux.

use serde_json::{Value, json};

use crate::{all_values, of_kind, render, values};

/// Pain 17: what was rendered differed from one time to the next, or was rewritten at run time, so that `GitOps` never came
/// to rest.
#[test]
fn a_render_depends_on_the_values_and_on_nothing_else() {
    for entry in templates() {
        let text = std::fs::read_to_string(&entry).unwrap();
        // Everything of Helm's that asks the cluster, the clock or chance.
        for word in [
            "lookup",
            "genCA",
            "genSelfSigned",
            "genSigned",
            "genPrivateKey",
            "rand",
            "uuidv4",
            "now",
            "htpasswd",
            "bcrypt",
            "getHostByName",
            "IsUpgrade",
            "IsInstall",
            ".Revision",
        ] {
            let used = text.match_indices(word).any(|(at, _)| {
                let before = text[..at].chars().next_back().unwrap_or(' ');
                let after = text[at + word.len()..].chars().next().unwrap_or(' ');
                let inside_actions = text[..at].rfind("{{") > text[..at].rfind("}}");
                inside_actions && !before.is_alphanumeric() && !after.is_alphanumeric()
            });
            assert!(!used, "{}: {word}", entry.display());
        }
    }
    // Secrets with keys in them would be in Helm's own storage and in every diff.
    for (name, values) in all_values() {
        assert!(of_kind(&render(&values), "Secret").is_empty(), "{name}");
    }
}

/// Pain 22: hooks ran images that vanished, and left uninstalls and upgrades stuck for days.
#[test]
fn nothing_runs_to_install_upgrade_or_uninstall() {
    for (name, values) in all_values() {
        for object in render(&values) {
            let hook = &object["metadata"]["annotations"]["helm.sh/hook"];
            let kind = object["kind"].as_str().unwrap();
            assert!(hook.is_null() || hook == "test", "{name}: {kind}, {hook}");
            let runs_once = matches!(kind, "Job" | "CronJob" | "Pod");
            assert!(!runs_once || hook == "test", "{name}: {kind}");
            // What runs is podgate itself.
            for image in object.to_string().split("\"image\":\"").skip(1) {
                assert!(image.starts_with("ghcr.io/podgate/podgate:"), "{name}: {kind}, {image}");
            }
        }
    }
}

/// Pain 22: what the chart once installed could not be upgraded, or was deleted with all that people had made of it.
#[test]
fn definitions_are_upgraded_with_the_release_and_outlive_it() {
    let root = e2e::chart();
    assert!(!root.join("crds").exists(), "Helm never upgrades what lies in crds/");
    for (name, values) in all_values() {
        for definition in of_kind(&render(&values), "CustomResourceDefinition") {
            assert_eq!(
                definition["metadata"]["annotations"]["helm.sh/resource-policy"], "keep",
                "{name}"
            );
        }
    }
    let mut none = values("ha", "managed");
    none["crds"] = json!({"install": false});
    assert!(of_kind(&render(&none), "CustomResourceDefinition").is_empty());
}

/// A change of the policies is read by the running pods; one of the program or its settings replaces them one by one.
#[test]
fn a_change_of_policies_restarts_nothing() {
    let before = render(&values("ha", "managed"));
    let mut changed = values("ha", "managed");
    changed["policies"] = json!({"library": ["restricted"]});
    let after = render(&changed);
    assert_eq!(of_kind(&before, "Deployment"), of_kind(&after, "Deployment"));
    assert_ne!(of_kind(&before, "ConfigMap"), of_kind(&after, "ConfigMap"));
    let mounts_part_of_a_volume =
        before.iter().map(Value::to_string).any(|object| object.contains("subPath"));
    assert!(!mounts_part_of_a_volume, "such a mount is never updated");
}

/// The snippets for Argo CD and Flux are values that the chart takes.
#[test]
fn snippets_of_the_install_page_render_twice_the_same() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/install.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut kinds = Vec::new();
    for block in blocks {
        let [snippet] = &e2e::yaml_objects(block).unwrap()[..] else { panic!("{block}") };
        let values = match snippet["kind"].as_str().unwrap() {
            "Application" => &snippet["spec"]["source"]["helm"]["valuesObject"],
            "HelmRelease" => &snippet["spec"]["values"],
            _ => continue,
        };
        kinds.push(snippet["kind"].clone());
        assert!(values.is_object(), "{block}");
        assert_eq!(render(values), render(values));
    }
    assert_eq!(kinds, ["Application", "HelmRelease"]);
}

fn templates() -> Vec<std::path::PathBuf> {
    let mut folders = vec![e2e::chart().join("templates")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 10);
    files
}
