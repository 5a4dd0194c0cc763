//! The console in a real browser.
#![allow(clippy::panic, reason = "helpers of tests may fail as tests do")]

mod filters;
mod keyboard;
mod pages;
mod sign_in;

use std::sync::LazyLock;

use anyhow::Result;
use e2e::Console;
use e2e::chromium::Browser;
use e2e::ledger::Chain;
use jiff::{SignedDuration, Timestamp};
use podgate::ledger::store::Store;
use serde_json::{Value, json};

/// Every field that somebody can write into, as somebody would who wants to run something.
const HOSTILE: &str = "<script>document.title='run'</script>\"'><img src=http://evil.example/x onerror=\"document.title='run'\">\
                       <a href=\"javascript:document.title='run'\">x</a>\u{202e}txet\u{0}";

/// One console for all tests.
static CONSOLE: LazyLock<Console> =
    LazyLock::new(|| start().unwrap_or_else(|error| panic!("{error:?}")));

fn start() -> Result<Console> {
    Console::start("console", fill)
}

/// Fills the store of this URL with decisions of every kind.
fn fill(url: &str) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let store = Store::open(url).await?;
        let mut chain =
            Chain::begin("podgate-webhook-0", "01a2", now() - SignedDuration::from_hours(20));
        let mut lines = chain.change("Deployment", "web", None, "t", "alice@example.com");
        for n in 0..180_u32 {
            lines += &chain.decision(&varied(n));
            chain.wait(SignedDuration::from_secs(i64::from(n % 13) * 60));
        }
        let gap = json!({"count": 3, "reason": "the disk is full", "since": chain.now()});
        lines += &chain.record("podgate.dev/gap/v1", &gap);
        lines += &chain.decision(&hostile());
        store.append(&chain.id, &lines).await?;
        Ok(())
    })
}

/// A browser of this test alone.
fn browser(name: &str) -> Result<Browser> {
    Browser::start(CONSOLE.folder(), name)
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn varied(n: u32) -> Value {
    let outcome =
        ["denied", "warned", "denied", "fixed", "excepted", "denied", "allowed"][n as usize % 7];
    let namespace = ["payments", "shop", "search"][n as usize % 3];
    let rules = [
        ("privileged", "spec.containers[0].securityContext.privileged"),
        ("hostNamespaces", "spec.hostPID"),
    ];
    let (rule, path) = rules[n as usize % 2];
    let mut decision = json!({
        "decision": outcome, "decisionId": format!("{n:04x}-z9"), "incident": format!("{:016x}", n % 20),
        "object": {"generateName": "web-6c9f-", "namespace": namespace},
        "violations": [{"policy": "shared-kernel", "rule": rule, "path": path}],
    });
    if n.is_multiple_of(2) {
        decision["owner"] = json!({"kind": "Deployment", "name": "web", "uid": "web"});
    }
    decision
}

fn hostile() -> Value {
    json!({
        "decisionId": "evil-00", "incident": HOSTILE, "images": [HOSTILE], "note": HOSTILE, "failure": HOSTILE,
        "object": {"apiVersion": HOSTILE, "kind": HOSTILE, "name": HOSTILE, "namespace": HOSTILE, "uid": HOSTILE},
        "user": {"name": HOSTILE, "groups": [HOSTILE], "uid": HOSTILE},
        "violations": [{"policy": HOSTILE, "rule": HOSTILE, "path": HOSTILE, "found": HOSTILE, "allowed": HOSTILE, "fix": HOSTILE,
            "exception": HOSTILE, "container": HOSTILE, "enforcement": "Deny"}],
    })
}
