//! What is asked of the API server: plain JSON, as newer and older ones write it.

use http::Request;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

#[derive(Clone)]
pub(super) struct Cluster {
    client: Client,
}

/// The version of an API server, and its clock.
pub(super) struct Server {
    pub(super) version: Value,
    /// The `Date` header.
    pub(super) date: Option<String>,
}

impl Cluster {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The object at `path`; `None` where there is none, nor its kind.
    pub(super) async fn get(&self, path: &str) -> kube::Result<Option<Value>> {
        let request = Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
        match self.client.request(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The items of the list at `path`; none where there is no such kind.
    pub(super) async fn list(&self, path: &str) -> kube::Result<Vec<Value>> {
        let list = self.get(path).await?.unwrap_or_default();
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// What the API server makes of a review, such as one of access. It stores none.
    pub(super) async fn review(&self, path: &str, review: &Value) -> kube::Result<Value> {
        let request = Request::post(path).header("content-type", "application/json");
        let request =
            request.body(review.to_string().into_bytes()).map_err(kube::Error::HttpError)?;
        self.client.request(request).await
    }

    pub(super) async fn server(&self) -> kube::Result<Server> {
        let request =
            Request::get("/version").body(Body::empty()).map_err(kube::Error::HttpError)?;
        let response = self.client.send(request).await?;
        let date = response.headers().get("date").and_then(|date| date.to_str().ok());
        let date = date.map(str::to_owned);
        let bytes = response.into_body().collect_bytes().await?;
        let version = serde_json::from_slice(&bytes).map_err(kube::Error::SerdeError)?;
        Ok(Server { version, date })
    }
}
