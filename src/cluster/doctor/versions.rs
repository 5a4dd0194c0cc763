//! Versions, and the two clocks.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::cluster::Cluster;
use super::{Finding, Options};

/// The minor versions of Kubernetes 1.x that podgate is tested with.
const TESTED: std::ops::RangeInclusive<u32> = 30..=37;
/// A difference of the clocks that is worth a word, and one that breaks certificates that were just made.
const DOUBTFUL: SignedDuration = SignedDuration::from_secs(5);
const WRONG: SignedDuration = SignedDuration::from_secs(60);

pub(super) async fn look(
    cluster: &Cluster,
    options: &Options,
    now: &(dyn Fn() -> Timestamp + Send + Sync),
) -> kube::Result<Vec<Finding>> {
    let before = now();
    let server = cluster.server().await?;
    let after = now();
    let mut findings = vec![of_server(&server.version)];
    findings.push(clock(server.date.as_deref(), before, after));
    let path = format!("/apis/apps/v1/namespaces/{}/deployments", options.namespace);
    match cluster.list(&path).await {
        Ok(deployments) => findings.extend(of_podgate(&deployments, options)),
        Err(error) => findings.push(Finding::unknown("version", "podgate's Deployments", &error)),
    }
    Ok(findings)
}

fn of_server(version: &Value) -> Finding {
    let text = |name: &str| version[name].as_str().unwrap_or_default();
    // Some vendors write `30+`.
    let minor = text("minor").trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>();
    let found = match version["gitVersion"].as_str() {
        Some(git) => format!("the API server is {git}"),
        None => format!("the API server is {}.{}", text("major"), text("minor")),
    };
    match minor {
        Ok(minor) if text("major") == "1" && TESTED.contains(&minor) => {
            Finding::fine("kubernetes", found)
        }
        _ => {
            let (first, last) = (TESTED.start(), TESTED.end());
            let advice = format!(
                "podgate is tested with 1.{first} to 1.{last}; see whether a newer podgate is"
            );
            Finding::doubtful("kubernetes", found, advice)
        }
    }
}

fn clock(date: Option<&str>, before: Timestamp, after: Timestamp) -> Finding {
    let parse = |date: &str| jiff::fmt::rfc2822::parse(date).ok();
    let Some(theirs) = date.and_then(parse) else {
        let advice = "compare the clocks by hand: certificates hold between two moments";
        return Finding::doubtful("clock", "the API server did not say its time", advice);
    };
    let theirs = theirs.timestamp();
    // Their clock is read to the second, and somewhere between ours before and ours after.
    let off = if theirs < before {
        before.duration_since(theirs) - SignedDuration::from_secs(1)
    } else {
        theirs.duration_since(after)
    };
    let off = off.max(SignedDuration::ZERO);
    if off <= DOUBTFUL {
        return Finding::fine("clock", "the API server's clock and this machine's agree");
    }
    let found = format!("the API server's clock and this machine's differ by {}s", off.as_secs());
    let advice = "let both follow a time server: a certificate that was just made is not valid yet to a clock that is behind";
    if off <= WRONG {
        Finding::doubtful("clock", found, advice)
    } else {
        Finding::wrong("clock", found, advice)
    }
}

fn of_podgate(deployments: &[Value], options: &Options) -> Vec<Finding> {
    let own = env!("CARGO_PKG_VERSION");
    let ours: Vec<&Value> = deployments
        .iter()
        .filter(|deployment| {
            deployment["metadata"]["labels"]["app.kubernetes.io/name"] == "podgate"
        })
        .collect();
    if ours.is_empty() {
        let found = format!(
            "no Deployment labelled app.kubernetes.io/name=podgate in namespace {}",
            options.namespace
        );
        let advice = "name podgate's namespace with --namespace, or install the chart";
        return vec![Finding::doubtful("version", found, advice)];
    }
    ours.into_iter()
        .map(|deployment| {
            let name = deployment["metadata"]["name"].as_str().unwrap_or_default();
            match deployment["metadata"]["labels"]["app.kubernetes.io/version"].as_str() {
                Some(version) if version == own => Finding::fine(
                    "version",
                    format!("Deployment {name} runs podgate {own}, as this is"),
                ),
                version => Finding::doubtful(
                    "version",
                    format!(
                        "Deployment {name} runs podgate {}, this is {own}",
                        version.unwrap_or("of no known version")
                    ),
                    "ask with the same version: what another one needs is not known here",
                ),
            }
        })
        .collect()
}
