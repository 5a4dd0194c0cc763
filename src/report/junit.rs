//! `-o junit`: a suite a file, a case an object, for whatever shows the tests of a pipeline.
//!
//! JUnit's XML has no standard; this is what Jenkins' and GitLab's readers agree on.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Entry, Found, Outcome, Report};
use crate::policy::Enforcement;

/// The report as XML.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let cases: Vec<Case<'_>> =
        report.entries.iter().map(|entry| Case { entry, found: entry.found() }).collect();
    let counts = counts(&cases);
    let suites = xml.create_element("testsuites").with_attribute(("name", "podgate"));
    suites.with_attributes(counts.attributes()).write_inner_content(|xml| {
        for cases in cases.chunk_by(|a, b| a.entry.file == b.entry.file) {
            suite(xml, cases)?;
        }
        Ok(())
    })?;
    writeln!(out)
}

/// An object, and what is wrong with it.
struct Case<'r> {
    entry: &'r Entry,
    found: Vec<Found<'r>>,
}

type Xml<'o, W> = Writer<&'o mut W>;

fn suite<W: Write>(xml: &mut Xml<'_, W>, cases: &[Case<'_>]) -> io::Result<()> {
    let file = cases.first().map_or("", |case| &case.entry.file);
    let counts = counts(cases);
    let suite = xml.create_element("testsuite").with_attribute(("name", &*shown(file)));
    suite.with_attributes(counts.attributes()).write_inner_content(|xml| {
        for one in cases {
            case(xml, one)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn case<W: Write>(xml: &mut Xml<'_, W>, case: &Case<'_>) -> io::Result<()> {
    let entry = case.entry;
    let name = if entry.kind.is_empty() { "the file".to_owned() } else { entry.object() };
    let name = if entry.document > 1 { format!("{name} #{}", entry.document) } else { name };
    // Of a template no line is known; those in the text are of what was rendered.
    let (file, line) = match entry.source_file() {
        Some(source) => (source, None),
        None => (&*entry.file, Some(entry.line.to_string())),
    };
    let element = xml
        .create_element("testcase")
        .with_attribute(("classname", &*shown(file)))
        .with_attribute(("name", &*shown(&name)))
        .with_attribute(("file", &*shown(file)))
        .with_attributes(line.iter().map(|line| ("line", &**line)));
    element.write_inner_content(|xml| content(xml, case))?;
    Ok(())
}

fn content<W: Write>(xml: &mut Xml<'_, W>, case: &Case<'_>) -> io::Result<()> {
    let Case { entry, found } = case;
    match &entry.result {
        Outcome::Failed(error) => {
            let element = xml.create_element("error").with_attribute(("message", &*shown(error)));
            element.write_empty()?;
        }
        Outcome::Skipped(why) => {
            xml.create_element("skipped").with_attribute(("message", *why)).write_empty()?;
        }
        Outcome::Judged(..) => {
            let (denied, told): (Vec<_>, Vec<_>) =
                found.iter().partition(|found| is_failure(found));
            if let [first, rest @ ..] = &denied[..] {
                let mut message = first.violation.sentence().to_string();
                if !rest.is_empty() {
                    message = format!("{message}; and {} more", rest.len());
                }
                let element = xml
                    .create_element("failure")
                    .with_attribute(("type", &*first.violation.rule))
                    .with_attribute(("message", &*shown(&message)));
                element.write_text_content(BytesText::new(&shown(&lines(entry, &denied))))?;
            }
            if !told.is_empty() {
                let element = xml.create_element("system-out");
                element.write_text_content(BytesText::new(&shown(&lines(entry, &told))))?;
            }
        }
    }
    Ok(())
}

fn is_failure(found: &Found<'_>) -> bool {
    !found.is_settled && found.enforcement == Enforcement::Deny
}

fn lines(entry: &Entry, found: &[&Found<'_>]) -> String {
    let line = |found: &&Found<'_>| {
        let Found { violation, position, .. } = found;
        let policies: Vec<&str> = found.by.iter().map(|violation| &*violation.policy).collect();
        format!(
            "{}: {}\n  fix: {}\n  rule {}, policy {}{}\n",
            entry.place(position),
            violation.sentence(),
            violation.remedy(),
            violation.rule,
            policies.join(", "),
            found.settled_by().map(|why| format!(", {why}")).unwrap_or_default()
        )
    };
    found.iter().map(line).collect()
}

/// How many cases there are, and how they ended.
struct Counts([(&'static str, String); 4]);

impl Counts {
    fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, count)| (*name, count.as_str()))
    }
}

fn counts(cases: &[Case<'_>]) -> Counts {
    let count =
        |is: fn(&Case<'_>) -> bool| cases.iter().filter(|case| is(case)).count().to_string();
    Counts([
        ("tests", cases.len().to_string()),
        ("failures", count(|case| case.found.iter().any(is_failure))),
        ("errors", count(|case| matches!(case.entry.result, Outcome::Failed(_)))),
        ("skipped", count(|case| matches!(case.entry.result, Outcome::Skipped(_)))),
    ])
}

/// XML 1.0 has no place for most control characters, not even escaped.
pub(super) fn shown(text: &str) -> String {
    let is_xml = |char: char| matches!(char, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|char| if is_xml(char) { char } else { '\u{fffd}' }).collect()
}
