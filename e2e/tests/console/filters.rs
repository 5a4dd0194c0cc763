//! Each filter and each export, used in a browser.

use anyhow::Result;
use e2e::chromium::ENTER;

use crate::{CONSOLE, browser};

const NOTHING: &str = "No decision is like that.";

#[test]
fn each_filter_narrows_the_list_and_lives_in_the_url() -> Result<()> {
    let browser = browser("filters")?;
    for (field, finds, finds_nothing) in [
        ("since", "7d", "1s"),
        ("until", "1h", "6d"),
        ("decision", "fixed", "failed"),
        ("namespace", "pay*", "nowhere"),
        ("kind", "Pod", "Job"),
        ("name", "web-*", "db-*"),
        ("user", "*replicaset-controller", "bob"),
        ("changed-by", "alice@example.com", "bob"),
        ("policy", "shared-kernel", "other"),
        ("rule", "hostNamespaces", "other"),
        ("replica", "podgate-webhook-*", "podgate-webhook-9"),
        ("incident", "0000000000000003", "ffff"),
        ("dry-run", "without", "only"),
    ] {
        for (value, is_found) in [(finds, true), (finds_nothing, false)] {
            browser.go(&format!("{}/?since=7d", CONSOLE.url()))?;
            if field == "since" {
                // What stands there is replaced.
                browser.go(&format!("{}/", CONSOLE.url()))?;
            }
            let control = format!("#{field}");
            browser.type_into(&control, value)?;
            browser.type_into("#name", &ENTER.to_string())?;
            let url = browser.arrive("dry-run=")?;
            assert!(url.contains(&format!("{field}=")), "{field} is not in {url}");
            let is_empty = browser.source()?.contains(NOTHING);
            assert_eq!(!is_empty, is_found, "{field} {value}: {url}");
            // Whoever is sent the URL sees the same.
            browser.go(&url)?;
            assert_eq!(browser.source()?.contains(NOTHING), is_empty, "{url}");
        }
    }
    Ok(())
}

#[test]
fn each_export_is_a_file_of_what_the_filter_leaves() -> Result<()> {
    let browser = browser("exports")?;
    browser.go(&format!("{}/?since=7d&namespace=payments&decision=denied", CONSOLE.url()))?;
    let total = browser.count("table.list tbody tr")?;
    assert!((1..50).contains(&total), "{total} on one page");
    for (format, lines) in [("jsonl", total), ("csv", total + 1), ("ocsf", total)] {
        browser.click(&format!("a[download][href^=\"/export/{format}\"]"))?;
        let file = browser.download()?;
        assert_eq!(file.lines().count(), lines, "{format}: {file:.300}");
        assert!(file.contains("payments") && !file.contains("search"), "{format}: {file:.300}");
    }
    Ok(())
}
