//! A filter as it stands in a URL, and back.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::views::{Field, Form};
use crate::engine::Outcome;
use crate::ledger::query::{Cursor, Filter, NotACursor, moment};

/// From when on decisions are shown where nobody says since when.
pub(super) const DECISIONS_SINCE: &str = "24h";
/// The same of incidents.
pub(super) const INCIDENTS_SINCE: &str = "30d";

/// What a URL may ask for, in the order of the form: name, label, and what stands in the empty field.
const NAMES: [(&str, &str, &str); 13] = [
    ("since", "Since", ""),
    ("until", "Until", "now"),
    ("decision", "Outcome", ""),
    ("namespace", "Namespace", "payments, team-*"),
    ("kind", "Kind", "Pod"),
    ("name", "Name", "web-*"),
    ("user", "Sent by", "system:*"),
    ("changed-by", "Changed by", "alice@example.com"),
    ("policy", "Policy", "shared-kernel"),
    ("rule", "Rule", "privileged"),
    ("replica", "Replica", "podgate-webhook-*"),
    ("incident", "Incident", ""),
    ("dry-run", "Dry runs", ""),
];

/// The query of a URL.
#[derive(Debug, Clone)]
pub(super) struct Params {
    pairs: Vec<(String, String)>,
    /// Where nobody says since when.
    since: &'static str,
}

impl Params {
    /// The pairs of a query, from `since` on where they do not say since when.
    pub(super) fn new(mut pairs: Vec<(String, String)>, since: &'static str) -> Self {
        // A form sends empty fields, too.
        pairs.retain(|(_, value)| !value.trim().is_empty());
        Self { pairs, since }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim())
    }

    fn all(&self, name: &str) -> Vec<String> {
        let values = self.pairs.iter().filter(|(key, _)| key == name);
        let parts = values.flat_map(|(_, value)| value.split(','));
        parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    }

    /// The filter, and what of the URL could not be used.
    pub(super) fn filter(&self, now: Timestamp) -> (Filter, Option<String>) {
        let mut problem = None;
        let mut read = |name: &str, text: Option<&str>| {
            let text = text?;
            let read = moment(text, now);
            if let Err(error) = &read {
                problem = Some(format!("{name} is {text:?}, and {error}"));
            }
            read.ok()
        };
        let since = read("since", self.get("since").or(Some(self.since)));
        let until = read("until", self.get("until"));
        let dry_run = self.get("dry-run").map(|text| text.parse().map_err(|_| text));
        if let Some(Err(text)) = dry_run {
            problem = Some(format!("dry-run is {text:?}, and must be true or false"));
        }
        let words = Outcome::ALL.map(Outcome::as_str);
        let decisions = self.all("decision");
        if let Some(word) = decisions.iter().find(|word| !words.contains(&word.as_str())) {
            problem =
                Some(format!("decision is {word:?}, and must be one of {}", words.join(", ")));
        }
        if let Some(after) = self.get("after").filter(|_| self.after().is_none()) {
            problem = Some(format!("after is {after:?}, and {NotACursor}"));
        }
        let filter = Filter {
            since: since.or_else(|| moment(self.since, now).ok()),
            until,
            decisions,
            namespaces: self.all("namespace"),
            kinds: self.all("kind"),
            names: self.all("name"),
            users: self.all("user"),
            changed_by: self.all("changed-by"),
            policies: self.all("policy"),
            rules: self.all("rule"),
            replicas: self.all("replica"),
            incidents: self.all("incident"),
            decision_ids: Vec::new(),
            dry_run: dry_run.and_then(Result::ok),
        };
        (filter, problem)
    }

    /// Where the list goes on.
    pub(super) fn after(&self) -> Option<Cursor> {
        self.get("after").and_then(|text| text.parse().ok())
    }

    /// The URL of `path` with these and `name` set to `value`.
    pub(super) fn link(&self, path: &str, set: &[(&str, &str)]) -> String {
        let kept = self
            .pairs
            .iter()
            .filter(|(key, _)| key != "after" && !set.iter().any(|(name, _)| key == name));
        let pairs =
            kept.map(|(key, value)| (key.as_str(), value.as_str())).chain(set.iter().copied());
        let query: Vec<String> =
            pairs.map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }

    /// The form that leads to `action`, with what of the URL could not be used.
    pub(super) fn form(&self, action: &'static str, problem: Option<String>) -> Form {
        let field = |(name, label, placeholder): (&'static str, &'static str, &'static str)| {
            let any = (String::new(), "any".to_owned());
            let options = match name {
                "decision" => Outcome::ALL
                    .iter()
                    .map(|outcome| (outcome.as_str().to_owned(), outcome.as_str().to_owned()))
                    .collect(),
                "dry-run" => vec![
                    ("false".to_owned(), "without".to_owned()),
                    ("true".to_owned(), "only".to_owned()),
                ],
                _ => Vec::new(),
            };
            let options = if options.is_empty() { options } else { [vec![any], options].concat() };
            let value = self.get(name).unwrap_or_default().to_owned();
            let placeholder = if name == "since" { self.since } else { placeholder };
            Field { name, label, placeholder, value, options }
        };
        Form { action, fields: NAMES.into_iter().map(field).collect(), problem }
    }
}

/// What may stand in a query as it is, and the rest by its bytes.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// All but what RFC 3986 does not reserve.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let owned = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Params::new(owned.collect(), DECISIONS_SINCE)
    }

    #[test]
    fn every_field_of_the_form_narrows_the_filter() {
        let now: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
        let (nothing, _) = params(&[]).filter(now);
        for (name, _, _) in NAMES {
            let value = match name {
                "since" | "until" => "2h",
                "dry-run" => "true",
                "decision" => "denied",
                _ => "x",
            };
            let (filter, problem) = params(&[(name, value)]).filter(now);
            assert_ne!(filter, nothing, "{name}");
            assert_eq!(problem, None);
        }
        assert_eq!(
            params(&[("namespace", "a, b"), ("namespace", "c")]).filter(now).0.namespaces,
            ["a", "b", "c"]
        );
        let (_, problem) = params(&[("since", "soon")]).filter(now);
        assert!(problem.unwrap().contains("since is \"soon\""));
        for (name, value, told) in [
            ("decision", "refused", "decision is \"refused\", and must be one of "),
            ("dry-run", "maybe", "dry-run is \"maybe\", and must be true or false"),
            ("after", "here", "after is \"here\", and must be what an earlier page gave"),
        ] {
            let (_, problem) = params(&[(name, value)]).filter(now);
            assert!(problem.unwrap().starts_with(told), "{name}");
        }
    }

    #[test]
    fn links_keep_the_filter_and_escape_what_is_in_it() {
        let params = params(&[("name", "a&b=\"<é"), ("after", "1-2-3"), ("kind", "")]);
        assert_eq!(params.link("/", &[("rule", "x y")]), "/?name=a%26b%3D%22%3C%C3%A9&rule=x%20y");
        assert_eq!(params.link("/", &[("name", "b")]), "/?name=b");
    }
}
