//! An expression as it was written: the tree between the parser and the checker.

/// One part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Where it starts, in bytes.
    pub(super) at: usize,
    /// How many parts stand one under the other here, this one included.
    pub(super) depth: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Literal(Literal),
    Ident(String),
    /// `operand.field`, or `operand.?field`.
    Select {
        operand: Box<Node>,
        field: String,
        optional: bool,
    },
    /// `operand[index]`, or `operand[?index]`.
    Index {
        operand: Box<Node>,
        index: Box<Node>,
        optional: bool,
    },
    Call {
        target: Option<Box<Node>>,
        name: String,
        args: Vec<Node>,
    },
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary {
        operator: Operator,
        left: Box<Node>,
        right: Box<Node>,
    },
    /// Terms of one chain of `&&`.
    And(Vec<Node>),
    /// Terms of one chain of `||`.
    Or(Vec<Node>),
    Ternary {
        condition: Box<Node>,
        then: Box<Node>,
        otherwise: Box<Node>,
    },
    /// Items, and whether each is an optional (`?item`).
    List(Vec<(bool, Node)>),
    /// Entries, and whether each is an optional (`?key: value`).
    Map(Vec<(bool, Node, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(String),
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Operator {
    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}

impl Node {
    /// Where its first part stands; `at` is the place of its own sign.
    pub(super) fn start(&self) -> usize {
        match &self.kind {
            Kind::Select { operand, .. } | Kind::Index { operand, .. } => operand.start(),
            Kind::Call { target: Some(target), .. } => target.start(),
            Kind::Binary { left, .. } => left.start(),
            Kind::And(terms) | Kind::Or(terms) => terms.first().map_or(self.at, Self::start),
            Kind::Ternary { condition, .. } => condition.start(),
            _ => self.at,
        }
    }

    /// The dotted name that this spells: `a`, or `a.b.c`.
    pub(super) fn qualified(&self) -> Option<String> {
        match &self.kind {
            Kind::Ident(name) => Some(name.clone()),
            Kind::Select { operand, field, optional: false } => {
                Some(format!("{}.{field}", operand.qualified()?))
            }
            _ => None,
        }
    }
}
