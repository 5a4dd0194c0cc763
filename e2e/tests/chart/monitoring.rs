//! Alerts and panels ask for metrics that the program has, and every alert has its paragraph in the runbook.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{everything, object, of_kind, render, values};

#[path = "../../../tests/support/series.rs"]
mod scrape;

/// The names of all series, as a scrape shows them.
fn series() -> BTreeSet<String> {
    let text = scrape::scrape();
    let mut names = BTreeSet::new();
    for line in text.lines() {
        // A family without a series yet has its announcement only.
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let endings: &[&str] = match kind {
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            names.extend(endings.iter().map(|ending| format!("{name}{ending}")));
        }
    }
    assert!(names.contains("podgate_reviews_total"), "{text}");
    names
}

fn asked(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("podgate_"))
}

#[test]
fn alerts_and_panels_ask_for_metrics_that_exist() {
    let objects = render(&everything("ha", "managed"));
    let series = series();
    let rule = object(&objects, "PrometheusRule", "podgate");
    let alerts = rule["spec"]["groups"][0]["rules"].as_array().unwrap();
    assert!(alerts.len() > 8);
    let dashboard = object(&objects, "ConfigMap", "podgate-dashboard")["data"]["podgate.json"]
        .as_str()
        .unwrap();
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    expressions.extend(alerts.iter().map(|alert| alert["expr"].as_str().unwrap()));
    for expression in expressions {
        assert!(asked(expression).count() > 0, "{expression}");
        for name in asked(expression) {
            assert!(series.contains(name), "{name} is no metric of podgate's: {expression}");
        }
    }
}

#[test]
fn every_alert_has_a_paragraph_in_the_runbook() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/install.md");
    let page = std::fs::read_to_string(page).unwrap();
    let objects = render(&everything("ha", "managed"));
    let rule = object(&objects, "PrometheusRule", "podgate");
    let alerts = rule["spec"]["groups"][0]["rules"].as_array().unwrap();
    let mut names = Vec::new();
    for alert in alerts {
        let name = alert["alert"].as_str().unwrap();
        let link = alert["annotations"]["runbook_url"].as_str().unwrap();
        assert!(link.ends_with(&format!("docs/install.md#{}", name.to_lowercase())), "{link}");
        assert!(page.contains(&format!("\n### {name}\n")), "{name} is not in docs/install.md");
        names.push(name);
    }
    let headings: Vec<_> =
        page.lines().filter_map(|line| line.strip_prefix("### Podgate")).collect();
    let expected: Vec<_> = names.iter().map(|name| name.strip_prefix("Podgate").unwrap()).collect();
    assert_eq!(headings, expected, "the runbook has the alerts, in their order");
}

#[test]
fn nothing_of_it_is_there_unless_asked_for() {
    let objects = render(&values("ha", "managed"));
    for kind in ["ServiceMonitor", "PrometheusRule"] {
        assert!(of_kind(&objects, kind).is_empty());
    }
    assert_eq!(of_kind(&objects, "ConfigMap").len(), 1, "the policies alone");
}
