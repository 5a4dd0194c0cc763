//! Names and types: what can be told wrong before an expression is ever evaluated.

mod calls;
mod macros;

use std::sync::Arc;

pub(super) use self::macros::fold_variables;

use super::ast::{Kind, Literal, Node, Operator};
use super::environment::{Environment, Root, Variable};
use super::expression::{Constant, Expression};
use super::library::{self, Pattern};
use super::program::Problem;
use super::types::{Bindings, Type};
use super::watch::{Branch, Seen};
use crate::spelling::suggest;

/// What is told of `authorizer`, which a `ValidatingAdmissionPolicy` may name.
pub const NO_AUTHORIZER: &str = "authorizer is not offered";

/// What checking gives.
pub(super) struct Checked {
    pub(super) root: Expression,
    pub(super) result: Type,
    pub(super) patterns: Vec<Pattern>,
    pub(super) roots: Vec<Root>,
    /// How deep the deepest variable is that it names.
    pub(super) depth: usize,
    /// What decides in it, where it is watched.
    pub(super) branches: Vec<Branch>,
}

/// Checks `node`. All problems are found at once; one that follows from another is not told.
pub(super) fn check(node: &Node, environment: &Environment) -> Result<Checked, Vec<Problem>> {
    let mut checker = Checker {
        environment,
        scope: Vec::new(),
        problems: Vec::new(),
        patterns: Vec::new(),
        roots: Vec::new(),
        mixed: false,
        depth: 0,
        branches: Vec::new(),
    };
    let (root, result) = checker.check(node);
    let Checker { mut problems, patterns, roots, depth, branches, .. } = checker;
    if problems.is_empty() {
        return Ok(Checked { root, result, patterns, roots, depth, branches });
    }
    problems.sort_by_key(|problem| problem.at);
    Err(problems)
}

type Typed = (Expression, Type);

struct Checker<'e> {
    environment: &'e Environment,
    /// Variables of the macros around.
    scope: Vec<(String, Type)>,
    problems: Vec<Problem>,
    patterns: Vec<Pattern>,
    roots: Vec<Root>,
    /// Whether literals may mix types here: what is formatted may.
    mixed: bool,
    /// How deep the deepest variable is that is named.
    depth: usize,
    branches: Vec<Branch>,
}

impl Checker<'_> {
    fn problem(&mut self, at: usize, message: impl Into<String>, help: impl Into<String>) -> Typed {
        self.problems.push(Problem::new(at, message, help));
        (Expression::Constant(Constant::Null), Type::Dyn)
    }

    fn check(&mut self, node: &Node) -> Typed {
        match &node.kind {
            Kind::Literal(literal) => constant(literal),
            Kind::Ident(name) => self.name(node.at, name),
            Kind::Select { operand, field, optional } => {
                if !optional && let Some(named) = self.qualified(node) {
                    return named;
                }
                if let Kind::Ident(name) = &operand.kind
                    && name == "variables"
                    && self.local(name).is_none()
                {
                    return self.variable(node.at, field, *optional);
                }
                self.select(node.at, operand, field, *optional)
            }
            Kind::Index { operand, index, optional } => {
                self.index(node.at, operand, index, *optional)
            }
            Kind::Call { target, name, args } => self.call(node.at, target.as_deref(), name, args),
            Kind::Not(operand) => {
                let operand = self.bool(operand, "!");
                (Expression::Not(Box::new(operand)), Type::Bool)
            }
            Kind::Negate(operand) => self.operator(node.at, "-_", "-", &[operand]),
            Kind::Binary { operator, left, right } => self.binary(node.at, *operator, left, right),
            Kind::And(terms) => (Expression::And(self.operands(terms, "&&")), Type::Bool),
            Kind::Or(terms) => (Expression::Or(self.operands(terms, "||")), Type::Bool),
            Kind::Ternary { condition, then, otherwise } => {
                let condition = self.operand(condition, "?:", 1);
                let ((then, a), (otherwise, b)) = (self.check(then), self.check(otherwise));
                let mut bindings = Bindings::default();
                let any = Type::Parameter('A');
                if !(bindings.accept(&any, &a) && bindings.accept(&any, &b)) {
                    let message = format!("gives {a} or {b}");
                    let help = "both must be of one type; dyn(…) takes a value out of the types";
                    return self.problem(node.at, message, help);
                }
                let parts = Box::new([condition, then, otherwise]);
                (Expression::Ternary(parts), bindings.resolve(&any))
            }
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
        }
    }

    fn bool(&mut self, node: &Node, operator: &str) -> Expression {
        let (expression, found) = self.check(node);
        if !matches!(found, Type::Bool) && !found.is_dyn() {
            self.problem(node.at, format!("{operator} takes a bool, this is {found}"), "");
        }
        expression
    }

    fn operands(&mut self, terms: &[Node], operator: &'static str) -> Vec<Expression> {
        let numbered = terms.iter().zip(1..);
        numbered.map(|(term, number)| self.operand(term, operator, number)).collect()
    }

    /// An operand that decides, watched where that is asked.
    fn operand(&mut self, node: &Node, operator: &'static str, number: usize) -> Expression {
        let operand = self.bool(node, operator);
        if !self.environment.watched {
            return operand;
        }
        let seen = Arc::<Seen>::default();
        self.branches.push(Branch { at: node.start(), operator, number, seen: Arc::clone(&seen) });
        Expression::Watched { operand: Box::new(operand), seen }
    }

    fn local(&self, name: &str) -> Option<(usize, &Type)> {
        let place = self.scope.iter().rposition(|(known, _)| known == name)?;
        Some((place, &self.scope[place].1))
    }

    fn name(&mut self, at: usize, name: &str) -> Typed {
        if let Some((place, of)) = self.local(name) {
            return (Expression::Local(place), of.clone());
        }
        if let Some(root) = self.environment.root(name) {
            if !self.roots.contains(&root) {
                self.roots.push(root);
            }
            return (Expression::Root(root), root.of());
        }
        if let Some(of) = Type::named(name) {
            return named(of);
        }
        let (message, help) = match name {
            "authorizer" => (
                NO_AUTHORIZER.to_owned(),
                "it would ask the API server while a pod waits; match by requesters instead"
                    .to_owned(),
            ),
            "params" => (
                "params is not offered".to_owned(),
                "there are none without paramKind, nor in a PodPolicy; write them under `variables`"
                    .to_owned(),
            ),
            "variables" => (
                "variables is not a value of its own".to_owned(),
                "name one of them: variables.NAME".to_owned(),
            ),
            _ => {
                let mut words: Vec<&str> =
                    self.scope.iter().map(|(known, _)| known.as_str()).collect();
                words.extend(self.environment.roots.iter().map(|root| root.as_str()));
                if !self.environment.variables.is_empty() {
                    words.push("variables");
                }
                (format!("unknown name {name:?}"), suggest(name, &words))
            }
        };
        self.problem(at, message, help)
    }

    /// A type's name with dots in it.
    fn qualified(&self, node: &Node) -> Option<Typed> {
        let name = node.qualified()?;
        let first = name.split('.').next().unwrap_or_default();
        if self.local(first).is_some() || !name.contains('.') {
            return None;
        }
        Type::named(&name).map(named)
    }

    fn variable(&mut self, at: usize, field: &str, optional: bool) -> Typed {
        let variables = &self.environment.variables;
        let Some(index) = variables.iter().position(|variable| variable.name == field) else {
            let names: Vec<&str> = variables.iter().map(|known| known.name.as_str()).collect();
            let help = if names.is_empty() {
                "the policy has no `variables` before this place".to_owned()
            } else {
                suggest(field, &names)
            };
            return self.problem(at, format!("unknown variable {field:?}"), help);
        };
        if optional {
            return self.problem(at, "a variable is always there", "write a plain point");
        }
        let Variable { of, depth, .. } = &variables[index];
        self.depth = self.depth.max(*depth);
        (Expression::Variable(index), of.clone())
    }

    fn select(&mut self, at: usize, operand: &Node, field: &str, optional: bool) -> Typed {
        let (operand, of) = self.check(operand);
        let Some(found) = self.field(at, &of, field) else {
            return (Expression::Constant(Constant::Null), Type::Dyn);
        };
        let result = match (found, optional) {
            (Type::Optional(inner), _) if matches!(of, Type::Optional(_)) => Type::Optional(inner),
            (found, true) => Type::optional(found),
            (found, false) => found,
        };
        (Expression::Select { operand: Box::new(operand), field: field.into(), optional }, result)
    }

    /// The type of a field; of an optional's, an optional one.
    fn field(&mut self, at: usize, of: &Type, field: &str) -> Option<Type> {
        match of {
            Type::Dyn | Type::Parameter(_) => Some(Type::Dyn),
            Type::Map(key, value) => {
                if Bindings::default().accept(key, &Type::String) {
                    return Some((**value).clone());
                }
                self.problem(at, format!("the keys of {of} are not strings"), "write [KEY]");
                None
            }
            Type::Optional(inner) => self.field(at, inner, field).map(Type::optional),
            Type::Struct(known) => {
                let found = known.field(field);
                if found.is_none() {
                    let names: Vec<&str> = known.fields.iter().map(|(name, _)| *name).collect();
                    let message = format!("{} has no field {field:?}", known.name);
                    self.problem(at, message, suggest(field, &names));
                }
                found
            }
            other => {
                self.problem(
                    at,
                    format!("a value of type {other} has no fields, {field:?} neither"),
                    "",
                );
                None
            }
        }
    }

    fn index(&mut self, at: usize, operand: &Node, index: &Node, optional: bool) -> Typed {
        let (operand, of) = self.check(operand);
        let (index, by) = self.check(index);
        let (inner, through) = match &of {
            Type::Optional(inner) => ((**inner).clone(), true),
            other => (other.clone(), false),
        };
        let found = match &inner {
            Type::Dyn | Type::Parameter(_) => Some(Type::Dyn),
            Type::List(item) if by.is_dyn() || by == Type::Int => Some((**item).clone()),
            Type::Map(key, value) if Bindings::default().accept(key, &by) => {
                Some((**value).clone())
            }
            _ => None,
        };
        let Some(found) = found else {
            let help = match inner {
                Type::List(_) => "a list is indexed by an int",
                Type::Map(..) => "a map is indexed by one of its keys",
                _ => "only lists and maps are indexed",
            };
            return self.problem(at, format!("{of} cannot be indexed by {by}"), help);
        };
        let result = if optional || through { Type::optional(found) } else { found };
        let (operand, index) = (Box::new(operand), Box::new(index));
        (Expression::Index { operand, index, optional }, result)
    }

    fn binary(&mut self, at: usize, operator: Operator, left: &Node, right: &Node) -> Typed {
        let name = match operator {
            Operator::Add => "_+_",
            Operator::Subtract => "_-_",
            Operator::Multiply => "_*_",
            Operator::Divide => "_/_",
            Operator::Modulo => "_%_",
            _ => return self.comparison(at, operator, left, right),
        };
        self.operator(at, name, operator.as_str(), &[left, right])
    }

    fn comparison(&mut self, at: usize, operator: Operator, left: &Node, right: &Node) -> Typed {
        let ((left, a), (right, b)) = (self.check(left), self.check(right));
        let mut bindings = Bindings::default();
        let fits = match operator {
            Operator::Equal | Operator::NotEqual => {
                let any = Type::Parameter('A');
                bindings.accept(&any, &a) && bindings.accept(&any, &b)
            }
            Operator::In => match &b {
                Type::List(item) => bindings.accept(item, &a),
                Type::Map(key, _) => bindings.accept(key, &a),
                other => other.is_dyn(),
            },
            _ => is_ordered(&a, &b),
        };
        if !fits {
            let message = format!("{} does not take {a} and {b}", operator.as_str());
            return self.problem(at, message, "dyn(…) takes a value out of the types");
        }
        (Expression::Compare { operator, operands: Box::new([left, right]) }, Type::Bool)
    }

    fn list(&mut self, items: &[(bool, Node)]) -> Typed {
        let mut of: Option<Type> = None;
        let mut checked = Vec::with_capacity(items.len());
        for (optional, node) in items {
            let (item, found) = self.check(node);
            let found = if *optional { self.inside(node.at, found) } else { found };
            of = Some(match of {
                // An absent item is of no type.
                first if *optional && found == Type::Dyn => first.unwrap_or(Type::Dyn),
                None => found,
                Some(first) => {
                    self.alike(node.at, "items of a list", &first, &found);
                    first.join(&found)
                }
            });
            checked.push((*optional, item));
        }
        (Expression::List(checked), Type::list(of.unwrap_or(Type::Dyn)))
    }

    fn map(&mut self, entries: &[(bool, Node, Node)]) -> Typed {
        let (mut keys, mut values): (Option<Type>, Option<Type>) = (None, None);
        let mut checked = Vec::with_capacity(entries.len());
        for (optional, key, value) in entries {
            let (key_at, value_at) = (key.at, value.at);
            let ((key, key_type), (value, found)) = (self.check(key), self.check(value));
            if matches!(key_type, Type::List(_) | Type::Map(..) | Type::Optional(_)) {
                let help = "keys are strings, numbers or bools";
                self.problem(key_at, format!("a {key_type} cannot be a key"), help);
            }
            let found = if *optional { self.inside(value_at, found) } else { found };
            if let (Some(keys), Some(values)) = (&keys, &values) {
                self.alike(key_at, "keys of a map", keys, &key_type);
                if !(*optional && found == Type::Dyn) {
                    self.alike(value_at, "values of a map", values, &found);
                }
            }
            keys = Some(keys.map_or(key_type.clone(), |first| first.join(&key_type)));
            values = Some(values.map_or(found.clone(), |first| first.join(&found)));
            checked.push((*optional, key, value));
        }
        let of = Type::map(keys.unwrap_or(Type::Dyn), values.unwrap_or(Type::Dyn));
        (Expression::Map(checked), of)
    }

    /// What an optional item holds.
    fn inside(&mut self, at: usize, found: Type) -> Type {
        match found {
            Type::Optional(inner) => *inner,
            Type::Dyn => Type::Dyn,
            other => {
                self.problem(
                    at,
                    format!("`?` takes an optional, this is {other}"),
                    "remove the `?`",
                );
                Type::Dyn
            }
        }
    }

    /// Kubernetes wants literals to be of one type throughout.
    fn alike(&mut self, at: usize, what: &str, first: &Type, found: &Type) {
        if !self.mixed && !is_same(first, found) {
            let help = "dyn(…) takes a value out of the types";
            self.problem(at, format!("{what} are {first} before this one, which is {found}"), help);
        }
    }

    fn operator(&mut self, at: usize, name: &'static str, shown: &str, args: &[&Node]) -> Typed {
        let (args, types): (Vec<_>, Vec<_>) = args.iter().map(|arg| self.check(arg)).unzip();
        self.choose(at, shown, library::find(name, false), args, &types)
    }
}

fn named(of: Type) -> Typed {
    (Expression::Constant(Constant::Type(of.name())), Type::of_type(of))
}

/// Whether two items are of one type; what an empty list holds goes with anything.
fn is_same(a: &Type, b: &Type) -> bool {
    let inside = |a: &Type, b: &Type| a.is_dyn() || b.is_dyn() || is_same(a, b);
    match (a, b) {
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => inside(a, b),
        (Type::Map(key, value), Type::Map(other_key, other_value)) => {
            inside(key, other_key) && inside(value, other_value)
        }
        (a, b) => a == b,
    }
}

fn is_number(of: &Type) -> bool {
    matches!(of, Type::Int | Type::Uint | Type::Double)
}

/// Whether values of a type have an order.
fn has_order(of: &Type) -> bool {
    let others = [Type::Bool, Type::String, Type::Bytes, Type::Timestamp, Type::Duration];
    is_number(of) || of.is_dyn() || others.contains(of)
}

/// Whether two types can be ordered: of one kind, or two numbers.
fn is_ordered(a: &Type, b: &Type) -> bool {
    has_order(a)
        && has_order(b)
        && (a == b || a.is_dyn() || b.is_dyn() || is_number(a) && is_number(b))
}

fn constant(literal: &Literal) -> Typed {
    let (constant, of) = match literal {
        Literal::Null => (Constant::Null, Type::Null),
        Literal::Bool(value) => (Constant::Bool(*value), Type::Bool),
        Literal::Int(value) => (Constant::Int(*value), Type::Int),
        Literal::Uint(value) => (Constant::Uint(*value), Type::Uint),
        Literal::Double(value) => (Constant::Double(*value), Type::Double),
        Literal::String(text) => (Constant::String(text.as_str().into()), Type::String),
        Literal::Bytes(bytes) => (Constant::Bytes(bytes.as_slice().into()), Type::Bytes),
    };
    (Expression::Constant(constant), of)
}
