//! The two forms of a scrape: `OpenMetrics`, and Prometheus' own text, which is for whoever does not ask for the other.

use std::fmt::Write as _;

use axum::http::{HeaderMap, header};

/// A form, and its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Exposition {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus' text, version 0.0.4.
    Text,
}

impl Exposition {
    /// The form that a client asks for.
    pub(in crate::server) fn asked(headers: &HeaderMap) -> Self {
        let accepts = |value: &str| value.contains("application/openmetrics-text");
        let mut accepted = headers.get_all(header::ACCEPT).iter();
        let asked = accepted.any(|value| value.to_str().is_ok_and(accepts));
        if asked { Self::OpenMetrics } else { Self::Text }
    }

    pub(in crate::server) fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What `open_metrics` says, in this form.
    pub(in crate::server) fn of(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Text => text(&open_metrics),
        }
    }
}

/// In `OpenMetrics` a counter is announced without the ending that its samples have, and the end is marked. In the text, it is
/// announced as it is called, and a comment means nothing.
fn text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len() + 512);
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let Some(help) = line.strip_prefix("# HELP ") else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let (name, help) = help.split_once(' ').unwrap_or((help, ""));
        let kind = lines.next_if(|line| line.starts_with("# TYPE ")).unwrap_or_default();
        let kind = kind.rsplit(' ').next().unwrap_or("untyped");
        let total = if kind == "counter" { "_total" } else { "" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "# HELP {name}{total} {help}\n# TYPE {name}{total} {kind}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_announced_as_they_are_called() {
        let open = "# HELP a_b Some words.\n# TYPE a_b counter\na_b_total{x=\"y # z\"} 1\n# HELP g A.\n# TYPE g gauge\n# UNIT g seconds\ng 2\n# EOF\n";
        let plain = "# HELP a_b_total Some words.\n# TYPE a_b_total counter\na_b_total{x=\"y # z\"} 1\n# HELP g A.\n# TYPE g gauge\ng 2\n";
        assert_eq!(Exposition::Text.of(open.to_owned()), plain);
        assert_eq!(Exposition::OpenMetrics.of(open.to_owned()), open);
    }

    #[test]
    fn open_metrics_is_for_who_asks_for_it() {
        let asked = |accept: &[&str]| {
            let mut headers = HeaderMap::new();
            for accept in accept {
                headers.append(header::ACCEPT, accept.parse().unwrap());
            }
            Exposition::asked(&headers)
        };
        assert_eq!(asked(&[]), Exposition::Text);
        assert_eq!(asked(&["*/*"]), Exposition::Text);
        assert_eq!(
            asked(&["text/html", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"]),
            Exposition::OpenMetrics
        );
    }
}
