//! What a policy says in CEL: variables, conditions, and rules of its own.

mod place;

use std::collections::HashSet;
use std::sync::Arc;

use super::problem::Severity;
use super::reader::{Fields, Place, Reporter};
use crate::cel::{Environment, Problem, Program, Root, Type, Variable};
use crate::pod::Kind;
use crate::rules;
use crate::yaml::Node;

/// Fields of a rule in CEL.
pub(super) const RULE: &[&str] =
    &["name", "expression", "message", "messageExpression", "remedy", "onError"];
/// Fields of a variable and of a condition.
pub(super) const NAMED: &[&str] = &["name", "expression"];

/// A rule of a policy's own.
#[derive(Debug)]
pub struct Expression {
    /// Holds where it gives `true`.
    pub program: Program,
    /// What is told where it does not hold.
    pub message: String,
    /// The same as an expression; where that fails, `message` is told.
    pub message_expression: Option<Program>,
    /// What would be right, in the author's words.
    pub remedy: String,
    /// What is taken where it cannot be evaluated.
    pub on_error: OnError,
    /// Whether what it finds counts although the object was so before an update.
    pub judges_updates_whole: bool,
}

/// What is taken where an expression cannot be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// That the rule is broken: not knowing lets nobody in.
    #[default]
    Deny,
    /// That it holds.
    Ignore,
}

impl OnError {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Deny, Self::Ignore];

    /// The word in a policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Ignore => "Ignore",
        }
    }
}

/// One of a policy's conditions: where one gives `false`, the policy is not about the object.
#[derive(Debug)]
pub struct Condition {
    /// Its name.
    pub name: String,
    /// The expression.
    pub program: Program,
}

/// What a list of expressions with names holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Expressions that those after them may name.
    Variables,
    /// Expressions that are only asked.
    Conditions,
}

/// What the expressions of a policy may name, and which of it they do.
#[derive(Debug)]
pub(super) struct Reader {
    environment: Environment,
    /// The variables, in the order in which they stand.
    pub(super) variables: Vec<Program>,
    /// How bad a field is that nothing has.
    unknown_field: Severity,
}

impl Reader {
    /// Reads `spec.variables`. Each may name those before it.
    pub(super) fn new(report: &mut Reporter, spec: &Fields<'_>) -> Self {
        let rules = rules::ALL.iter().map(|rule| rule.id).collect();
        let mut reader = Self {
            environment: Environment {
                rules,
                kinds: Kind::ALL.map(Kind::name).to_vec(),
                watched: report.watch.is_some(),
                ..Environment::default()
            },
            variables: Vec::new(),
            unknown_field: Severity::Error,
        };
        reader.named(report, spec, "variables", &Type::Dyn, Names::Variables);
        reader
    }

    /// The same of a `ValidatingAdmissionPolicy`: it has no `pod`, and may have `params`. `kinds` are all kinds that it is
    /// about, where those are known.
    pub(super) fn kubernetes(
        report: &mut Reporter,
        spec: &Fields<'_>,
        has_params: bool,
        kinds: Vec<&'static str>,
    ) -> Self {
        let roots = &Root::OF_ADMISSION_POLICY;
        let roots = if has_params { &roots[..] } else { &roots[..roots.len() - 1] };
        let watched = report.watch.is_some();
        let environment = Environment { roots, kinds, watched, ..Environment::default() };
        // The API server takes it, and only warns.
        let mut reader =
            Self { environment, variables: Vec::new(), unknown_field: Severity::Warning };
        reader.named(report, spec, "variables", &Type::Dyn, Names::Variables);
        reader
    }

    /// Reads a list of conditions.
    pub(super) fn conditions(
        &mut self,
        report: &mut Reporter,
        fields: &Fields<'_>,
        field: &str,
    ) -> Vec<Condition> {
        let named = self.named(report, fields, field, &Type::Bool, Names::Conditions);
        named.into_iter().map(|(name, program)| Condition { name, program }).collect()
    }

    /// Reads a list of expressions with names, no name twice.
    fn named(
        &mut self,
        report: &mut Reporter,
        fields: &Fields<'_>,
        field: &str,
        wanted: &Type,
        names: Names,
    ) -> Vec<(String, Program)> {
        let Some(node) = fields.get(field) else { return Vec::new() };
        let path = fields.path(field);
        let Some(items) = node.as_sequence() else {
            report.wrong_type(node, &path, "a list of maps with `name` and `expression`");
            return Vec::new();
        };
        let (mut read, mut seen) = (Vec::new(), HashSet::new());
        let are_variables = names == Names::Variables;
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Some(fields) = Fields::new(report, item, &path, NAMED) else { continue };
            let name = fields.required(report, "name", "name it");
            let program = self.program(report, &fields, "expression", wanted);
            if let (Some(watch), Some(program), Some(node), Names::Conditions) =
                (&mut report.watch, &program, fields.get("expression"), names)
            {
                watch.whole(program, &fields.path("expression"), Place::from(node));
            }
            let Some(name) = name else { continue };
            if !seen.insert(name) {
                let help = "rename or remove one of them";
                report.error(item, &path, format!("{name:?} is there already"), help);
            }
            if are_variables && !is_identifier(name) {
                let help = "letters, digits and '_', no digit first, so that variables.NAME can be written";
                report.error(item, &path, format!("{name:?} cannot be a variable's name"), help);
            }
            if are_variables {
                // One that is broken is known by its name all the same, so that it is told once.
                self.environment.variables.push(Variable::new(name, program.as_ref()));
                self.variables.extend(program);
            } else {
                read.extend(program.map(|program| (name.to_owned(), program)));
            }
        }
        read
    }

    /// Reads what stands under `cel`.
    pub(super) fn rule(
        &mut self,
        report: &mut Reporter,
        node: &Node,
        path: &str,
    ) -> Option<(Arc<str>, Expression)> {
        let fields = Fields::new(report, node, path, RULE)?;
        let name =
            fields.required(report, "name", "name the rule: lower case letters, digits and '-'");
        if let Some(name) = name {
            refuse_name(report, &fields, name);
        }
        let program = self.program(report, &fields, "expression", &Type::Bool);
        let message_expression = fields
            .get("messageExpression")
            .and_then(|_| self.program(report, &fields, "messageExpression", &Type::String));
        let on_error = fields.text(report, "onError").map(|text| {
            let found = OnError::ALL.into_iter().find(|known| known.as_str() == text);
            if found.is_none() {
                let node = fields.get("onError").unwrap_or(node);
                let help = "write Deny, or Ignore to let pass what cannot be evaluated";
                report.error(node, &fields.path("onError"), format!("unknown word {text:?}"), help);
            }
            found.unwrap_or_default()
        });
        let text =
            |report: &mut Reporter, name| fields.text(report, name).map(|t| t.trim().to_owned());
        let source = fields.get("expression").and_then(Node::as_str).unwrap_or_default().trim();
        let message = text(report, "message")
            .unwrap_or_else(|| format!("does not hold: {}", shortened(source)));
        let remedy = text(report, "remedy").unwrap_or_else(|| {
            format!("change the object so that this holds: {}", shortened(source))
        });
        let program = program?;
        // What it says of the object before an update is not what it says of the update.
        let judges_updates_whole =
            program.roots().iter().any(|root| matches!(root, Root::OldObject | Root::Request));
        let expression = Expression {
            program,
            message,
            message_expression,
            remedy,
            on_error: on_error.unwrap_or_default(),
            judges_updates_whole,
        };
        Some((name?.into(), expression))
    }

    /// Reads an entry of a `ValidatingAdmissionPolicy`'s `validations`.
    pub(super) fn validation(
        &self,
        report: &mut Reporter,
        fields: &Fields<'_>,
        on_error: OnError,
    ) -> Option<Expression> {
        let program = self.program(report, fields, "expression", &Type::Bool);
        let message_expression = fields
            .get("messageExpression")
            .and_then(|_| self.program(report, fields, "messageExpression", &Type::String));
        let message = fields.text(report, "message").map(|text| text.trim().to_owned());
        fields.text(report, "reason");
        let source = fields.get("expression").and_then(Node::as_str).unwrap_or_default();
        let source = shortened(source);
        Some(Expression {
            program: program?,
            message: message.unwrap_or_else(|| format!("does not hold: {source}")),
            message_expression,
            remedy: format!("change the object so that this holds: {source}"),
            on_error,
            judges_updates_whole: true,
        })
    }

    /// Reads an expression for what is wrong with it: it decides nothing.
    pub(super) fn check(&self, report: &mut Reporter, fields: &Fields<'_>, name: &str) {
        self.program(report, fields, name, &Type::Dyn);
    }

    /// A rule that nothing satisfies.
    pub(super) fn never(&self, message: &str) -> Option<Expression> {
        Some(Expression {
            program: Program::compile("false", &self.environment, &Type::Bool).ok()?,
            message: message.to_owned(),
            message_expression: None,
            remedy: "give the parameters".to_owned(),
            on_error: OnError::Deny,
            judges_updates_whole: true,
        })
    }

    /// The expression in the field `name`.
    fn program(
        &self,
        report: &mut Reporter,
        fields: &Fields<'_>,
        name: &str,
        wanted: &Type,
    ) -> Option<Program> {
        let source = fields.required(report, name, "write a CEL expression")?;
        let node = fields.get(name)?;
        match Program::compile(source, &self.environment, wanted) {
            Ok(program) => {
                for problem in program.unknown_fields() {
                    let Problem { at, message, help } = problem;
                    let at = place::of(report.text(), Place::from(node), source, *at);
                    report.add(self.unknown_field, at, &fields.path(name), message, help);
                }
                if let Some(mut watch) = report.watch.take() {
                    let place = |at| place::of(report.text(), Place::from(node), source, at);
                    watch.operands(&program, &fields.path(name), place);
                    report.watch = Some(watch);
                }
                Some(program)
            }
            Err(problems) => {
                for problem in problems {
                    let at = place::of(report.text(), Place::from(node), source, problem.at);
                    report.error(at, &fields.path(name), problem.message, problem.help);
                }
                None
            }
        }
    }
}

/// What the programs of a policy read, all of them together.
pub(super) fn roots<'p>(programs: impl Iterator<Item = &'p Program>) -> Vec<Root> {
    let mut roots = Vec::new();
    for root in programs.flat_map(Program::roots) {
        if !roots.contains(root) {
            roots.push(*root);
        }
    }
    roots
}

fn refuse_name(report: &mut Reporter, fields: &Fields<'_>, name: &str) {
    let Some(node) = fields.get("name") else { return };
    let path = fields.path("name");
    if !super::names::is_label(name) {
        let help = "lower case letters, digits and '-', at most 63";
        report.error(node, &path, format!("{name:?} cannot be a rule's name"), help);
    } else if rules::find(name).is_some() {
        report.error(node, &path, format!("{name:?} is a built-in rule"), "choose another name");
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// An expression in one line of a message.
fn shortened(source: &str) -> String {
    const LONGEST: usize = 120;
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
