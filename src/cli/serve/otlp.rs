//! The settings of OpenTelemetry, and the way of what is sent.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::settings::Role;
use crate::ledger::writer::Listener;
use crate::otlp::logs::Logs;
use crate::otlp::traces::{Parent, Review, Traces};
use crate::otlp::{self, Endpoint, Sender, Sending, Service};
use crate::server::{Answered, Metrics, Tracer};

/// How long the last logs and spans may take to be sent when the process ends.
const LAST: Duration = Duration::from_secs(3);

/// Where logs and traces go. In a file of settings these stand under `otlp`.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Deserialize)]
#[group(id = "otlp_settings")]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Collector that takes records as logs and reviews as spans, by OTLP over HTTP, such as
    /// `http://collector.monitoring.svc:4318`
    #[arg(id = "otlp-endpoint", long = "otlp-endpoint", value_name = "URL")]
    endpoint: Option<String>,
    /// File with headers to send to it, one `name: value` a line; read for each request
    #[arg(id = "otlp-headers", long = "otlp-headers", value_name = "FILE")]
    headers: Option<PathBuf>,
    /// PEM file of the authorities that its certificate may be of [default: those of the system]
    #[arg(id = "otlp-ca", long = "otlp-ca", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Settings {
    /// These settings, and `file`'s where these say nothing.
    pub(super) fn over(self, file: Self) -> Self {
        let Self { endpoint, headers, ca } = self;
        Self {
            endpoint: endpoint.or(file.endpoint),
            headers: headers.or(file.headers),
            ca: ca.or(file.ca),
        }
    }

    /// Where to send; none where nothing is to be sent.
    pub(super) fn plan(
        self,
        role: Role,
        service: Service,
    ) -> anyhow::Result<Option<otlp::Options>> {
        let Self { endpoint, headers, ca } = self;
        let Some(endpoint) = endpoint else {
            if headers.is_some() || ca.is_some() {
                bail!("--otlp-headers and --otlp-ca are about a collector: give --otlp-endpoint");
            }
            return Ok(None);
        };
        if role == Role::Controller {
            bail!("--role controller decides nothing: --otlp-endpoint is for webhooks");
        }
        let endpoint: Endpoint = endpoint.parse().context("--otlp-endpoint")?;
        if ca.is_some() && !endpoint.is_encrypted() {
            bail!("--otlp-ca needs an --otlp-endpoint that begins with https:");
        }
        if headers.is_some() && !endpoint.is_encrypted() {
            tracing::warn!(
                "the headers of --otlp-headers are sent unencrypted: --otlp-endpoint begins with http:"
            );
        }
        Ok(Some(otlp::Options { endpoint, headers, authority: ca, service }))
    }
}

/// What is sent to a collector. Its tasks end with it.
#[derive(Default)]
pub(super) struct Telemetry {
    logs: Option<Sender<Logs>>,
    traces: Option<Sender<Traces>>,
    tasks: JoinSet<()>,
}

impl Telemetry {
    /// Begins to send, if anything is to be sent.
    pub(super) fn begin(options: Option<otlp::Options>, metrics: &Metrics) -> anyhow::Result<Self> {
        let Some(options) = options else { return Ok(Self::default()) };
        let told = |why| anyhow::anyhow!("cannot send to --otlp-endpoint: {why}");
        let dropped = |signal| metrics.otlp_dropped(signal);
        let (logs, sending) =
            Sending::<Logs>::prepare(options.clone(), dropped("logs")).map_err(told)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(sending.run());
        let (traces, sending) =
            Sending::<Traces>::prepare(options, dropped("traces")).map_err(told)?;
        tasks.spawn(sending.run());
        Ok(Self { logs: Some(logs), traces: Some(traces), tasks })
    }

    /// Whom the ledger tells of its lines. It is asked once, and gone with the ledger.
    pub(super) fn listener(&mut self) -> Option<Arc<dyn Listener>> {
        Some(Arc::new(self.logs.take()?))
    }

    /// Whom the server tells of reviews, the same way.
    pub(super) fn tracer(&mut self) -> Option<Arc<dyn Tracer>> {
        Some(Arc::new(Spans(self.traces.take()?)))
    }

    /// Waits a while for the last to be sent, once nobody tells of anything any more.
    pub(super) async fn finish(mut self) {
        (self.logs, self.traces) = (None, None);
        let sent = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST, sent).await.is_err() {
            tracing::warn!("the last logs or spans were not sent: no collector took them");
        }
    }
}

/// The server's reviews, as spans.
#[derive(Debug)]
struct Spans(Sender<Traces>);

impl Tracer for Spans {
    fn review(&self, traceparent: &str, answered: Answered) {
        let Some(parent) = Parent::read(traceparent) else { return };
        let Answered { endpoint, start, end, status, verdict } = answered;
        let decision = verdict.map(|verdict| (verdict.outcome, verdict.decision_id));
        self.0.send(Review { parent, endpoint, start, end, status, decision }, 1);
    }
}
