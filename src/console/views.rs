//! What the templates are filled with.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};

/// What stands around every page.
pub(super) struct Frame {
    pub(super) signed_in: bool,
    pub(super) user: Option<String>,
    pub(super) pages: Vec<PageLink>,
}

/// A page in the navigation.
pub(super) struct PageLink {
    pub(super) name: &'static str,
    pub(super) href: &'static str,
    pub(super) current: bool,
}

const PAGES: [(&str, &str); 5] = [
    ("Decisions", "/"),
    ("Incidents", "/incidents"),
    ("Policies", "/policies"),
    ("Exceptions", "/exceptions"),
    ("Health", "/health"),
];

impl Frame {
    /// Around the page at `href`, for whoever looks.
    pub(super) fn of(href: &str, user: Option<String>) -> Self {
        let link = |(name, at): (&'static str, &'static str)| PageLink {
            name,
            href: at,
            current: at == href,
        };
        Self { signed_in: true, user, pages: PAGES.map(link).into() }
    }

    /// Around what is shown to anybody.
    pub(super) fn closed() -> Self {
        Self { signed_in: false, user: None, pages: Vec::new() }
    }
}

/// A field of the filter.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) placeholder: &'static str,
    pub(super) value: String,
    pub(super) options: Vec<(String, String)>,
}

/// The filter, as it is filled in.
pub(super) struct Form {
    pub(super) action: &'static str,
    pub(super) fields: Vec<Field>,
    pub(super) problem: Option<String>,
}

/// The timeline.
pub(super) struct Chart {
    pub(super) from: String,
    pub(super) until: String,
    pub(super) width: String,
    /// Where there were too many to count: since when they were.
    pub(super) counted_since: Option<String>,
    pub(super) bars: Vec<Bar>,
    pub(super) totals: Vec<Total>,
}

/// A part of a bar.
pub(super) struct Bar {
    pub(super) class: String,
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) title: String,
}

/// The decisions of one outcome.
pub(super) struct Total {
    pub(super) class: String,
    pub(super) count: u64,
    pub(super) href: String,
}

/// A decision in the list.
pub(super) struct Row {
    pub(super) time: String,
    pub(super) outcome: String,
    pub(super) dry_run: bool,
    pub(super) id: String,
    pub(super) href: String,
    pub(super) namespace: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) rules: Vec<String>,
    pub(super) who: String,
    pub(super) workload: String,
    pub(super) times: u64,
    pub(super) incident_href: String,
}

#[derive(Template)]
#[template(path = "decisions.html", config = "src/console/askama.toml")]
pub(super) struct Decisions {
    pub(super) frame: Frame,
    pub(super) form: Form,
    pub(super) chart: Chart,
    pub(super) rows: Vec<Row>,
    pub(super) next: Option<String>,
    pub(super) exports: Vec<(&'static str, String)>,
}

/// A decision in full.
pub(super) struct Full {
    pub(super) outcome: String,
    pub(super) operation: String,
    pub(super) namespace: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) dry_run: bool,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) violations: Vec<ViolationView>,
    pub(super) fixes: Vec<(String, String, String)>,
    pub(super) intact: bool,
    pub(super) chain: Vec<(&'static str, String)>,
    pub(super) line: String,
}

/// A rule that was broken.
pub(super) struct ViolationView {
    pub(super) rule: String,
    pub(super) policy: String,
    pub(super) settled: String,
    pub(super) path: String,
    pub(super) found: String,
    pub(super) allowed: String,
    pub(super) fix: String,
}

#[derive(Template)]
#[template(path = "decision.html", config = "src/console/askama.toml")]
pub(super) struct DecisionPage {
    pub(super) frame: Frame,
    pub(super) id: String,
    pub(super) decisions: Vec<Full>,
}

/// What stands in a cell.
pub(super) struct Shown(String);

impl From<String> for Shown {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&String> for Shown {
    fn from(text: &String) -> Self {
        Self(text.clone())
    }
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<u64> for Shown {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

/// A cell of a table.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) href: String,
    pub(super) class: &'static str,
}

impl Cell {
    pub(super) fn text(text: impl Into<Shown>) -> Self {
        Self { text: text.into().0, ..Self::default() }
    }

    pub(super) fn link(text: impl Into<Shown>, href: String) -> Self {
        Self { text: text.into().0, href, ..Self::default() }
    }

    pub(super) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }
}

/// A table.
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) empty: &'static str,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

#[derive(Template)]
#[template(path = "table.html", config = "src/console/askama.toml")]
pub(super) struct TablePage {
    pub(super) frame: Frame,
    pub(super) heading: &'static str,
    pub(super) lead: String,
    pub(super) form: Option<Form>,
    pub(super) tables: Vec<Table>,
}

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/console/askama.toml")]
pub(super) struct SignIn {
    pub(super) frame: Frame,
    pub(super) problem: Option<String>,
}

#[derive(Template)]
#[template(path = "message.html", config = "src/console/askama.toml")]
pub(super) struct Message {
    pub(super) frame: Frame,
    pub(super) heading: String,
    pub(super) text: String,
}

/// The page of a template.
pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
