//! Fields that an expression names and that nothing has which it is asked about: a slip that would otherwise show only
//! when an object is judged, as an error or, with `has`, as a rule that never holds.
//!
//! The types of an expression are as Kubernetes has them, where `object` is of any type: this looks at nothing else, and
//! says nothing of what it does not know. `object['field']` is not looked at.

mod table;

use super::ast::{Kind, Node};
use super::check::fold_variables;
use super::environment::{Environment, Root};
use super::program::Problem;
use crate::spelling::nearest;

use self::table::Field;
pub(super) use self::table::Shape;

/// What is known of the value of an expression, and the fields in it that nothing has.
pub(super) fn check(node: &Node, environment: &Environment) -> (Option<Shape>, Vec<Problem>) {
    let mut reader = Reader { environment, scope: Vec::new(), problems: Vec::new() };
    let shape = reader.read(node);
    reader.problems.sort_by_key(|problem| problem.at);
    (shape, reader.problems)
}

struct Reader<'e> {
    environment: &'e Environment,
    /// Variables of the macros around.
    scope: Vec<(&'e str, Option<Shape>)>,
    problems: Vec<Problem>,
}

impl<'e> Reader<'e> {
    fn read(&mut self, node: &'e Node) -> Option<Shape> {
        match &node.kind {
            Kind::Literal(_) => None,
            Kind::Ident(name) => self.name(name),
            Kind::Select { operand, field, .. } => self.select(node.at, operand, field),
            Kind::Index { operand, index, .. } => {
                self.read(index);
                self.read(operand)?.item()
            }
            Kind::Call { target, name, args } => self.call(target.as_deref(), name, args),
            Kind::Not(operand) | Kind::Negate(operand) => {
                self.read(operand);
                None
            }
            Kind::Binary { left, right, .. } => {
                // Of lists, `+` gives a longer one.
                let (left, right) = (self.read(left), self.read(right));
                left.filter(|left| right.as_ref() == Some(left))
            }
            Kind::And(terms) | Kind::Or(terms) => {
                self.read_all(terms);
                None
            }
            Kind::Ternary { condition, then, otherwise } => {
                self.read(condition);
                let (then, otherwise) = (self.read(then), self.read(otherwise));
                then.filter(|then| otherwise.as_ref() == Some(then))
            }
            Kind::List(items) => {
                self.read_all(items.iter().map(|(_, item)| item));
                None
            }
            Kind::Map(entries) => {
                self.read_all(entries.iter().flat_map(|(_, key, value)| [key, value]));
                None
            }
        }
    }

    fn read_all(&mut self, nodes: impl IntoIterator<Item = &'e Node>) {
        for node in nodes {
            self.read(node);
        }
    }

    fn local(&self, name: &str) -> Option<&Option<Shape>> {
        self.scope.iter().rev().find(|(known, _)| *known == name).map(|(_, shape)| shape)
    }

    fn name(&self, name: &str) -> Option<Shape> {
        if let Some(shape) = self.local(name) {
            return shape.clone();
        }
        match self.environment.root(name)? {
            Root::Object | Root::OldObject if !self.environment.kinds.is_empty() => {
                Some(Shape::of_kinds(&self.environment.kinds))
            }
            Root::Pod => Some(Shape::pod()),
            _ => None,
        }
    }

    fn select(&mut self, at: usize, operand: &'e Node, field: &str) -> Option<Shape> {
        if matches!(&operand.kind, Kind::Ident(name) if name == "variables")
            && self.local("variables").is_none()
        {
            let mut known = self.environment.variables.iter();
            return known.find(|variable| variable.name == field)?.shape.clone();
        }
        match self.read(operand)?.field(field) {
            Field::Known(shape) => shape,
            Field::Unchecked => None,
            Field::Unknown(known) => {
                let meant = nearest(field, known.iter().copied())
                    .map(|word| format!("did you mean {word:?}? "))
                    .unwrap_or_default();
                let version = table::version();
                self.problems.push(Problem::new(
                    at,
                    format!("unknown field {field:?}"),
                    format!(
                        "{meant}{version} has none of that name here; ['{field}'] is not checked"
                    ),
                ));
                None
            }
        }
    }

    fn call(&mut self, target: Option<&'e Node>, name: &str, args: &'e [Node]) -> Option<Shape> {
        let Some(target) = target else {
            self.read_all(args);
            return None;
        };
        let of = self.read(target);
        if let Some(variables) = fold_variables(name, args.len()) {
            return self.fold(of, name, args.split_at(variables));
        }
        self.read_all(args);
        match name {
            // An optional of something is looked at as that.
            "orValue" | "value" | "or" | "distinct" | "reverse" | "slice" | "sort" => of,
            "first" | "last" => of?.item(),
            _ => None,
        }
    }

    /// A macro over `of`: its variables, then what it evaluates with them.
    fn fold(
        &mut self,
        of: Option<Shape>,
        name: &str,
        (names, bodies): (&'e [Node], &'e [Node]),
    ) -> Option<Shape> {
        let is_optional = matches!(name, "optMap" | "optFlatMap");
        let item = match &of {
            of if is_optional => of.clone(),
            // One variable goes over a map by key.
            Some(Shape::Map(_) | Shape::Object(_)) if names.len() == 1 => None,
            of => of.as_ref().and_then(Shape::item),
        };
        let depth = self.scope.len();
        let last = names.len().saturating_sub(1);
        for (index, variable) in names.iter().enumerate() {
            if let Kind::Ident(variable) = &variable.kind {
                self.scope.push((variable, item.clone().filter(|_| index == last)));
            }
        }
        let body = bodies.iter().map(|body| self.read(body)).last().flatten();
        self.scope.truncate(depth);
        match name {
            "filter" | "sortBy" => of,
            "map" | "transformList" => body.map(|body| Shape::List(Box::new(body))),
            "optMap" | "optFlatMap" => body,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
