//! The console in a real browser.
#![allow(clippy::panic, reason = "helpers of tests may fail as tests do")]

use std::path::Path;
use std::sync::LazyLock;

use anyhow::Result;
use e2e::fleet::Console;
use e2e::ledger::Chain;
use e2e::{chromium, fleet};
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
    fleet::Console::start("console", |url| {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            let store = Store::open(&url).await?;
            let mut chain =
                Chain::begin("podgate-webhook-0", "01a2", now() - SignedDuration::from_hours(20));
            let mut lines = chain.change("Deployment", "web", None, "t", "alice@example.com");
            for n in 0..180_u32 {
                lines += &chain.decision(&varied(n));
                chain.wait(SignedDuration::from_secs(i64::from(n % 13) * 60));
            }
            lines += &chain.decision(&hostile());
            store.append(&chain.id, &lines).await?;
            Ok(())
        })
    })
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
        "violations": [{"rule": rule, "path": path}],
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

fn load(path: &str) -> chromium::Page {
    let folder =
        CONSOLE.folder().join(format!("browser-{}", path.replace(['/', '?', '&', '=', '%'], "-")));
    std::fs::create_dir_all(&folder).expect("a folder");
    let page = chromium::load(&format!("{}{path}", CONSOLE.url()), &folder);
    page.unwrap_or_else(|error| panic!("{path}: {error:?}"))
}

#[test]
fn each_page_shows_what_it_should_runs_nothing_and_asks_nobody_else() {
    for (path, title, shown) in [
        ("/", "Decisions", "evil-00"),
        ("/decisions/evil-00", "Decision evil-00", "as it was written"),
        ("/incidents", "Incidents", "Most often first"),
        ("/policies", "Policies", "hostNamespaces"),
        ("/exceptions", "Exceptions", "no longer in force"),
        ("/health", "Health", "podgate-webhook-0"),
    ] {
        let page = load(path);
        assert!(
            page.dom.contains(&format!("<title>{title} · Podgate</title>")),
            "{path}: {:.300}",
            page.dom
        );
        assert!(page.dom.contains(shown), "{path} lacks {shown}");
        assert!(
            !page.dom.contains("<script") && !page.dom.contains("<img"),
            "{path}: markup got in"
        );
        assert_eq!(page.hosts, [CONSOLE.url()], "{path} asks somebody else");
    }
}

#[test]
fn filters_and_pages_hold_in_the_browser() {
    let rows = |page: &chromium::Page| page.dom.matches("<td class=\"time\">").count();
    assert_eq!(rows(&load("/?since=7d")), 50);
    let payments = load("/?since=7d&namespace=payments&decision=denied");
    assert!(rows(&payments) > 0);
    assert!(!payments.dom.contains("<span class=\"namespace\">shop</span>"));
    assert!(payments.dom.contains("value=\"payments\""), "the form shows what was asked for");
    let by_alice = load("/?since=7d&changed-by=alice*");
    assert!(by_alice.dom.contains("by Deployment web"), "who changed it is shown");
    let soon = load("/?since=soon");
    assert!(soon.dom.contains("role=\"alert\""));
}

#[test]
fn a_picture_is_not_blank_in_light_and_dark() {
    let folder = CONSOLE.folder().join("picture");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut sizes = Vec::new();
    for (name, dark) in [("light", false), ("dark", true)] {
        let picture = chromium::picture(
            &format!("{}/?since=24h&namespace=payments,shop,search", CONSOLE.url()),
            &folder,
            (1280, 860),
            dark,
        );
        let picture = picture.unwrap_or_else(|error| panic!("{error:?}"));
        // `PODGATE_PICTURES=docs/images cargo test -p e2e --test console` makes those of the README.
        if let Some(to) = std::env::var_os("PODGATE_PICTURES") {
            let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(to);
            std::fs::create_dir_all(&to).expect("a folder");
            std::fs::write(to.join(format!("console-{name}.png")), &picture).expect("a file");
        }
        sizes.push(picture.len());
        assert!(picture.len() > 40_000, "{name}: {} bytes", picture.len());
    }
    assert_ne!(sizes[0], sizes[1], "dark is another picture");
}
