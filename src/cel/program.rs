//! An expression that was checked, and what it is asked about.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::sync::Arc;

use super::arena::Memory;
use super::check;
use super::environment::{Environment, Root};
use super::evaluate::Frame;
use super::expression::Expression;
use super::fields::{self, Shape};
use super::input::{self, Inputs};
use super::library::{Pattern, Patterns};
use super::parse;
use super::types::Type;
use super::value::Value;
use super::watch::{Branch, Seen};

/// How many parts may stand one under the other in an expression with all its variables: evaluating them takes stack.
const DEPTH: usize = 320;

/// What is wrong with an expression, before it is ever evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, in bytes from the expression's start.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right; empty where nobody can tell.
    pub help: String,
}

impl Problem {
    pub(super) fn new(at: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: help.into() }
    }
}

/// Why an evaluation gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// What the expression asks has no answer, such as a field that is not there.
    Error(String),
    /// It took more steps than it may.
    Steps,
    /// It needed more memory than it may.
    Memory,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(message) => f.write_str(message),
            Self::Steps => f.write_str("takes more steps than an expression may"),
            Self::Memory => f.write_str("needs more memory than an expression may"),
        }
    }
}

impl Fault {
    /// What no `||`, `&&`, `all` or `exists` may pass over.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self, Self::Error(_))
    }
}

/// An expression whose names and types were checked.
#[derive(Debug)]
pub struct Program {
    pub(super) root: Expression,
    /// Patterns that stand in the expression, compiled.
    pub(super) patterns: Vec<Pattern>,
    result: Type,
    roots: Vec<Root>,
    depth: usize,
    pub(super) shape: Option<Shape>,
    unknown_fields: Vec<Problem>,
    /// What decides in it, and what it gives itself, where it is watched.
    branches: Vec<Branch>,
    seen: Option<Arc<Seen>>,
}

impl Program {
    /// Checks `source` against `environment`. `wanted` is the type that the expression must give; with
    /// [`Type::Dyn`], any.
    ///
    /// # Errors
    /// All problems that were found, by place.
    pub fn compile(
        source: &str,
        environment: &Environment,
        wanted: &Type,
    ) -> Result<Self, Vec<Problem>> {
        let node = parse::parse(source).map_err(|problem| vec![problem])?;
        let checked = check::check(&node, environment)?;
        let depth = node.depth + checked.depth;
        if depth > DEPTH {
            let message = format!(
                "more than {DEPTH} parts hang on one another, with the variables that it names"
            );
            return Err(vec![Problem::new(node.at, message, "")]);
        }
        // Kubernetes as well takes nothing whose type shows only when it is evaluated.
        if *wanted != Type::Dyn && *wanted != checked.result {
            let message = format!("gives {}, must give {wanted}", checked.result);
            let help = match (&checked.result, wanted) {
                (Type::Dyn, Type::Bool) => "compare it: VALUE == true",
                (Type::Dyn, Type::String) => "write string(VALUE)",
                _ => "",
            };
            return Err(vec![Problem::new(node.at, message, help)]);
        }
        let seen = environment.watched.then(Arc::<Seen>::default);
        let root = match &seen {
            Some(seen) => {
                let operand = Box::new(checked.root);
                Expression::Watched { operand, seen: Arc::clone(seen) }
            }
            None => checked.root,
        };
        let (shape, unknown_fields) = fields::check(&node, environment);
        Ok(Self {
            shape,
            unknown_fields,
            root,
            patterns: checked.patterns,
            result: checked.result,
            roots: checked.roots,
            depth,
            branches: checked.branches,
            seen,
        })
    }

    /// The operands that decide which way it takes, where it is watched.
    #[must_use]
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// What it gives, where it is watched.
    #[must_use]
    pub fn seen(&self) -> Option<&Arc<Seen>> {
        self.seen.as_ref()
    }

    /// The type of what it gives.
    #[must_use]
    pub fn result(&self) -> &Type {
        &self.result
    }

    /// Fields in it that nothing has which it is asked about, by place.
    #[must_use]
    pub fn unknown_fields(&self) -> &[Problem] {
        &self.unknown_fields
    }

    /// What it reads.
    #[must_use]
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// Where there is no value to give, or a bound was met.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'_, 'a>) -> Result<Answer<'a>, Fault> {
        self.value(scope).map(Answer)
    }

    fn value<'a>(&'a self, scope: &Scope<'_, 'a>) -> Result<Value<'a>, Fault> {
        let steps = scope.session.memory.bounds.steps.min(scope.session.steps.get());
        let mut frame = Frame::new(scope, &self.patterns, steps);
        let value = frame.evaluate(&self.root);
        let spent = steps - frame.left();
        scope.session.steps.set(scope.session.steps.get().saturating_sub(spent));
        value
    }

    /// How many parts stand one under the other in it, those of the variables that it names among them.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }
}

/// What an expression gave.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a>(Value<'a>);

impl<'a> Answer<'a> {
    /// The value, where it is a bool.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.0 { Some(value) } else { None }
    }

    /// The value, where it is a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&'a str> {
        if let Value::String(text) = self.0 { Some(text) } else { None }
    }
}

/// The value as an expression would write it, strings between quotes.
impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.0.write(&mut text, usize::MAX);
        f.write_str(&text)
    }
}

/// What the expressions of one judgement read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Activation<'a> {
    /// The whole `AdmissionReview` as JSON; `object`, `oldObject` and `request` are taken from it.
    pub review: Option<&'a str>,
    /// Where there is no review: the object as JSON.
    pub object: Option<&'a str>,
    /// Where there is no review: the request without its objects, as JSON.
    pub request: Option<&'a str>,
    /// The namespace's name; `None` for what is in none.
    pub namespace: Option<&'a str>,
    /// Its labels, where they are known.
    pub namespace_labels: Option<&'a [(String, String)]>,
    /// Where the pod stands in the object, such as `spec.template`; empty where the object is one.
    pub pod_at: Option<&'a str>,
    /// Whether `object` is the object as it was before an update, and there is none before that.
    pub old_for_new: bool,
    /// Which roots are read by any expression: nothing else is taken from the review.
    pub roots: &'a [Root],
}

/// One judgement: its memory, and what was read so far.
pub struct Session<'a> {
    pub(super) memory: &'a Memory,
    activation: Activation<'a>,
    inputs: OnceCell<Result<Inputs<'a>, Fault>>,
    pod: OnceCell<Result<Value<'a>, Fault>>,
    /// What all expressions together may still take.
    steps: Cell<u64>,
    /// Patterns that an object brought.
    pub(super) patterns: RefCell<Patterns<'a>>,
    violates: &'a dyn Fn(&str) -> bool,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    /// A judgement of what `activation` holds. `violates` says whether the pod breaks a built-in rule.
    #[must_use]
    pub fn new(
        memory: &'a Memory,
        activation: Activation<'a>,
        violates: &'a dyn Fn(&str) -> bool,
    ) -> Self {
        Self {
            memory,
            activation,
            inputs: OnceCell::new(),
            pod: OnceCell::new(),
            steps: Cell::new(memory.bounds.total_steps),
            patterns: RefCell::default(),
            violates,
        }
    }

    /// Where the expressions of a policy are evaluated, with its variables and its parameters as JSON.
    #[must_use]
    pub fn scope(&self, variables: &'a [Program], params: Option<&'a str>) -> Scope<'_, 'a> {
        let known = RefCell::new(vec![None; variables.len()]);
        Scope { session: self, variables, known, params, read_params: OnceCell::new() }
    }

    fn root(&self, root: Root) -> Result<Value<'a>, Fault> {
        let inputs = || {
            let inputs =
                self.inputs.get_or_init(|| input::read(&self.memory.read, &self.activation));
            inputs.as_ref().map_err(Clone::clone)
        };
        match root {
            Root::Object => Ok(inputs()?.object),
            Root::OldObject => Ok(inputs()?.old_object),
            Root::Request => Ok(inputs()?.request),
            Root::NamespaceObject => Ok(inputs()?.namespace),
            // They are a policy's, not the judgement's.
            Root::Params => Ok(Value::Null),
            Root::Pod => {
                let object = inputs()?.object;
                let at = self.activation.pod_at;
                self.pod.get_or_init(|| input::pod(&self.memory.read, object, at)).clone()
            }
        }
    }

    pub(super) fn violates(&self, rule: &str) -> bool {
        (self.violates)(rule)
    }
}

/// A policy in one judgement: its variables, each evaluated once, when it is first asked for.
pub struct Scope<'s, 'a> {
    pub(super) session: &'s Session<'a>,
    variables: &'a [Program],
    known: RefCell<Vec<Option<Result<Value<'a>, Fault>>>>,
    params: Option<&'a str>,
    read_params: OnceCell<Result<Value<'a>, Fault>>,
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

impl<'a> Scope<'_, 'a> {
    /// What an expression starts from.
    pub(super) fn root(&self, root: Root) -> Result<Value<'a>, Fault> {
        let (Root::Params, Some(json)) = (root, self.params) else {
            return self.session.root(root);
        };
        let read = || input::json(&self.session.memory.read, json);
        self.read_params.get_or_init(read).clone()
    }

    /// A variable of the policy.
    pub(super) fn variable(&self, index: usize) -> Result<Value<'a>, Fault> {
        if let Some(Some(known)) = self.known.borrow().get(index) {
            return known.clone();
        }
        let Some(program) = self.variables.get(index) else {
            return Err(Fault::Error("the variable is not defined".to_owned()));
        };
        // A variable only names those before it, so this ends.
        let value = program.value(self);
        if let Some(place) = self.known.borrow_mut().get_mut(index) {
            *place = Some(value.clone());
        }
        value
    }
}
