//! Macros: what looks like a call, and evaluates its arguments once for each item.

use super::super::ast::{Kind, Node};
use super::super::expression::{Constant, Expression, Fold, FoldKind};
use super::super::types::Type;
use super::{Checker, Typed};

/// A macro that goes over a list or a map.
struct Shape {
    kind: FoldKind,
    /// How many variables it names.
    variables: usize,
    /// Whether a condition stands before its last argument.
    has_condition: bool,
}

fn shape(name: &str, args: usize) -> Option<Shape> {
    let shape = |kind, variables, has_condition| Some(Shape { kind, variables, has_condition });
    match (name, args) {
        ("all", 2) => shape(FoldKind::All, 1, false),
        ("all", 3) => shape(FoldKind::All, 2, false),
        ("exists", 2) => shape(FoldKind::Exists, 1, false),
        ("exists", 3) => shape(FoldKind::Exists, 2, false),
        ("exists_one", 2) => shape(FoldKind::ExistsOne, 1, false),
        ("exists_one" | "existsOne", 3) => shape(FoldKind::ExistsOne, 2, false),
        ("filter", 2) => shape(FoldKind::Filter, 1, false),
        ("map", 2) => shape(FoldKind::List, 1, false),
        ("map", 3) => shape(FoldKind::List, 1, true),
        ("sortBy", 2) => shape(FoldKind::SortBy, 1, false),
        ("transformList", 3) => shape(FoldKind::List, 2, false),
        ("transformList", 4) => shape(FoldKind::List, 2, true),
        ("transformMap", 3) => shape(FoldKind::Map, 2, false),
        ("transformMap", 4) => shape(FoldKind::Map, 2, true),
        ("transformMapEntry", 3) => shape(FoldKind::MapEntry, 2, false),
        ("transformMapEntry", 4) => shape(FoldKind::MapEntry, 2, true),
        _ => None,
    }
}

/// How many variables a macro of this name and so many arguments names; `None` where there is no such macro.
pub(in crate::cel) fn fold_variables(name: &str, args: usize) -> Option<usize> {
    match (name, args) {
        ("optMap" | "optFlatMap", 2) => Some(1),
        _ => shape(name, args).map(|shape| shape.variables),
    }
}

impl Checker<'_> {
    /// The call as a macro, where it is one.
    pub(super) fn expand(
        &mut self,
        at: usize,
        target: Option<&Node>,
        name: &str,
        args: &[Node],
    ) -> Option<Typed> {
        let Some(target) = target else {
            return (name == "has" && args.len() == 1).then(|| self.has(&args[0]));
        };
        if matches!((name, args.len()), ("optMap" | "optFlatMap", 2)) {
            return Some(self.optional_map(at, target, name == "optFlatMap", args));
        }
        let shape = shape(name, args.len())?;
        Some(self.fold(at, target, name, &shape, args))
    }

    fn has(&mut self, arg: &Node) -> Typed {
        let Kind::Select { operand, field, optional: false } = &arg.kind else {
            let help = "write has(OBJECT.FIELD); for a key, 'KEY' in MAP";
            return self.problem(arg.at, "has takes a field", help);
        };
        let (operand, of) = self.check(operand);
        if self.field(arg.at, &of, field).is_none() {
            return (Expression::Constant(Constant::Null), Type::Dyn);
        }
        (Expression::Has { operand: Box::new(operand), field: field.as_str().into() }, Type::Bool)
    }

    /// The variables that a macro names, first of its arguments.
    fn variables<'n>(&mut self, args: &'n [Node]) -> Option<Vec<&'n str>> {
        let mut names = Vec::new();
        for arg in args {
            let Kind::Ident(name) = &arg.kind else {
                self.problem(arg.at, "a macro's variable is a plain name", "");
                return None;
            };
            if names.contains(&name.as_str()) {
                self.problem(
                    arg.at,
                    format!("{name:?} names both variables"),
                    "rename one of them",
                );
                return None;
            }
            names.push(name);
        }
        Some(names)
    }

    /// Checks `body` where these variables are known.
    fn within<T>(
        &mut self,
        variables: impl IntoIterator<Item = (String, Type)>,
        body: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let depth = self.scope.len();
        self.scope.extend(variables);
        let body = body(self);
        self.scope.truncate(depth);
        body
    }

    fn optional_map(&mut self, at: usize, target: &Node, flat: bool, args: &[Node]) -> Typed {
        let (operand, of) = self.check(target);
        let inner = match of {
            Type::Optional(inner) => *inner,
            Type::Dyn => Type::Dyn,
            other => return self.problem(at, format!("takes an optional, this is {other}"), ""),
        };
        let Some(names) = self.variables(&args[..1]) else {
            return (Expression::Constant(Constant::Null), Type::Dyn);
        };
        let variable = (names[0].to_owned(), inner);
        let (body, found) = self.within([variable], |checker| checker.check(&args[1]));
        let result = match (flat, found) {
            (false, found) => Type::optional(found),
            (true, found @ (Type::Optional(_) | Type::Dyn)) => found,
            (true, other) => {
                let message = format!("gives {other}, must give an optional");
                return self.problem(args[1].at, message, "use optMap for a plain value");
            }
        };
        let (operand, body) = (Box::new(operand), Box::new(body));
        (Expression::OptionalMap { operand, body, flat }, result)
    }

    fn fold(
        &mut self,
        at: usize,
        target: &Node,
        name: &str,
        shape: &Shape,
        args: &[Node],
    ) -> Typed {
        let (range, of) = self.check(target);
        // A list is gone over by item, a map by key; with two variables, by index or key and value.
        let (first, second, only) = match of {
            Type::List(item) => (Type::Int, (*item).clone(), *item),
            Type::Map(key, value) => ((*key).clone(), *value, *key),
            Type::Dyn => (Type::Dyn, Type::Dyn, Type::Dyn),
            other => {
                let message = format!("{name} goes over a list or a map, this is {other}");
                return self.problem(at, message, "");
            }
        };
        let Some(names) = self.variables(&args[..shape.variables]) else {
            return (Expression::Constant(Constant::Null), Type::Dyn);
        };
        let variables: Vec<(String, Type)> = match names.as_slice() {
            [one] => vec![((*one).to_owned(), only.clone())],
            names => names
                .iter()
                .zip([first.clone(), second])
                .map(|(name, of)| ((*name).to_owned(), of))
                .collect(),
        };
        let last = &args[args.len() - 1];
        let predicate = matches!(
            shape.kind,
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne | FoldKind::Filter
        );
        let (condition, body, found) = self.within(variables, |checker| {
            let condition = shape.has_condition.then(|| checker.bool(&args[shape.variables], name));
            let (body, found) = if predicate {
                (checker.bool(last, name), Type::Bool)
            } else {
                checker.check(last)
            };
            (condition, body, found)
        });
        if shape.kind == FoldKind::SortBy && !super::has_order(&found) {
            return self.problem(
                last.at,
                format!("{found} has no order"),
                "sort by a number or a string",
            );
        }
        let result = match shape.kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => Type::Bool,
            FoldKind::Filter | FoldKind::SortBy => Type::list(only),
            FoldKind::List => Type::list(found),
            FoldKind::Map => Type::map(first, found),
            FoldKind::MapEntry => match found {
                Type::Map(..) | Type::Dyn => found,
                other => {
                    let message = format!("gives {other}, must give a map");
                    return self.problem(last.at, message, "write {KEY: VALUE}");
                }
            },
        };
        let two = shape.variables == 2;
        let fold = Fold { kind: shape.kind, range, two, condition, body };
        (Expression::Fold(Box::new(fold)), result)
    }
}
