//! Calls: which function is meant, and whether it takes what it is given.

use super::super::ast::{Kind, Literal, Node};
use super::super::expression::Expression;
use super::super::library::{self, Overload, Pattern};
use super::super::moment::Moment;
use super::super::types::{Bindings, Type};
use super::{Checker, Typed};
use crate::spelling::suggest;

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        at: usize,
        target: Option<&Node>,
        name: &str,
        args: &[Node],
    ) -> Typed {
        if let Some(expanded) = self.expand(at, target, name, args) {
            return expanded;
        }
        // `sets.contains(…)` is a function of that name, unless `sets` is a variable.
        let Some(target) = target else { return self.global(at, name, args) };
        if let Some(prefix) = target.qualified() {
            let first = prefix.split('.').next().unwrap_or_default();
            let full = format!("{prefix}.{name}");
            let free = self.local(first).is_none();
            if free && !library::find(&full, false).is_empty() {
                return self.global(at, &full, args);
            }
            if free
                && self.environment.root(first).is_none()
                && prefix != "variables"
                && library::is_prefix(&prefix)
            {
                let names = library::names(false);
                return self.problem(
                    at,
                    format!("unknown function {full:?}"),
                    suggest(&full, &names),
                );
            }
        }
        let found = library::find(name, true);
        if found.is_empty() {
            let (message, help) = if library::find(name, false).is_empty() {
                let names = library::names(true);
                (format!("unknown function {name:?}"), nearest_function(name, &names))
            } else {
                let help = format!("write {name}(…)");
                (format!("{name} is not called on a value"), help)
            };
            self.check(target);
            for arg in args {
                self.check(arg);
            }
            return self.problem(at, message, help);
        }
        let mut checked = vec![self.check(target)];
        // What is formatted need not be of one type.
        let mixed = self.mixed;
        self.mixed |= name == "format";
        checked.extend(args.iter().map(|arg| self.check(arg)));
        self.mixed = mixed;
        self.literals(name, &args.iter().collect::<Vec<_>>());
        if name == "format" {
            self.format(target, args);
        }
        let (values, types): (Vec<_>, Vec<_>) = checked.into_iter().unzip();
        if name == "violates"
            && let [Node { kind: Kind::Literal(Literal::String(rule)), at, .. }] = args
            && !self.environment.rules.contains(&rule.as_str())
        {
            let help = suggest(rule, &self.environment.rules);
            return self.problem(*at, format!("no built-in rule is named {rule:?}"), help);
        }
        self.choose(at, name, found, values, &types)
    }

    fn global(&mut self, at: usize, name: &str, args: &[Node]) -> Typed {
        let found = library::find(name, false);
        let (values, types): (Vec<_>, Vec<_>) = args.iter().map(|arg| self.check(arg)).unzip();
        if found.is_empty() {
            let (message, help) = if library::find(name, true).is_empty() {
                (
                    format!("unknown function {name:?}"),
                    nearest_function(name, &library::names(false)),
                )
            } else {
                (format!("{name} is called on a value"), format!("write VALUE.{name}(…)"))
            };
            return self.problem(at, message, help);
        }
        let offset = usize::from(name == "matches");
        self.literals(name, &args.iter().skip(offset).collect::<Vec<_>>());
        self.choose(at, name, found, values, &types)
    }

    /// The overloads that take these types, and what they give.
    pub(super) fn choose(
        &mut self,
        at: usize,
        name: &str,
        declared: &'static [Overload],
        args: Vec<Expression>,
        types: &[Type],
    ) -> Typed {
        let mut overloads = Vec::new();
        let mut result: Option<Type> = None;
        for overload in declared {
            let mut bindings = Bindings::default();
            if overload.params.len() == types.len()
                && overload
                    .params
                    .iter()
                    .zip(types)
                    .all(|(wanted, given)| bindings.accept(wanted, given))
            {
                overloads.push(overload);
                let given = bindings.resolve(&overload.result);
                result = Some(result.map_or(given.clone(), |first| first.join(&given)));
            }
        }
        let (Some(result), Some(first)) = (result, overloads.first()) else {
            let listed: Vec<String> = types.iter().map(ToString::to_string).collect();
            let known: Vec<&str> = declared.iter().map(|overload| overload.signature).collect();
            let message = format!("{name} does not take ({})", listed.join(", "));
            return self.problem(at, message, format!("it takes {}", known.join("; ")));
        };
        (Expression::Call { name: first.name, overloads, args }, result)
    }

    /// A format that stands in the expression, against what it is given where that stands there, too.
    fn format(&mut self, target: &Node, args: &[Node]) {
        let (Kind::Literal(Literal::String(pattern)), [Node { kind: Kind::List(items), at, .. }]) =
            (&target.kind, args)
        else {
            return;
        };
        // They were checked before; what is wrong with them was told.
        let (told, watched) = (self.problems.len(), self.branches.len());
        let types: Vec<Type> = items.iter().map(|(_, item)| self.check(item).1).collect();
        self.problems.truncate(told);
        self.branches.truncate(watched);
        if let Err(message) = library::check_format(pattern, &types) {
            self.problem(*at, message, "");
        }
    }

    /// Patterns, spans and moments that stand in the expression are read once, here.
    fn literals(&mut self, name: &str, args: &[&Node]) {
        if let Some(Node { kind: Kind::Literal(Literal::Int(seconds)), at, .. }) = args.first()
            && name == "timestamp"
            && Moment::from_seconds(*seconds).is_none()
        {
            self.problem(*at, format!("{seconds} is no timestamp"), "the years are 1 to 9999");
        }
        let Some(Node { kind: Kind::Literal(Literal::String(text)), at, .. }) = args.first() else {
            return;
        };
        match name {
            "matches" | "find" | "findAll" => match Pattern::compile(text) {
                Ok(pattern) => self.patterns.push(pattern),
                Err(error) => {
                    self.problem(*at, format!("the pattern does not compile: {error}"), "");
                }
            },
            "duration" if super::super::convert::duration(text).is_none() => {
                let help = "write a number with ns, us, ms, s, m or h, such as 1h30m";
                self.problem(*at, format!("{text:?} is no duration"), help);
            }
            "timestamp" if super::super::convert::timestamp(text).is_none() => {
                let help = "write it as RFC 3339 has it, such as 2027-06-30T00:00:00Z";
                self.problem(*at, format!("{text:?} is no timestamp"), help);
            }
            _ => {}
        }
    }
}

fn nearest_function(name: &str, names: &[&str]) -> String {
    let help = suggest(name, names);
    if help.starts_with("known are") {
        "see `podgate explain cel` for the functions that there are".to_owned()
    } else {
        help
    }
}
