//! The evaluation of a checked expression.

use std::cmp::Ordering;

use super::arena::Arena;
use super::ast::Operator;
use super::expression::{Expression, Fold, FoldKind};
use super::library::{Overload, Pattern};
use super::program::{Fault, Scope, Session};
use super::value::{Map, Value};

/// The most arguments that any function takes, its receiver among them.
pub(super) const ARGUMENTS: usize = 4;

/// One evaluation of one expression.
pub(super) struct Frame<'s, 'a> {
    pub(super) session: &'s Session<'a>,
    scope: &'s Scope<'s, 'a>,
    pub(super) patterns: &'a [Pattern],
    locals: Vec<Value<'a>>,
    steps: u64,
}

type Evaluated<'a> = Result<Value<'a>, Fault>;

impl<'s, 'a> Frame<'s, 'a> {
    /// An evaluation that may take so many steps.
    pub(super) fn new(scope: &'s Scope<'s, 'a>, patterns: &'a [Pattern], steps: u64) -> Self {
        Self { session: scope.session, scope, patterns, locals: Vec::new(), steps }
    }

    /// Refuses what would not fit in memory before it is put together there: so many values.
    pub(super) fn room_for(&self, values: usize) -> Result<(), Fault> {
        let bytes = values.saturating_mul(size_of::<Value<'_>>());
        if bytes > self.session.memory.bounds.bytes { Err(Fault::Memory) } else { Ok(()) }
    }

    /// The steps that are left.
    pub(super) fn left(&self) -> u64 {
        self.steps
    }

    /// Where values are made.
    pub(super) fn arena(&self) -> &'a Arena {
        &self.session.memory.made
    }

    /// Takes what comparing `value` costs from what is left.
    pub(super) fn charge_deep(&mut self, value: &Value<'_>) -> Result<(), Fault> {
        let weight = value.deep_weight(self.steps.saturating_add(1));
        self.charge(weight)
    }

    /// Takes `steps` from what is left.
    pub(super) fn charge(&mut self, steps: u64) -> Result<(), Fault> {
        self.steps = self.steps.checked_sub(steps).ok_or(Fault::Steps)?;
        Ok(())
    }

    pub(super) fn evaluate(&mut self, expression: &'a Expression) -> Evaluated<'a> {
        self.charge(1)?;
        match expression {
            Expression::Constant(constant) => Ok(constant.value()),
            Expression::Local(index) => Ok(self.locals.get(*index).copied().unwrap_or(Value::Null)),
            Expression::Root(root) => self.scope.root(*root),
            Expression::Variable(index) => self.scope.variable(*index),
            Expression::Select { operand, field, optional } => {
                let operand = self.evaluate(operand)?;
                self.select(operand, field, *optional)
            }
            Expression::Has { operand, field } => {
                let operand = self.evaluate(operand)?;
                self.has(operand, field)
            }
            Expression::Index { operand, index, optional } => {
                let operand = self.evaluate(operand)?;
                let index = self.evaluate(index)?;
                self.index(operand, index, *optional)
            }
            Expression::And(terms) => self.terms(terms, false),
            Expression::Or(terms) => self.terms(terms, true),
            Expression::Not(operand) => match self.evaluate(operand)? {
                Value::Bool(value) => Ok(Value::Bool(!value)),
                other => Err(no_overload("!", &[other])),
            },
            Expression::Ternary(parts) => {
                let [condition, then, otherwise] = &**parts;
                match self.evaluate(condition)? {
                    Value::Bool(true) => self.evaluate(then),
                    Value::Bool(false) => self.evaluate(otherwise),
                    other => Err(no_overload("?:", &[other])),
                }
            }
            Expression::Compare { operator, operands } => {
                let [left, right] = &**operands;
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                self.compare(*operator, left, right)
            }
            Expression::Call { name, overloads, args } => self.call(name, overloads, args),
            Expression::List(items) => self.list(items),
            Expression::Map(entries) => self.map(entries),
            Expression::Fold(fold) => self.fold(fold),
            Expression::OptionalMap { operand, body, flat } => match self.evaluate(operand)? {
                Value::Optional(None) => Ok(Value::Optional(None)),
                Value::Optional(Some(inner)) => {
                    let value = self.with(&[*inner], body)?;
                    match value {
                        Value::Optional(_) if *flat => Ok(value),
                        _ if *flat => Err(no_overload("optFlatMap", &[value])),
                        _ => self.arena().some(value),
                    }
                }
                other => Err(no_overload("optMap", &[other])),
            },
            Expression::Watched { operand, seen } => {
                // Looking on costs no step: what is watched must end as it does elsewhere.
                self.steps += 1;
                let value = self.evaluate(operand);
                seen.note(if let Ok(Value::Bool(value)) = &value { Some(*value) } else { None });
                value
            }
        }
    }

    /// Evaluates `body` with these variables.
    fn with(&mut self, values: &[Value<'a>], body: &'a Expression) -> Evaluated<'a> {
        let depth = self.locals.len();
        self.locals.extend_from_slice(values);
        let value = self.evaluate(body);
        self.locals.truncate(depth);
        value
    }

    /// A chain that ends at the first term that is `decisive`. An error before it does not matter.
    fn terms(&mut self, terms: &'a [Expression], decisive: bool) -> Evaluated<'a> {
        let mut error = None;
        for term in terms {
            match self.evaluate(term) {
                Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Ok(other) => {
                    error.get_or_insert(no_overload(if decisive { "||" } else { "&&" }, &[other]));
                }
                Err(fault) if fault.is_final() => return Err(fault),
                Err(fault) => {
                    error.get_or_insert(fault);
                }
            }
        }
        error.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn select(&mut self, operand: Value<'a>, field: &str, optional: bool) -> Evaluated<'a> {
        match operand {
            Value::Map(map) => {
                self.charge(map.entries().len() as u64 / 16)?;
                match (map.field(field), optional) {
                    (Some(value), false) => Ok(value),
                    (Some(value), true) => self.arena().some(value),
                    (None, true) => Ok(Value::Optional(None)),
                    (None, false) => Err(no_key(&Value::String(field))),
                }
            }
            Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => match inner {
                // What is selected from an optional is one itself.
                Value::Map(_) => self.select(*inner, field, true),
                other => Err(no_overload(field, &[*other])),
            },
            _ if optional => Ok(Value::Optional(None)),
            other => Err(Fault::Error(format!("a {} has no field {field:?}", other.type_name()))),
        }
    }

    fn has(&mut self, operand: Value<'a>, field: &str) -> Evaluated<'a> {
        match operand {
            Value::Map(map) => {
                self.charge(map.entries().len() as u64 / 16)?;
                Ok(Value::Bool(map.field(field).is_some()))
            }
            Value::Optional(Some(inner)) => self.has(*inner, field),
            _ => Ok(Value::Bool(false)),
        }
    }

    fn index(&mut self, operand: Value<'a>, index: Value<'a>, optional: bool) -> Evaluated<'a> {
        let found = match operand {
            Value::Map(map) => {
                self.charge(map.entries().len() as u64 / 16)?;
                map.get(&index).ok_or_else(|| no_key(&index))
            }
            Value::List(items) => item(items, &index),
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => return self.index(*inner, index, true),
            other => return Err(no_overload("[]", &[other, index])),
        };
        match (found, optional) {
            (found, false) => found,
            (Ok(value), true) => self.arena().some(value),
            (Err(_), true) => Ok(Value::Optional(None)),
        }
    }

    fn compare(&mut self, operator: Operator, left: Value<'a>, right: Value<'a>) -> Evaluated<'a> {
        let limit = self.steps.saturating_add(1);
        if matches!(operator, Operator::Equal | Operator::NotEqual) {
            self.charge(left.deep_weight(limit).min(right.deep_weight(limit)) - 1)?;
            return Ok(Value::Bool(left.equals(&right) == (operator == Operator::Equal)));
        }
        if operator == Operator::In {
            self.charge(right.deep_weight(limit) - 1)?;
            return match right {
                Value::List(items) => Ok(Value::Bool(items.iter().any(|item| item.equals(&left)))),
                Value::Map(map) => Ok(Value::Bool(map.get(&left).is_some())),
                other => Err(no_overload("in", &[left, other])),
            };
        }
        self.charge(left.weight() - 1)?;
        let order = match left.compare(&right) {
            Some(order) => order,
            None if is_number(&left) && is_number(&right) => {
                return Err(Fault::Error("what is not a number has no order".to_owned()));
            }
            None => return Err(no_overload(operator.as_str(), &[left, right])),
        };
        Ok(Value::Bool(match operator {
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            _ => order != Ordering::Less,
        }))
    }

    fn call(
        &mut self,
        name: &str,
        overloads: &[&'static Overload],
        args: &'a [Expression],
    ) -> Evaluated<'a> {
        let mut values = [Value::Null; ARGUMENTS];
        for (place, arg) in values.iter_mut().zip(args) {
            *place = self.evaluate(arg)?;
        }
        let values = &values[..args.len().min(ARGUMENTS)];
        for overload in overloads {
            if overload.params.iter().zip(values).all(|(declared, value)| value.is_a(declared)) {
                return (overload.call)(self, values);
            }
        }
        Err(no_overload(name, values))
    }

    fn list(&mut self, items: &'a [(bool, Expression)]) -> Evaluated<'a> {
        let mut values = Vec::with_capacity(items.len());
        for (optional, item) in items {
            match self.evaluate(item)? {
                Value::Optional(value) if *optional => values.extend(value),
                other if *optional => return Err(no_overload("[?]", &[other])),
                value => values.push(value),
            }
        }
        self.arena().list(&values)
    }

    fn map(&mut self, entries: &'a [(bool, Expression, Expression)]) -> Evaluated<'a> {
        let mut values: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for (optional, key, value) in entries {
            let key = self.evaluate(key)?;
            if matches!(key, Value::List(_) | Value::Map(_)) {
                return Err(Fault::Error(format!("a {} cannot be a key", key.type_name())));
            }
            let value = match self.evaluate(value)? {
                Value::Optional(None) if *optional => continue,
                Value::Optional(Some(value)) if *optional => *value,
                other if *optional => return Err(no_overload("{?:}", &[other])),
                value => value,
            };
            // The last one counts, as upstream has it.
            match values.iter_mut().find(|(known, _)| known.equals(&key)) {
                Some(entry) => *entry = (key, value),
                None => values.push((key, value)),
            }
        }
        self.arena().map(&values)
    }

    fn fold(&mut self, fold: &'a Fold) -> Evaluated<'a> {
        let range = self.evaluate(&fold.range)?;
        let mut state =
            State { fold, made: Vec::new(), entries: Vec::new(), count: 0, error: None };
        match range {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
                    if self.turn(&mut state, index, *item, *item)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, value) in map.entries() {
                    if self.turn(&mut state, *key, *value, *key)? {
                        break;
                    }
                }
            }
            other => {
                let of = other.type_name();
                return Err(Fault::Error(format!("a {of} is neither a list nor a map to go over")));
            }
        }
        state.finish(self)
    }

    /// One turn; `only` is what a macro with one variable sees. `true` ends the fold.
    fn turn(
        &mut self,
        state: &mut State<'a>,
        first: Value<'a>,
        second: Value<'a>,
        only: Value<'a>,
    ) -> Result<bool, Fault> {
        let (fold, both, one) = (state.fold, [first, second], [only]);
        let values: &[Value<'a>] = if fold.two { &both } else { &one };
        if let Some(condition) = &fold.condition {
            match self.with(values, condition)? {
                Value::Bool(true) => {}
                Value::Bool(false) => return Ok(false),
                other => return Err(no_overload("?:", &[other])),
            }
        }
        let body = self.with(values, &fold.body);
        if matches!(fold.kind, FoldKind::All | FoldKind::Exists) {
            return state.quantify(body);
        }
        let body = body?;
        // What is kept is copied at the end.
        self.charge(1)?;
        self.room_for(state.made.len() + 2 * state.entries.len())?;
        match (fold.kind, body) {
            (FoldKind::ExistsOne, Value::Bool(holds)) => state.count += usize::from(holds),
            (FoldKind::Filter, Value::Bool(true)) => state.made.push(only),
            (FoldKind::Filter, Value::Bool(false)) => {}
            (FoldKind::ExistsOne | FoldKind::Filter, other) => {
                return Err(no_overload("?:", &[other]));
            }
            (FoldKind::Map, value) => state.entries.push((first, value)),
            (FoldKind::MapEntry, Value::Map(Map(entries))) => {
                for (key, value) in entries {
                    self.charge(state.entries.len() as u64 / 16)?;
                    if state.entries.iter().any(|(known, _)| known.equals(key)) {
                        return Err(Fault::Error(format!("key {} stands twice", key.shown())));
                    }
                    state.entries.push((*key, *value));
                }
            }
            (FoldKind::MapEntry, other) => return Err(no_overload("transformMapEntry", &[other])),
            (FoldKind::SortBy, key) => state.entries.push((key, only)),
            (_, value) => state.made.push(value),
        }
        Ok(false)
    }
}

/// What the turns so far have come to.
struct State<'a> {
    fold: &'a Fold,
    made: Vec<Value<'a>>,
    entries: Vec<(Value<'a>, Value<'a>)>,
    count: usize,
    error: Option<Fault>,
}

impl<'a> State<'a> {
    /// `all` ends at the first `false`, `exists` at the first `true`; an error before does not matter.
    fn quantify(&mut self, body: Evaluated<'a>) -> Result<bool, Fault> {
        let decisive = self.fold.kind == FoldKind::Exists;
        match body {
            Ok(Value::Bool(value)) => {
                self.count += usize::from(value == decisive);
                return Ok(value == decisive);
            }
            Ok(other) => {
                self.error.get_or_insert(no_overload("&&", &[other]));
            }
            Err(fault) if fault.is_final() => return Err(fault),
            Err(fault) => {
                self.error.get_or_insert(fault);
            }
        }
        Ok(false)
    }

    fn finish(mut self, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
        let arena = frame.arena();
        match self.fold.kind {
            FoldKind::All | FoldKind::Exists => {
                let decisive = self.fold.kind == FoldKind::Exists;
                match self.error {
                    _ if self.count > 0 => Ok(Value::Bool(decisive)),
                    Some(error) => Err(error),
                    None => Ok(Value::Bool(!decisive)),
                }
            }
            FoldKind::ExistsOne => Ok(Value::Bool(self.count == 1)),
            FoldKind::Filter | FoldKind::List => arena.list(&self.made),
            FoldKind::Map | FoldKind::MapEntry => arena.map(&self.entries),
            FoldKind::SortBy => {
                super::library::sort(frame, &mut self.entries)?;
                let items: Vec<Value<'a>> = self.entries.iter().map(|(_, item)| *item).collect();
                arena.list(&items)
            }
        }
    }
}

fn item<'a>(items: &'a [Value<'a>], index: &Value<'_>) -> Evaluated<'a> {
    let place = super::convert::index(index)?;
    let found = usize::try_from(place).ok().and_then(|place| items.get(place));
    found.copied().ok_or_else(|| Fault::Error(format!("index out of bounds: {place}")))
}

fn is_number(value: &Value<'_>) -> bool {
    matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_))
}

fn no_key(key: &Value<'_>) -> Fault {
    Fault::Error(format!("no such key: {}", key.shown()))
}

/// What is said where no function takes values of these types.
pub(super) fn no_overload(name: &str, values: &[Value<'_>]) -> Fault {
    let types: Vec<&str> = values.iter().map(Value::type_name).collect();
    Fault::Error(format!("{name} takes no {}", types.join(", ")))
}
