//! What `podgate test` prints.

use std::fmt;
use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::counted;
use super::coverage::{self, Coverage};
use super::junit::shown;
use super::text::{BAD, FAINT, GOOD, TITLE};

/// All tests that were run.
#[derive(Debug, Default)]
pub struct Report {
    /// A suite a document.
    pub suites: Vec<Suite>,
    /// What the cases ask of the policies, where that was wanted.
    pub coverage: Option<Coverage>,
}

/// The cases of one document.
#[derive(Debug)]
pub struct Suite {
    /// The file that it stands in.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Its cases, in order.
    pub cases: Vec<Case>,
    /// What became of changed policies, where that was asked and all cases pass.
    pub mutants: Mutants,
}

/// One case.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// What is not as expected; empty where all is.
    pub failures: Vec<String>,
    /// What the decision says of the object, a line a violation.
    pub sentences: Vec<String>,
}

/// A rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleName {
    policy: String,
    rule: String,
}

/// Policies with one rule changed.
#[derive(Debug, Default)]
pub struct Mutants {
    /// How many there were.
    pub made: usize,
    /// Those that every case passes.
    pub unnoticed: Vec<Mutant>,
}

/// A policy with one rule changed.
#[derive(Debug)]
pub struct Mutant {
    /// The rule.
    pub rule: RuleName,
    /// What was done to it.
    pub change: &'static str,
}

impl RuleName {
    /// The rule `rule` of `policy`.
    #[must_use]
    pub fn new(policy: &str, rule: &str) -> Self {
        Self { policy: policy.to_owned(), rule: rule.to_owned() }
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of policy {}", self.rule, self.policy)
    }
}

impl Suite {
    /// A suite without cases yet.
    #[must_use]
    pub fn new(file: &str, name: &str) -> Self {
        let (file, name) = (file.to_owned(), name.to_owned());
        Self { file, name, cases: Vec::new(), mutants: Mutants::default() }
    }

    /// How many cases failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.failures.is_empty()).count()
    }
}

impl Report {
    fn cases(&self) -> usize {
        self.suites.iter().map(|suite| suite.cases.len()).sum()
    }

    fn failed(&self) -> usize {
        self.suites.iter().map(Suite::failed).sum()
    }

    /// Whether every case is as expected, every mutant was noticed, and as much is covered as was wanted.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failed() == 0
            && self.suites.iter().all(|suite| suite.mutants.unnoticed.is_empty())
            && self.coverage.as_ref().is_none_or(Coverage::is_enough)
    }
}

/// The report for a person.
///
/// # Errors
/// Where `out` cannot be written.
pub fn text(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for suite in &report.suites {
        writeln!(out, "{TITLE}{}{TITLE:#}  {}", suite.file, suite.name)?;
        for case in &suite.cases {
            if case.failures.is_empty() {
                writeln!(out, "  {GOOD}ok{GOOD:#}      {}", case.name)?;
                continue;
            }
            writeln!(out, "  {BAD}FAILED{BAD:#}  {}", case.name)?;
            for failure in &case.failures {
                writeln!(out, "          {failure}")?;
            }
            for sentence in &case.sentences {
                writeln!(out, "          {FAINT}{sentence}{FAINT:#}")?;
            }
        }
        for mutant in &suite.mutants.unnoticed {
            writeln!(out, "  {BAD}unnoticed{BAD:#}  {} {}", mutant.rule, mutant.change)?;
        }
        writeln!(out)?;
    }
    if let Some(coverage) = &report.coverage {
        coverage::text(coverage, out)?;
    }
    let (cases, failed) = (report.cases(), report.failed());
    write!(out, "{}: {} passed", counted(cases, "case"), cases - failed)?;
    if failed > 0 {
        write!(out, ", {failed} failed")?;
    }
    let made: usize = report.suites.iter().map(|suite| suite.mutants.made).sum();
    if made > 0 {
        let unnoticed: usize =
            report.suites.iter().map(|suite| suite.mutants.unnoticed.len()).sum();
        write!(out, "; {made} mutants: {} noticed, {unnoticed} not", made - unnoticed)?;
    }
    writeln!(out)?;
    report.coverage.iter().try_for_each(|coverage| coverage::summary(coverage, out))
}

/// The report as JUnit's XML: a suite a document, a case a case, and one more for each mutant that no case notices. What is
/// covered stands in properties.
///
/// # Errors
/// Where `out` cannot be written.
pub fn junit(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites = xml.create_element("testsuites").with_attribute(("name", "podgate"));
    suites.write_inner_content(|xml| {
        for suite in &report.suites {
            let unnoticed = &suite.mutants.unnoticed;
            let element = xml
                .create_element("testsuite")
                .with_attribute(("name", &*shown(&suite.name)))
                .with_attribute(("file", &*shown(&suite.file)))
                .with_attribute(("tests", &*(suite.cases.len() + unnoticed.len()).to_string()))
                .with_attribute(("failures", &*(suite.failed() + unnoticed.len()).to_string()));
            element.write_inner_content(|xml| {
                for case in &suite.cases {
                    let text = [&case.failures[..], &case.sentences[..]].concat().join("\n");
                    let failure = case.failures.first().map(|first| (first.clone(), text));
                    junit_case(xml, &suite.name, &case.name, failure)?;
                }
                for Mutant { rule, change } in unnoticed {
                    let message = format!("no case notices {rule} {change}");
                    let name = format!("{rule} {change}");
                    junit_case(xml, &suite.name, &name, Some((message.clone(), message)))?;
                }
                Ok(())
            })?;
        }
        let Some(coverage) = &report.coverage else { return Ok(()) };
        coverage::junit(xml, coverage)?;
        let Some(lack) = coverage.lack() else { return Ok(()) };
        let element = xml
            .create_element("testsuite")
            .with_attribute(("name", "coverage"))
            .with_attribute(("tests", "1"))
            .with_attribute(("failures", "1"));
        let case = |xml: &mut Writer<_>| {
            junit_case(xml, "coverage", "as much as is wanted", Some((lack.clone(), lack)))
        };
        element.write_inner_content(case).map(|_| ())
    })?;
    writeln!(out)
}

fn junit_case<W: Write>(
    xml: &mut Writer<W>,
    suite: &str,
    name: &str,
    failure: Option<(String, String)>,
) -> io::Result<()> {
    let element = xml
        .create_element("testcase")
        .with_attribute(("classname", &*shown(suite)))
        .with_attribute(("name", &*shown(name)));
    let Some((message, text)) = failure else {
        element.write_empty()?;
        return Ok(());
    };
    element.write_inner_content(|xml| {
        let failure = xml.create_element("failure").with_attribute(("message", &*shown(&message)));
        failure.write_text_content(BytesText::new(&shown(&text)))?;
        Ok(())
    })?;
    Ok(())
}
