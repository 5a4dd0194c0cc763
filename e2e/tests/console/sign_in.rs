//! Sign-in by the cluster, in a browser over TLS.

use std::time::Duration;

use anyhow::Result;
use e2e::chromium::{Browser, ENTER};
use e2e::{ApiServer, Console, ledger_viewer, wait_for};
use serde_json::json;

fn sign_in(browser: &Browser, console: &Console, token: &str) -> Result<()> {
    browser.go(console.url())?;
    assert_eq!(browser.url()?, format!("{}/sign-in", console.url()), "nobody is let in before");
    browser.type_into("#token", &format!("{token}{ENTER}"))
}

#[test]
fn only_who_may_get_the_ledger_sees_any_of_it() -> Result<()> {
    let server = ApiServer::start()?;
    let auditor = server.account("default", "auditor", &ledger_viewer())?;
    let stranger = server.account("default", "stranger", &[])?;
    let console = Console::behind_sign_in("console-sign-in", &server, crate::fill)?;
    let browser = Browser::start(console.folder(), "sign-in")?;

    for (token, status, told) in [
        (stranger.as_str(), 403, "may not get ledger.podgate.dev"),
        ("nobodys", 401, "does not know this token"),
    ] {
        sign_in(&browser, &console, token)?;
        let shown = wait_for(told, Duration::from_secs(20), || {
            Ok(Some(browser.source()?).filter(|shown| shown.contains(told)))
        })?;
        assert_eq!(browser.status()?, status, "{shown:.300}");
        assert!(!shown.contains("payments") && !shown.contains("<nav"), "{shown}");
        assert_eq!(browser.cookies()?.len(), 0, "no session is begun");
    }

    sign_in(&browser, &console, &auditor)?;
    wait_for("the page to come", Duration::from_secs(20), || {
        Ok(browser.title()?.starts_with("Decisions").then_some(()))
    })?;
    assert_eq!((browser.status()?, browser.title()?.as_str()), (200, "Decisions · Podgate"));
    assert!(browser.source()?.contains("system:serviceaccount:default:auditor"));
    let [cookie] = &browser.cookies()?[..] else { panic!("one cookie: {:?}", browser.cookies()?) };
    assert_eq!(
        [&cookie["name"], &cookie["httpOnly"], &cookie["secure"], &cookie["sameSite"]],
        [&json!("__Host-podgate"), &json!(true), &json!(true), &json!("Strict")]
    );
    assert!(!cookie.to_string().contains(&auditor), "the token stays where it is");
    browser.go(&format!("{}/health", console.url()))?;
    assert_eq!(browser.title()?, "Health · Podgate");

    browser.click(".who button")?;
    browser.arrive("/sign-in")?;
    browser.go(&format!("{}/health", console.url()))?;
    assert_eq!(browser.url()?, format!("{}/sign-in", console.url()), "the session is over");
    Ok(())
}
