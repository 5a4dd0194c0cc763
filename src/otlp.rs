//! What leaves by OpenTelemetry's protocol, OTLP over HTTP: records as logs ([`logs`]), reviews as spans ([`traces`]).
//!
//! It is a copy, and never in the way: what finds no room in a queue, or no collector, is dropped and counted, and the
//! ledger has it all the same.

mod attribute;
pub mod logs;
mod sender;
pub mod traces;

use std::path::PathBuf;

use http::Uri;
use opentelemetry_proto::tonic::resource::v1::Resource;

pub use self::sender::{Sender, Sending};

/// Where to send, and as whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// The collector, without a signal's own path.
    pub endpoint: Endpoint,
    /// File with headers to send, one `name: value` a line. Read again for each request, since tokens are exchanged; never
    /// logged.
    pub headers: Option<PathBuf>,
    /// PEM file of the authorities that the collector's certificate may be of; absent, those of the system.
    pub authority: Option<PathBuf>,
    /// This process.
    pub service: Service,
}

/// What tells this process from others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// The replica.
    pub instance: String,
    /// The cluster; empty where nobody said.
    pub cluster: String,
}

impl Service {
    /// In the words of the semantic conventions.
    fn resource(&self) -> Resource {
        let mut attributes = vec![
            attribute::text("service.name", "podgate"),
            attribute::text("service.version", env!("CARGO_PKG_VERSION")),
            attribute::text("service.instance.id", &self.instance),
        ];
        if !self.cluster.is_empty() {
            attributes.push(attribute::text("k8s.cluster.name", &self.cluster));
        }
        Resource { attributes, ..Resource::default() }
    }
}

/// The address of a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

/// A text that is no address of a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the address of a collector, such as http://collector.monitoring.svc:4318 or https://otlp.example.com"
)]
pub struct NotAnEndpoint;

impl std::str::FromStr for Endpoint {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let uri: Uri = text.parse().map_err(|_| NotAnEndpoint)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        // A password in it would be shown wherever the settings are.
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !is_http || !plain || uri.query().is_some() {
            return Err(NotAnEndpoint);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl Endpoint {
    /// Whether what is sent is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("https:")
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_without_a_password() {
        for good in ["http://127.0.0.1:4318", "https://otlp.example.com/tenant/", "http://[::1]:1/"]
        {
            let endpoint: Endpoint = good.parse().unwrap();
            assert!(!endpoint.path("/v1/logs").contains("//v1"), "{endpoint:?}");
        }
        for bad in
            ["", "collector:4317", "grpc://a:1", "http://u:p@a:1", "https://a?x=y", "https://"]
        {
            assert_eq!(bad.parse::<Endpoint>(), Err(NotAnEndpoint), "{bad}");
        }
    }
}
