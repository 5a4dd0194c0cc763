//! What the real Helm prints above each document is what `podgate check` names objects by.

use serde_json::json;

use crate::{KUBERNETES, template};

#[test]
fn each_rendered_object_is_named_by_its_template() {
    let text = template(&json!({}), KUBERNETES[1]).succeeded().unwrap();
    let root = e2e::chart();
    let charts = root.parent().unwrap().to_str().unwrap();
    let entries = e2e::podgate_check(&["--source-root", charts], &text).unwrap();
    assert!(entries.iter().any(|entry| entry["kind"] == "Deployment"), "{entries:?}");
    for entry in entries {
        let source = entry["source"].as_str().unwrap();
        assert!(root.parent().unwrap().join(source).is_file(), "{source}");
        let is_deployment = entry["kind"] == "Deployment";
        assert_eq!(
            is_deployment,
            source.ends_with("/deployment.yaml"),
            "{source}: {}",
            entry["kind"]
        );
    }
}
