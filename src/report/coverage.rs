//! What the cases of `podgate test` ask of policies, and what they never do.

use std::fmt;
use std::io::{self, Write};

use quick_xml::Writer;

use super::junit::shown;
use super::text::{BAD, FAINT, GOOD, TITLE};
use crate::cel::Outcomes;

/// What all cases together ask.
#[derive(Debug, Default)]
pub struct Coverage {
    /// Every policy that a test names.
    pub policies: Vec<Policy>,
    /// How much of it is wanted, in percent.
    pub wanted: u8,
}

/// What is asked of one policy.
#[derive(Debug)]
pub struct Policy {
    /// The file that it stands in.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Its rules: each should be kept by some case and broken by another.
    pub rules: Vec<Rule>,
    /// What decides in its expressions: each should be true and false.
    pub branches: Vec<Branch>,
}

/// What became of a rule.
#[derive(Debug, Default)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// A case was asked, and kept it.
    pub kept: bool,
    /// A case broke it.
    pub broken: bool,
}

/// What an operand gave.
#[derive(Debug)]
pub struct Branch {
    /// The field that its expression stands in.
    pub path: String,
    /// Its line.
    pub line: u32,
    /// Its column.
    pub column: u32,
    /// Which operand of which operator; `None` for the expression as a whole.
    pub operand: Option<(usize, &'static str)>,
    /// What it was.
    pub outcomes: Outcomes,
}

/// How many of all ways were taken.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    taken: usize,
    all: usize,
}

impl Coverage {
    fn share(&self) -> Share {
        self.policies.iter().map(Policy::share).fold(Share::default(), |sum, share| Share {
            taken: sum.taken + share.taken,
            all: sum.all + share.all,
        })
    }

    /// Whether it is as much as is wanted.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.share().percent() >= usize::from(self.wanted)
    }

    /// What is said where it is not enough.
    pub(super) fn lack(&self) -> Option<String> {
        let percent = self.share().percent();
        let lack = || format!("coverage is {percent}%, less than the {}% wanted", self.wanted);
        (!self.is_enough()).then(lack)
    }
}

impl Policy {
    fn share(&self) -> Share {
        let rules = self.rules.iter().flat_map(|rule| [rule.kept, rule.broken]);
        let branches = self.branches.iter().map(|branch| branch.outcomes);
        let ways = rules.chain(branches.flat_map(|seen| [seen.was_true, seen.was_false]));
        ways.fold(Share::default(), |sum, taken| Share {
            taken: sum.taken + usize::from(taken),
            all: sum.all + 1,
        })
    }

    /// Ways through its expressions that no case takes, a line each.
    fn missed(&self) -> impl Iterator<Item = String> {
        self.branches.iter().filter_map(|branch| {
            let never = match branch.outcomes {
                Outcomes { was_true: true, was_false: true, .. } => return None,
                Outcomes { asked: false, .. } => "was never asked",
                Outcomes { was_true: true, .. } => "was never false",
                Outcomes { was_false: true, .. } => "was never true",
                Outcomes { .. } => "never had an answer",
            };
            let Branch { path, line, column, operand, .. } = branch;
            let what = operand
                .map(|(number, operator)| format!("operand {number} of {operator} "))
                .unwrap_or_default();
            Some(format!("{}:{line}:{column}: {path}: {what}{never}", self.file))
        })
    }
}

impl Share {
    /// Rounded down, so that only all of it is 100.
    fn percent(self) -> usize {
        (self.taken * 100).checked_div(self.all).unwrap_or(100)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} ways taken, {}%", self.taken, self.all, self.percent())
    }
}

/// The report for a person.
pub(super) fn text(coverage: &Coverage, out: &mut impl Write) -> io::Result<()> {
    for policy in &coverage.policies {
        writeln!(out, "{TITLE}{}{TITLE:#}  {}: {}", policy.file, policy.name, policy.share())?;
        let width = policy.rules.iter().map(|rule| rule.id.len()).max().unwrap_or_default().max(4);
        if !policy.rules.is_empty() {
            writeln!(out, "  {FAINT}{:width$}  kept  broken{FAINT:#}", "rule")?;
        }
        for Rule { id, kept, broken } in &policy.rules {
            let word = |yes: bool| if yes { ("yes", GOOD) } else { ("no", BAD) };
            let ((kept, a), (broken, b)) = (word(*kept), word(*broken));
            writeln!(out, "  {id:width$}  {a}{kept:4}{a:#}  {b}{broken}{b:#}")?;
        }
        for line in policy.missed() {
            writeln!(out, "  {line}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The last line of the report for a person.
pub(super) fn summary(coverage: &Coverage, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "coverage: {}", coverage.share())?;
    match coverage.lack() {
        Some(lack) => writeln!(out, "{BAD}{lack}{BAD:#}"),
        None => Ok(()),
    }
}

/// A suite of JUnit's XML for each policy, without cases; its properties are what was taken and what was not.
pub(super) fn junit<W: Write>(xml: &mut Writer<W>, coverage: &Coverage) -> io::Result<()> {
    for policy in &coverage.policies {
        let share = policy.share();
        let mut properties = vec![
            ("coverage.taken", share.taken.to_string()),
            ("coverage.all", share.all.to_string()),
            ("coverage.percent", share.percent().to_string()),
        ];
        for rule in &policy.rules {
            properties.extend((!rule.kept).then(|| ("coverage.never-kept", rule.id.clone())));
            properties.extend((!rule.broken).then(|| ("coverage.never-broken", rule.id.clone())));
        }
        properties.extend(policy.missed().map(|line| ("coverage.missed", line)));
        suite(xml, &format!("coverage of {}", policy.name), &policy.file, &properties)?;
    }
    Ok(())
}

fn suite<W: Write>(
    xml: &mut Writer<W>,
    name: &str,
    file: &str,
    properties: &[(&str, String)],
) -> io::Result<()> {
    let element = xml
        .create_element("testsuite")
        .with_attribute(("name", &*shown(name)))
        .with_attribute(("file", &*shown(file)))
        .with_attribute(("tests", "0"))
        .with_attribute(("failures", "0"));
    element.write_inner_content(|xml| {
        xml.create_element("properties").write_inner_content(|xml| {
            for (name, value) in properties {
                let property = xml.create_element("property").with_attribute(("name", *name));
                property.with_attribute(("value", &*shown(value))).write_empty()?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}
