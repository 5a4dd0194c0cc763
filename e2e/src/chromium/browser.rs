//! A browser that is used: it is typed into and clicked in, as `WebDriver` has it.
//!
//! What it tells of an element is what it tells a screen reader.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::QUIET;
use crate::apiserver::free_port;
use crate::poll::wait_for;
use crate::process::{End, Place, Process};

/// The keys that `WebDriver` has a character for.
pub const TAB: char = '\u{e004}';
/// The same.
pub const ENTER: char = '\u{e007}';
/// Under this name `WebDriver` hands out an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with a window that nobody sees. Dropped, it is closed.
#[derive(Debug)]
pub struct Browser {
    runtime: Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
    /// Where its session is asked.
    session: String,
    folder: PathBuf,
    /// Dropped last.
    _process: Process,
}

/// What has the focus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Focus {
    /// Its role: link, button, textbox …
    pub role: String,
    /// What a screen reader calls it.
    pub label: String,
    /// Whether it is seen to have the focus.
    pub is_shown: bool,
}

impl Browser {
    /// Starts one that keeps its files in a folder of its own in `folder`, and takes any certificate.
    pub fn start(folder: &Path, name: &str) -> Result<Self> {
        let folder = folder.join(name);
        fs::create_dir_all(folder.join("downloads"))?;
        let port = free_port()?;
        let command = ["chromedriver".to_owned(), format!("--port={port}")];
        let mut process = Process::start("chromedriver", End::Term, Place::here(&folder), &command)
            .context("chromedriver is not installed: e2e/setup.sh chromium installs it")?;
        wait_for("chromedriver to listen", Duration::from_secs(20), || {
            process.still_runs()?;
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok())
        })?;
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let arguments: Vec<&str> =
            QUIET.into_iter().chain(["--window-size=1280,900", &profile]).collect();
        let options = json!({
            "args": arguments,
            "prefs": {"download.default_directory": folder.join("downloads")},
        });
        let wanted = json!({"browserName": "chrome", "acceptInsecureCerts": true, "goog:chromeOptions": options});
        let client = Client::builder(TokioExecutor::new()).build_http();
        let session = format!("http://127.0.0.1:{port}/session");
        let runtime = Runtime::new()?;
        let mut browser = Self { runtime, client, session, folder, _process: process };
        let wanted = json!({"capabilities": {"alwaysMatch": wanted}});
        let begun = browser.ask(&Method::POST, "", &wanted)?;
        let id = begun["sessionId"].as_str().context("a session has an id")?;
        browser.session = format!("{}/{id}", browser.session);
        Ok(browser)
    }

    fn ask(&self, method: &Method, path: &str, body: &Value) -> Result<Value> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.session));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.body(Full::from(body))?;
        let (status, answer) = self.runtime.block_on(async {
            let answer = self.client.request(request).await?;
            anyhow::Ok((answer.status(), answer.into_body().collect().await?.to_bytes()))
        })?;
        let answer: Value = serde_json::from_slice(&answer)?;
        ensure!(status.is_success(), "{method} {path}: {}", answer["value"]["message"]);
        Ok(answer["value"].clone())
    }

    fn tell(&self, path: &str, body: &Value) -> Result<()> {
        self.ask(&Method::POST, path, body).map(drop)
    }

    fn text_of(&self, path: &str) -> Result<String> {
        let text = self.ask(&Method::GET, path, &Value::Null)?;
        Ok(text.as_str().context("a text")?.to_owned())
    }

    /// Goes to `url`, and returns once it is loaded.
    pub fn go(&self, url: &str) -> Result<()> {
        self.tell("/url", &json!({"url": url}))
    }

    /// Returns where it is once `part` is in that: keys and clicks do not wait for the page that they lead to.
    pub fn arrive(&self, part: &str) -> Result<String> {
        wait_for(&format!("{part} in the URL"), Duration::from_secs(20), || {
            Ok(Some(self.url()?).filter(|url| url.contains(part)))
        })
    }

    /// Where it is.
    pub fn url(&self) -> Result<String> {
        self.text_of("/url")
    }

    /// The page's title.
    pub fn title(&self) -> Result<String> {
        self.text_of("/title")
    }

    /// The document as it is now.
    pub fn source(&self) -> Result<String> {
        self.text_of("/source")
    }

    /// The HTTP status of the page.
    pub fn status(&self) -> Result<u64> {
        let script = "return performance.getEntriesByType('navigation')[0].responseStatus";
        let status =
            self.ask(&Method::POST, "/execute/sync", &json!({"script": script, "args": []}))?;
        status.as_u64().context("a status")
    }

    /// The cookies, as JSON.
    pub fn cookies(&self) -> Result<Vec<Value>> {
        let cookies = self.ask(&Method::GET, "/cookie", &Value::Null)?;
        Ok(cookies.as_array().cloned().unwrap_or_default())
    }

    /// How many elements are like `selector`.
    pub fn count(&self, selector: &str) -> Result<usize> {
        let query = json!({"using": "css selector", "value": selector});
        let found = self.ask(&Method::POST, "/elements", &query)?;
        Ok(found.as_array().map_or(0, Vec::len))
    }

    /// The path of the one element that is like `selector`.
    fn element(&self, selector: &str) -> Result<String> {
        let query = json!({"using": "css selector", "value": selector});
        path_of(&self.ask(&Method::POST, "/element", &query)?)
    }

    /// Clicks at the element.
    pub fn click(&self, selector: &str) -> Result<()> {
        self.tell(&format!("{}/click", self.element(selector)?), &json!({}))
    }

    /// Types into the element; of a list it chooses what is called so.
    pub fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        self.tell(&format!("{}/value", self.element(selector)?), &json!({"text": text}))
    }

    /// Role and name of the element, for a screen reader.
    pub fn described(&self, selector: &str) -> Result<(String, String)> {
        let element = self.element(selector)?;
        let text = |what| self.text_of(&format!("{element}/{what}"));
        Ok((text("computedrole")?, text("computedlabel")?))
    }

    /// Presses the keys one after the other, wherever the focus is.
    pub fn press(&self, keys: &str) -> Result<()> {
        let key = |kind: &str, key: char| json!({"type": kind, "value": key.to_string()});
        let actions: Vec<Value> =
            keys.chars().flat_map(|char| [key("keyDown", char), key("keyUp", char)]).collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.tell("/actions", &json!({"actions": [keyboard]}))
    }

    /// What has the focus; none where nothing on the page has it.
    pub fn focus(&self) -> Result<Option<Focus>> {
        let element = path_of(&self.ask(&Method::GET, "/element/active", &Value::Null)?)?;
        let text = |what: &str| self.text_of(&format!("{element}/{what}"));
        if text("name")? == "body" {
            return Ok(None);
        }
        let is_shown = text("css/outline-style")? != "none";
        Ok(Some(Focus { role: text("computedrole")?, label: text("computedlabel")?, is_shown }))
    }

    /// The file that was loaded down, once it is whole.
    pub fn download(&self) -> Result<String> {
        let file = wait_for("the file", Duration::from_secs(20), || {
            let mut files = fs::read_dir(self.folder.join("downloads"))?;
            let Some(file) = files.next().transpose()? else { return Ok(None) };
            // Under another name until it is whole.
            let name = file.file_name().to_string_lossy().into_owned();
            Ok((name.starts_with("decisions") && !name.ends_with(".crdownload"))
                .then(|| file.path()))
        })?;
        let text = fs::read_to_string(&file)?;
        fs::remove_file(file)?;
        Ok(text)
    }
}

fn path_of(element: &Value) -> Result<String> {
    let id = element[ELEMENT].as_str().context("an element has an id")?;
    Ok(format!("/element/{id}"))
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Or the browser outlives its driver. Where the driver is gone, so is it.
        let _ = self.ask(&Method::DELETE, "", &Value::Null);
    }
}
