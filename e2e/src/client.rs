//! Requests to the API server whose whole answer is seen: code, warnings and body.

use std::path::Path;

use anyhow::{Context as _, Result};
use http::{Method, Request};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// What the API server answered.
#[must_use]
#[derive(Debug)]
pub struct Answer {
    /// The HTTP code.
    pub code: u16,
    /// The texts of its `Warning` headers.
    pub warnings: Vec<String>,
    /// The body, or null where it is no JSON.
    pub body: Value,
}

/// An answer that refuses, as the `Status` it carries.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The code in the `Status`, which is also the HTTP code.
    pub code: u16,
    /// The machine-readable word for it.
    pub reason: String,
    /// The text a person reads.
    pub message: String,
}

impl Answer {
    /// The object that was accepted, or an error that shows why it was not.
    pub fn accepted(self) -> Result<Self> {
        anyhow::ensure!((200..300).contains(&self.code), "refused: {self:?}");
        Ok(self)
    }

    /// The refusal, or an error that shows what was accepted instead.
    pub fn rejected(self) -> Result<Rejection> {
        anyhow::ensure!(self.code >= 400, "accepted: {self:?}");
        let status: Status = serde_json::from_value(self.body).context("a refusal is a Status")?;
        let code = u16::try_from(status.code.unwrap_or_default())?;
        anyhow::ensure!(code == self.code, "the Status says {code}, the HTTP answer {}", self.code);
        Ok(Rejection {
            code,
            reason: status.reason.unwrap_or_default(),
            message: status.message.unwrap_or_default(),
        })
    }
}

/// A client of one user.
pub struct Client {
    runtime: Runtime,
    inner: kube::Client,
}

impl Client {
    pub(crate) fn new(kubeconfig: &Path) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let inner = runtime.block_on(async {
            let file = Kubeconfig::read_from(kubeconfig)?;
            let config =
                kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
            anyhow::Ok(kube::Client::try_from(config)?)
        })?;
        Ok(Self { runtime, inner })
    }

    /// Reads `path`.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, None)
    }

    /// Creates `object` in the collection at `path`.
    pub fn create(&self, path: &str, object: &Value) -> Result<Answer> {
        self.send(Method::POST, path, Some(("application/json", object)))
    }

    /// Merges `change` into the object at `path`.
    pub fn merge(&self, path: &str, change: &Value) -> Result<Answer> {
        self.send(Method::PATCH, path, Some(("application/merge-patch+json", change)))
    }

    /// Replaces the object at `path`.
    pub fn replace(&self, path: &str, object: &Value) -> Result<Answer> {
        self.send(Method::PUT, path, Some(("application/json", object)))
    }

    /// Deletes the object at `path`.
    pub fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, None)
    }

    fn send(&self, method: Method, path: &str, body: Option<(&str, &Value)>) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some((kind, _)) = body {
            request = request.header("content-type", kind);
        }
        let body =
            body.map_or_else(Body::empty, |(_, value)| Body::from(value.to_string().into_bytes()));
        self.runtime.block_on(async {
            let response = self.inner.send(request.body(body)?).await?;
            let (head, body) = response.into_parts();
            let warnings = head.headers.get_all("warning").iter();
            Ok(Answer {
                code: head.status.as_u16(),
                warnings: warnings
                    .filter_map(|value| value.to_str().ok())
                    .map(warning_text)
                    .collect(),
                body: serde_json::from_slice(&body.collect_bytes().await?).unwrap_or(Value::Null),
            })
        })
    }
}

/// `299 - "text"`, where the text escapes quotes and backslashes.
fn warning_text(header: &str) -> String {
    let quoted = header.splitn(3, ' ').nth(2).unwrap_or(header);
    let inner = quoted.trim_start_matches('"').strip_suffix('"').unwrap_or(quoted);
    inner.replace("\\\"", "\"").replace("\\\\", "\\")
}
