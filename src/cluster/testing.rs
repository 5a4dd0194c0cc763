//! An API server that is nothing but a map: versions and conflicts as the real one has them, its own clock, and no
//! watch that ever says anything. Whatever else is asked of it fails the test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use http::{Method, Request, Response};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::Clock;

#[derive(Clone)]
pub(super) struct FakeApi(Arc<Mutex<Inner>>);

struct Inner {
    now: Timestamp,
    version: u64,
    objects: BTreeMap<String, Value>,
    writes: Vec<String>,
}

impl FakeApi {
    pub(super) fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            now,
            version: 0,
            objects: BTreeMap::new(),
            writes: Vec::new(),
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(super) fn set_now(&self, now: Timestamp) {
        self.inner().now = now;
    }

    /// A clock of ours that is a year off, to be told from the server's.
    pub(super) fn wrong_clock(&self) -> Clock {
        let this = self.clone();
        Arc::new(move || this.inner().now - jiff::SignedDuration::from_hours(365 * 24))
    }

    pub(super) fn put(&self, path: &str, object: Value) {
        let mut inner = self.inner();
        inner.store(path, object);
    }

    pub(super) fn get(&self, path: &str) -> Value {
        self.inner().objects.get(path).cloned().unwrap_or_default()
    }

    /// Method and path of every write so far that was taken.
    pub(super) fn writes(&self) -> Vec<String> {
        self.inner().writes.clone()
    }

    pub(super) fn client(&self) -> Client {
        let this = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let this = this.clone();
            async move {
                let (head, body) = request.into_parts();
                if head.uri.query().is_some_and(|query| query.contains("watch=")) {
                    std::future::pending::<()>().await;
                }
                let bytes = body.collect_bytes().await.unwrap();
                // Others may come in between, as they do.
                tokio::task::yield_now().await;
                let (code, answer) = this.answer(&head.method, head.uri.path(), &bytes);
                let date = this.inner().now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                let response = Response::builder().status(code).header("date", date);
                Ok::<_, std::convert::Infallible>(
                    response.body(Body::from(answer.to_string().into_bytes())).unwrap(),
                )
            }
        });
        Client::new(service, "default")
    }

    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> (u16, Value) {
        let mut inner = self.inner();
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        match *method {
            Method::GET if path == "/version" => (200, json!({"major": "1", "minor": "37"})),
            Method::GET => match inner.objects.get(path) {
                Some(object) => (200, object.clone()),
                None if ["secrets", "configurations"].iter().any(|end| path.ends_with(end)) => {
                    (200, json!({"metadata": {"resourceVersion": "1"}, "items": []}))
                }
                None => refused(404, "NotFound"),
            },
            Method::POST => {
                let path = format!("{path}/{}", sent["metadata"]["name"].as_str().unwrap());
                if inner.objects.contains_key(&path) {
                    return refused(409, "AlreadyExists");
                }
                inner.write(method, &path, sent)
            }
            Method::PUT => {
                let Some(before) = inner.objects.get(path) else { return refused(404, "NotFound") };
                if before["metadata"]["resourceVersion"] != sent["metadata"]["resourceVersion"] {
                    return refused(409, "Conflict");
                }
                inner.write(method, path, sent)
            }
            Method::PATCH => {
                let Some(before) = inner.objects.get(path) else { return refused(404, "NotFound") };
                let mut after = before.clone();
                for operation in sent.as_array().expect("a JSON Patch") {
                    let at = operation["path"].as_str().unwrap();
                    let (parent, key) = at.rsplit_once('/').unwrap();
                    after.pointer_mut(parent).unwrap()[key] = operation["value"].clone();
                }
                if before["metadata"]["resourceVersion"] != after["metadata"]["resourceVersion"] {
                    return refused(409, "Conflict");
                }
                inner.write(method, path, after)
            }
            _ => panic!("{method} {path} is not expected"),
        }
    }
}

impl Inner {
    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn write(&mut self, method: &Method, path: &str, object: Value) -> (u16, Value) {
        self.writes.push(format!("{method} {path}"));
        (200, self.store(path, object))
    }
}

fn refused(code: u16, reason: &str) -> (u16, Value) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason, "message": reason});
    (code, status)
}
