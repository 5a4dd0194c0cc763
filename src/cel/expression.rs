//! An expression whose names are resolved: what is evaluated.

use std::sync::Arc;

use super::ast::Operator;
use super::environment::Root;
use super::library::Overload;
use super::value::Value;
use super::watch::Seen;

#[derive(Debug)]
pub(super) enum Expression {
    Constant(Constant),
    /// A variable of a macro around it, by its place on the stack.
    Local(usize),
    Root(Root),
    /// A variable of the policy.
    Variable(usize),
    Select {
        operand: Box<Expression>,
        field: Box<str>,
        optional: bool,
    },
    Has {
        operand: Box<Expression>,
        field: Box<str>,
    },
    Index {
        operand: Box<Expression>,
        index: Box<Expression>,
        optional: bool,
    },
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Ternary(Box<[Expression; 3]>),
    /// `==`, `!=`, `<`, `<=`, `>`, `>=` and `in`.
    Compare {
        operator: Operator,
        operands: Box<[Expression; 2]>,
    },
    Call {
        name: &'static str,
        overloads: Vec<&'static Overload>,
        args: Vec<Expression>,
    },
    List(Vec<(bool, Expression)>),
    Map(Vec<(bool, Expression, Expression)>),
    Fold(Box<Fold>),
    /// `optMap` and `optFlatMap`.
    OptionalMap {
        operand: Box<Expression>,
        body: Box<Expression>,
        flat: bool,
    },
    /// An operand that notes what it gives. There is none where nobody asked for it.
    Watched {
        operand: Box<Expression>,
        seen: Arc<Seen>,
    },
}

/// A macro that goes over a list or a map.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Expression,
    /// Whether each turn has a key or an index besides.
    pub(super) two: bool,
    /// What a turn must hold to count, where that is asked.
    pub(super) condition: Option<Expression>,
    pub(super) body: Expression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    List,
    Map,
    MapEntry,
    SortBy,
}

/// A value that stands in the expression.
#[derive(Debug)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Box<str>),
    Bytes(Box<[u8]>),
    Type(&'static str),
}

impl Constant {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::Double(value) => Value::Double(*value),
            Self::String(text) => Value::String(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Type(name) => Value::Type(name),
        }
    }
}
