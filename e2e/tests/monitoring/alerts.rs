//! Each alert fires where it should, and is silent where it should be, as `promtool test rules` plays it.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use e2e::promtool;
use serde_json::{Value, json};

use crate::{Folder, rules};

/// Samples a minute apart, more of them than the longest alert waits.
const WHEN: &str = "95m";

/// An alert, what is measured where it fires, the labels that it carries beside its severity, and what is measured where it
/// is silent. A series is written as `name{labels}`, without what all of them have, and its values as promtool has them.
struct Case {
    alert: &'static str,
    fires: &'static [(&'static str, &'static str)],
    labels: &'static [(&'static str, &'static str)],
    silent: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        alert: "PodgateDown",
        fires: &[("podgate_build_info{}", "1x10")],
        labels: &[("namespace", "podgate"), ("job", "podgate-metrics")],
        silent: &[("podgate_policy_set_info{digest=\"a\"}", "1x100")],
    },
    Case {
        alert: "PodgateFails",
        fires: &[
            ("podgate_reviews_total{decision=\"failed\"}", "0x94 1x5"),
            ("podgate_panics_total{}", "0x100"),
        ],
        labels: &[],
        silent: &[
            ("podgate_reviews_total{decision=\"failed\"}", "7x100"),
            ("podgate_reviews_total{decision=\"denied\"}", "0+9x100"),
            ("podgate_panics_total{}", "0x100"),
        ],
    },
    Case {
        alert: "PodgateTurnsAway",
        fires: &[("podgate_requests_rejected_total{reason=\"busy\"}", "0+1x100")],
        labels: &[("reason", "busy")],
        silent: &[
            ("podgate_requests_rejected_total{reason=\"busy\"}", "5x100"),
            ("podgate_requests_rejected_total{reason=\"media_type\"}", "0+9x100"),
        ],
    },
    Case {
        alert: "PodgateHandshakesFail",
        fires: &[("podgate_requests_rejected_total{reason=\"handshake\"}", "0+5x100")],
        labels: &[],
        silent: &[("podgate_requests_rejected_total{reason=\"handshake\"}", "0+0.5x100")],
    },
    Case {
        alert: "PodgateSlow",
        fires: &[
            ("podgate_review_duration_seconds_bucket{le=\"0.5\"}", "0+98x100"),
            ("podgate_review_duration_seconds_bucket{le=\"1\"}", "0+100x100"),
            ("podgate_review_duration_seconds_bucket{le=\"+Inf\"}", "0+100x100"),
        ],
        labels: &[],
        silent: &[
            ("podgate_review_duration_seconds_bucket{le=\"0.5\"}", "0+100x100"),
            ("podgate_review_duration_seconds_bucket{le=\"1\"}", "0+100x100"),
            ("podgate_review_duration_seconds_bucket{le=\"+Inf\"}", "0+100x100"),
        ],
    },
    Case {
        alert: "PodgatePoliciesRefused",
        fires: &[("podgate_policy_reload_failures_total{}", "0x90 1x9")],
        labels: &[],
        silent: &[("podgate_policy_reload_failures_total{}", "0 1x99")],
    },
    Case {
        alert: "PodgateReplicasDisagree",
        fires: &[
            ("podgate_policy_set_info{pod=\"1\", digest=\"a\"}", "1x100"),
            ("podgate_policy_set_info{pod=\"2\", digest=\"b\"}", "1x100"),
        ],
        labels: &[],
        silent: &[
            ("podgate_policy_set_info{pod=\"1\", digest=\"a\"}", "1x100"),
            ("podgate_policy_set_info{pod=\"2\", digest=\"a\"}", "1x100"),
        ],
    },
    Case {
        alert: "PodgateCertificateExpires",
        fires: &[("podgate_certificate_not_after_seconds{certificate=\"ca\"}", "600000x100")],
        labels: &[("certificate", "ca")],
        silent: &[("podgate_certificate_not_after_seconds{certificate=\"ca\"}", "620000x100")],
    },
    Case {
        alert: "PodgateCertificateRefused",
        fires: &[("podgate_certificate_reload_failures_total{}", "0x90 1x9")],
        labels: &[],
        silent: &[("podgate_certificate_reload_failures_total{}", "1x100")],
    },
    Case {
        alert: "PodgateRecordsLost",
        fires: &[("podgate_ledger_lost_total{}", "0x90 1x9")],
        labels: &[],
        silent: &[("podgate_ledger_lost_total{}", "3x100")],
    },
    Case {
        alert: "PodgateTelemetryDropped",
        fires: &[("podgate_otlp_dropped_total{signal=\"logs\"}", "0+1x100")],
        labels: &[("signal", "logs")],
        silent: &[
            ("podgate_otlp_dropped_total{signal=\"logs\"}", "7x100"),
            ("podgate_otlp_dropped_total{signal=\"traces\"}", "0x50 3x49"),
        ],
    },
    Case {
        alert: "PodgateReportsFail",
        fires: &[("podgate_report_failures_total{}", "0+1x100")],
        labels: &[],
        silent: &[("podgate_report_failures_total{}", "2x100")],
    },
    Case {
        alert: "PodgateSpoolFails",
        fires: &[("podgate_ledger_spool_failing{}", "1x100")],
        labels: &[],
        silent: &[("podgate_ledger_spool_failing{}", "0x93 1x6")],
    },
    Case {
        alert: "PodgateRecordsWait",
        fires: &[
            ("podgate_ledger_unsent_records{}", "5x100"),
            ("podgate_ledger_send_failures_total{}", "0+1x100"),
        ],
        labels: &[],
        silent: &[
            ("podgate_ledger_unsent_records{}", "5x100"),
            ("podgate_ledger_send_failures_total{}", "4x100"),
        ],
    },
    Case {
        alert: "PodgateExceptionsExpired",
        fires: &[("podgate_exceptions{state=\"expired\"}", "1x100")],
        labels: &[],
        silent: &[("podgate_exceptions{state=\"active\"}", "1x100")],
    },
    Case {
        alert: "PodgateExceptionsExpire",
        fires: &[("podgate_exceptions{state=\"expiring\"}", "1x100")],
        labels: &[],
        silent: &[("podgate_exceptions{state=\"expiring\"}", "0x100")],
    },
    Case {
        alert: "PodgateNotProved",
        fires: &[("podgate_enforcement_proved{case=\"privileged\"}", "0x100")],
        labels: &[("case", "privileged")],
        silent: &[("podgate_enforcement_proved{case=\"privileged\"}", "1x90 0x3 1x9")],
    },
    Case {
        alert: "PodgateStale",
        fires: &[("podgate_watch_stale_seconds{watch=\"policies\"}", "0+60x100")],
        labels: &[("watch", "policies")],
        silent: &[("podgate_watch_stale_seconds{watch=\"policies\"}", "299x100")],
    },
];

fn tests(rules: &Value) -> Result<Vec<Value>> {
    let mut tests = Vec::new();
    for rule in rules["groups"][0]["rules"].as_array().context("alerts")? {
        let name = rule["alert"].as_str().context("a name")?;
        let case = CASES.iter().find(|case| case.alert == name);
        let case = case.with_context(|| format!("nothing here makes {name} fire"))?;
        let mut labels = json!({"severity": rule["labels"]["severity"]});
        let mut summary = rule["annotations"]["summary"].as_str().context("a summary")?.to_owned();
        for (label, value) in case.labels {
            labels[label] = json!(value);
            summary = summary.replace(&format!("{{{{ $labels.{label} }}}}"), value);
        }
        let annotations =
            json!({"summary": summary, "runbook_url": rule["annotations"]["runbook_url"]});
        let alert = json!([{"exp_labels": labels, "exp_annotations": annotations}]);
        for (series, alerts) in [(case.fires, alert), (case.silent, json!([]))] {
            let series: Vec<Value> = series.iter().map(|(series, values)| {
                let all = "namespace=\"podgate\", job=\"podgate-metrics\", ";
                json!({"series": series.replacen('{', &format!("{{{all}"), 1).replace(", }", "}"), "values": values})
            }).collect();
            tests.push(json!({
                "interval": "1m",
                "input_series": series,
                "alert_rule_test": [{"eval_time": WHEN, "alertname": name, "exp_alerts": alerts}],
            }));
        }
    }
    ensure!(tests.len() == 2 * CASES.len(), "a case is about an alert that is not there");
    Ok(tests)
}

fn played() -> Result<()> {
    let rules = rules()?;
    let folder = Folder::new("alerts")?;
    let (file, test) = (folder.path().join("rules.yaml"), folder.path().join("test.yaml"));
    // JSON is YAML.
    fs::write(&file, rules.to_string())?;
    let document =
        json!({"rule_files": [file], "evaluation_interval": "1m", "tests": tests(&rules)?});
    fs::write(&test, document.to_string())?;
    for (command, file) in [("check", &file), ("test", &test)] {
        let said = promtool(&[command, "rules", file.to_str().context("a plain path")?], "")?;
        ensure!(
            said.status.success(),
            "promtool {command} rules: {}{}",
            String::from_utf8_lossy(&said.stdout),
            String::from_utf8_lossy(&said.stderr)
        );
    }
    Ok(())
}

#[test]
fn each_alert_fires_where_it_should_and_nowhere_else() {
    if let Err(error) = played() {
        panic!("{error:?}");
    }
}
