//! OpenTelemetry: what a collector gets, and that one that is slow, busy or away is never in the way of an answer.
#![allow(clippy::panic, reason = "helpers of tests may fail as tests do")]

mod collector;

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use collector::{Collector, Mood, line, text};
use e2e::fleet::{Fleet, Webhook};
use e2e::wait_for;
use podgate::ledger::verify::{Place, Verifier};
use serde_json::Value;

const TYPICAL: &str = include_str!("../../reviews/typical.json");
const VIOLATING: &str = include_str!("../../reviews/violating.json");
const BOUND: Duration = Duration::from_secs(30);

fn run<F: Future<Output = Result<()>>>(test: F) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Err(error) = runtime.block_on(test) {
        panic!("{error:?}");
    }
}

fn dropped(webhook: &Webhook, signal: &str) -> Result<u64> {
    webhook.metric(&format!("podgate_otlp_dropped_total{{signal=\"{signal}\"}}"))
}

/// The requests whose denials the collector has as logs.
fn denied(collector: &Collector) -> Result<HashSet<String>> {
    collector.taken(|taken| {
        let logs = taken.logs.iter().filter(|log| log.event_name == "podgate.decision");
        logs.map(|log| {
            let record: Value = serde_json::from_str(line(log))?;
            Ok(record["requestUid"].as_str().context("a uid")?.to_owned())
        })
        .collect()
    })
}

#[test]
fn every_denial_is_a_log_with_what_is_searched_by_and_the_chain_in_it() {
    run(async {
        let collector = Collector::start(Mood::Well).await?;
        let fleet = Fleet::prepare("otlp-logs", None)?;
        let headers = fleet.folder().join("headers");
        fs::write(&headers, "Authorization: Bearer t0ken\n\nX-Tenant: one\n")?;
        let arguments = [
            format!("--otlp-endpoint={}", collector.url),
            format!("--otlp-headers={}", headers.display()),
            "--cluster=east".to_owned(),
        ];
        let mut webhook = fleet.webhook("webhook-0", &arguments.each_ref().map(String::as_str))?;
        // What a record never holds, no log holds.
        let mut review: Value = serde_json::from_str(VIOLATING)?;
        let pod = &mut review["request"]["object"];
        pod["spec"]["containers"][0]["env"] =
            serde_json::json!([{"name": "PASSWORD", "value": "pl4nted"}]);
        pod["metadata"]["annotations"]["example.com/key"] = "pl4nted".into();
        review["request"]["userInfo"]["extra"] = serde_json::json!({"token": ["pl4nted"]});
        fleet.post(&webhook, &review.to_string()).await?;

        let load = fleet.client(&webhook)?;
        load.until_more(300).await?;
        let told = load.stop().await?;
        wait_for("every denial to be a log", BOUND, || {
            let logged = denied(&collector)?;
            Ok(told.is_subset(&logged).then_some(()))
        })?;
        ensure!(dropped(&webhook, "logs")? == 0);
        webhook.end()?;

        collector.taken(|taken| -> Result<()> {
            let of = |key: &str, value: &str| {
                taken.resources.iter().all(|resource| text(&resource.attributes, key) == value)
            };
            ensure!(of("service.name", "podgate") && of("k8s.cluster.name", "east"));
            ensure!(of("service.instance.id", "webhook-0"), "{:?}", taken.resources);
            for log in taken.logs.iter().filter(|log| log.event_name == "podgate.decision") {
                ensure!(log.severity_text == "WARN" && log.time_unix_nano > 0, "{log:?}");
                ensure!(text(&log.attributes, "podgate.decision") == "denied", "{log:?}");
                let record: Value = serde_json::from_str(line(log))?;
                for (key, value) in [
                    ("k8s.namespace.name", &record["object"]["namespace"]),
                    ("k8s.pod.name", &record["object"]["name"]),
                    ("podgate.decision.id", &record["decisionId"]),
                    ("user.name", &record["user"]["name"]),
                ] {
                    ensure!(
                        text(&log.attributes, key) == value.as_str().unwrap_or_default(),
                        "{key}: {log:?}"
                    );
                }
            }
            ensure!(taken.authorizations.iter().all(|sent| sent == "Bearer t0ken"));
            let bytes = String::from_utf8_lossy(&taken.bytes);
            ensure!(!bytes.contains("pl4nted") && !bytes.contains("t0ken"));
            // The bodies are the chain, whole to its end: also for who has nothing but a collector.
            let mut verifier = Verifier::new(None);
            for (number, log) in (1..).zip(&taken.logs) {
                verifier.read(line(log), &Place { source: "collector".into(), line: number });
            }
            let report = verifier.finish();
            ensure!(report.is_sound(), "{report:?}");
            ensure!(taken.logs.last().is_some_and(|log| log.event_name == "podgate.end"));
            Ok(())
        })?;
        let log = fs::read_to_string(fleet.folder().join("webhook-0.err"))?;
        ensure!(!log.contains("t0ken") && log.contains("listening"), "{log}");
        Ok(())
    });
}

#[test]
fn a_review_is_a_span_under_that_of_a_caller_who_keeps_the_trace() {
    run(async {
        let collector = Collector::start(Mood::Well).await?;
        let fleet = Fleet::prepare("otlp-traces", None)?;
        let endpoint = format!("--otlp-endpoint={}", collector.url);
        let mut webhook = fleet.webhook("webhook-0", &[&endpoint])?;
        for traceparent in [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "nonsense",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            fleet.post_with(&webhook, TYPICAL, &[("traceparent", traceparent)]).await?;
        }
        fleet.post(&webhook, TYPICAL).await?;
        webhook.end()?;
        collector.taken(|taken| {
            let [span] = &taken.spans[..] else { anyhow::bail!("{:?}", taken.spans) };
            ensure!(span.trace_id[..2] == [0x0a, 0xf7] && span.trace_id.len() == 16, "{span:?}");
            ensure!(span.parent_span_id == [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
            ensure!(span.name == "POST /validate" && span.span_id.len() == 8, "{span:?}");
            ensure!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
            ensure!(text(&span.attributes, "http.route") == "/validate", "{span:?}");
            ensure!(text(&span.attributes, "podgate.decision") == "allowed", "{span:?}");
            ensure!(!text(&span.attributes, "podgate.decision.id").is_empty(), "{span:?}");
            Ok(())
        })
    });
}

#[test]
fn a_collector_that_asks_for_patience_gets_everything_afterwards() {
    gets_everything_afterwards("otlp-busy", Mood::Busy);
}

#[test]
fn a_collector_that_is_flooded_gets_everything_afterwards() {
    gets_everything_afterwards("otlp-flooded", Mood::Flooded);
}

fn gets_everything_afterwards(name: &str, mood: Mood) {
    run(async {
        let collector = Collector::start(mood).await?;
        let fleet = Fleet::prepare(name, None)?;
        let endpoint = format!("--otlp-endpoint={}", collector.url);
        let webhook = fleet.webhook("webhook-0", &[&endpoint])?;
        let load = fleet.client(&webhook)?;
        load.until_more(100).await?;
        let told = load.stop().await?;
        wait_for("the collector to be asked", BOUND, || {
            Ok((collector.taken(|taken| taken.refused) > 0).then_some(()))
        })?;
        collector.behave(Mood::Well);
        wait_for("every denial to be a log", BOUND, || {
            let logged = denied(&collector)?;
            Ok(told.is_subset(&logged).then_some(()))
        })?;
        ensure!(dropped(&webhook, "logs")? == 0);
        Ok(())
    });
}

#[test]
fn what_a_collector_rejects_of_a_request_counts_as_dropped() {
    run(async {
        let collector = Collector::start(Mood::Picky).await?;
        let fleet = Fleet::prepare("otlp-picky", None)?;
        let endpoint = format!("--otlp-endpoint={}", collector.url);
        let webhook = fleet.webhook("webhook-0", &[&endpoint])?;
        let load = fleet.client(&webhook)?;
        load.until_more(100).await?;
        load.stop().await?;
        wait_for("what was rejected to be counted", BOUND, || {
            let dropped = dropped(&webhook, "logs")?;
            // Two of each request, and there were few.
            Ok((dropped >= 2 && dropped.is_multiple_of(2) && dropped < 100).then_some(()))
        })
    });
}

#[test]
fn a_token_that_is_refused_is_told_once_and_never_shown() {
    run(async {
        let collector = Collector::start(Mood::Closed).await?;
        let fleet = Fleet::prepare("otlp-closed", None)?;
        let headers = fleet.folder().join("headers");
        fs::write(&headers, "Authorization: Bearer t0ken\n")?;
        let arguments = [
            format!("--otlp-endpoint={}", collector.url),
            format!("--otlp-headers={}", headers.display()),
        ];
        let mut webhook = fleet.webhook("webhook-0", &arguments.each_ref().map(String::as_str))?;
        for more in [100, 100] {
            let load = fleet.client(&webhook)?;
            load.until_more(more).await?;
            load.stop().await?;
            let before = dropped(&webhook, "logs")?;
            wait_for("logs to be dropped", BOUND, || {
                Ok((dropped(&webhook, "logs")? > before || before > 100).then_some(()))
            })?;
        }
        // A line that is no header is told by its place, and not by what stands in it.
        fs::write(&headers, "Authorization: Bearer t0ken\nt0ken\n")?;
        fleet.post(&webhook, VIOLATING).await?;
        let log = fleet.folder().join("webhook-0.err");
        wait_for("the log to name the line", BOUND, || {
            Ok(fs::read_to_string(&log)?.contains("headers:2: must be a header").then_some(()))
        })?;
        webhook.end()?;
        let log = fs::read_to_string(log)?;
        ensure!(log.matches("401 Unauthorized").count() == 1 && !log.contains("t0ken"), "{log}");
        Ok(())
    });
}

#[test]
fn a_collector_is_known_by_the_authority_that_was_given() {
    run(async {
        let fleet = Fleet::prepare("otlp-tls", None)?;
        let collector = Collector::start_tls(&fleet.folder().join("tls")).await?;
        let endpoint = format!("--otlp-endpoint={}", collector.url);
        let authority = format!("--otlp-ca={}", fleet.folder().join("tls/ca.crt").display());
        let mut known = fleet.webhook("webhook-0", &[&endpoint, &authority])?;
        let mut unknown = fleet.webhook("webhook-1", &[&endpoint])?;
        for webhook in [&known, &unknown] {
            fleet.post(webhook, VIOLATING).await?;
        }
        wait_for("the one that knows it to have told of its denial", BOUND, || {
            Ok((denied(&collector)?.len() == 1).then_some(()))
        })?;
        let log = fleet.folder().join("webhook-1.err");
        wait_for("the other one to say why not", BOUND, || {
            Ok(fs::read_to_string(&log)?.contains("UnknownIssuer").then_some(()))
        })?;
        known.end()?;
        unknown.end()
    });
}

#[test]
fn a_collector_that_never_answers_is_in_nobodys_way() {
    run(async {
        let collector = Collector::start(Mood::Silent).await?;
        let fleet = Fleet::prepare("otlp-silent", None)?;
        let endpoint = format!("--otlp-endpoint={}", collector.url);
        let mut webhook = fleet.webhook("webhook-0", &[&endpoint])?;
        let load = fleet.client(&webhook)?;
        // More than may wait for it.
        wait_for("logs to be dropped", Duration::from_mins(2), || {
            Ok((dropped(&webhook, "logs")? > 0).then_some(()))
        })?;
        load.until_more(300).await?;
        load.stop().await?;
        // Nor in that of its own end.
        webhook.end()
    });
}

#[test]
fn without_a_collector_reviews_are_answered_and_the_log_says_so_once() {
    run(async {
        let fleet = Fleet::prepare("otlp-absent", None)?;
        let mut webhook = fleet.webhook("webhook-0", &["--otlp-endpoint=http://127.0.0.1:9"])?;
        let load = fleet.client(&webhook)?;
        load.until_more(300).await?;
        load.stop().await?;
        let log = fleet.folder().join("webhook-0.err");
        let told = |text: &str| text.matches("telemetry cannot be sent").count();
        wait_for("the log to say so", BOUND, || {
            Ok((told(&fs::read_to_string(&log)?) > 0).then_some(()))
        })?;
        webhook.end()?;
        let text = fs::read_to_string(&log)?;
        ensure!(told(&text) == 1 && text.contains("onnection refused"), "{text}");
        Ok(())
    });
}
