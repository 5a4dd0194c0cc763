//! By keyboard alone, and as a screen reader tells of it.

use anyhow::{Result, ensure};
use e2e::chromium::{Browser, ENTER, Focus, TAB};

use crate::{CONSOLE, browser};

/// Presses Tab until something has the focus that is called so, and tells what was passed.
fn tab_to(browser: &Browser, role: &str, label: &str) -> Result<Vec<Focus>> {
    let mut passed = Vec::new();
    for _ in 0..60 {
        browser.press(&TAB.to_string())?;
        let focus = browser.focus()?;
        let is_it = focus.as_ref().is_some_and(|at| at.role == role && at.label == label);
        passed.extend(focus);
        if is_it {
            return Ok(passed);
        }
    }
    anyhow::bail!("no {role} is called {label:?}: {passed:#?}")
}

#[test]
fn whoever_has_no_mouse_gets_everywhere_and_sees_where_they_are() -> Result<()> {
    let browser = browser("tab")?;
    browser.go(&format!("{}/?since=7d&namespace=search&decision=warned", CONSOLE.url()))?;
    let links = browser.count("a[href], button, input, select, main [tabindex=\"0\"]")?;
    let mut passed = Vec::new();
    loop {
        browser.press(&TAB.to_string())?;
        // Behind the last one the browser's own buttons follow, and the page's first one behind those.
        match browser.focus()? {
            Some(focus) => passed.push(focus),
            None => break,
        }
        ensure!(passed.len() <= links, "the focus is caught: {passed:#?}");
    }
    let tabbed: Vec<&str> = passed.iter().map(|focus| focus.label.as_str()).collect();
    assert_eq!(passed.len(), links, "something is not reached: {tabbed:#?}");
    for focus in &passed {
        assert!(focus.is_shown, "nobody sees that this has the focus: {focus:?}");
        assert!(!focus.label.trim().is_empty(), "a screen reader has no word for it: {focus:?}");
        let roles = ["link", "button", "textbox", "combobox", "region"];
        assert!(roles.contains(&focus.role.as_str()), "{focus:?}");
    }
    let order = [
        "Skip to the content",
        "Podgate",
        "Decisions",
        "Health",
        "Since",
        "Outcome",
        "Changed by",
        "Filter",
        "Clear",
        "denied",
        "Newest first",
    ];
    let places: Vec<_> =
        order.map(|label| tabbed.iter().position(|tabbed| *tabbed == label)).into();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} of {tabbed:#?}");
    Ok(())
}

#[test]
fn a_filter_is_typed_and_a_decision_opened_by_keyboard() -> Result<()> {
    let browser = browser("type")?;
    browser.go(CONSOLE.url())?;
    tab_to(&browser, "link", "Skip to the content")?;
    browser.press(&ENTER.to_string())?;
    // From here on the content is next, and not the navigation.
    let passed = tab_to(&browser, "textbox", "Namespace")?;
    assert!(passed.iter().all(|focus| focus.role != "link"), "{passed:#?}");
    browser.press(&format!("payments{ENTER}"))?;
    browser.arrive("namespace=payments")?;
    tab_to(&browser, "region", "Newest first")?;
    browser.press(&TAB.to_string())?;
    let decision = browser.focus()?.expect("a decision");
    browser.press(&ENTER.to_string())?;
    browser.arrive("/decisions/")?;
    assert_eq!(browser.title()?, format!("Decision {} · Podgate", decision.label));
    Ok(())
}

#[test]
fn a_screen_reader_is_told_of_landmarks_tables_and_the_timeline() -> Result<()> {
    let browser = browser("read")?;
    browser.go(CONSOLE.url())?;
    for (selector, role, label) in [
        ("header", "banner", ""),
        ("nav", "navigation", "Pages"),
        ("main", "main", ""),
        ("form.filter", "form", "Filter"),
        ("nav a[aria-current]", "link", "Decisions"),
        ("svg.chart", "image", "Timeline Decisions by outcome"),
        ("table.legend", "table", "Decisions by outcome"),
        ("table.list", "table", "Decisions, newest first"),
        ("table.list th", "columnheader", "Time (UTC)"),
        ("table.legend tbody th", "rowheader", "failed"),
    ] {
        let told = browser.described(selector)?;
        assert_eq!((told.0.as_str(), told.1.as_str()), (role, label), "{selector}");
    }
    browser.go(&format!("{}/?since=soon", CONSOLE.url()))?;
    assert_eq!(browser.described("p.problem")?.0, "alert");
    Ok(())
}
