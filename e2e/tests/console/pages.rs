//! Each page, as it looks.

use std::path::Path;

use e2e::chromium;

use crate::CONSOLE;

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
        ("/health", "Health", "the disk is full"),
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
