//! Tokens into a tree, by precedence climbing. Chains are read in loops, so only brackets and operators that
//! stand inside one another take stack, and those are bounded.

use super::ast::{Kind, Literal, Node, Operator};
use super::lexer::{Lexer, Token};
use super::program::Problem;

/// The longest expression, in bytes.
pub(super) const LENGTH: usize = 16 * 1024;
/// How many brackets may stand inside one another.
const NESTING: usize = 64;
/// How many parts may stand one under the other, chains of calls and operators among them.
const DEPTH: usize = 160;

/// Words that CEL keeps for later.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Reads `source`.
pub(super) fn parse(source: &str) -> Result<Node, Problem> {
    if source.trim().is_empty() {
        return Err(Problem::new(0, "is empty", "write a CEL expression"));
    }
    if source.len() > LENGTH {
        let message = format!("is {} bytes long, more than {LENGTH}", source.len());
        return Err(Problem::new(0, message, "give its parts names under `variables`"));
    }
    let mut lexer = Lexer::new(source);
    let (at, token) = lexer.next()?;
    let mut parser = Parser { lexer, at, token, nesting: 0 };
    let node = parser.expression()?;
    match parser.token {
        Token::End => Ok(node),
        _ => Err(parser.unexpected("the end, or an operator")),
    }
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    at: usize,
    token: Token,
    nesting: usize,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<Token, Problem> {
        let (at, token) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.token, Token::Sign(found) if found == sign)
    }

    /// Takes `sign` where it comes next.
    fn eat(&mut self, sign: &str) -> Result<bool, Problem> {
        let found = self.is(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, sign: &str) -> Result<(), Problem> {
        if self.eat(sign)? { Ok(()) } else { Err(self.unexpected(&format!("{sign:?}"))) }
    }

    fn unexpected(&self, wanted: &str) -> Problem {
        let found = match &self.token {
            Token::End => "it ends here".to_owned(),
            Token::Sign(sign) => format!("{sign:?} stands here"),
            Token::Ident(name) | Token::Escaped(name) => format!("{name:?} stands here"),
            Token::In => "\"in\" stands here".to_owned(),
            Token::Literal(_) => "a value stands here".to_owned(),
        };
        Problem::new(self.at, format!("{found}, where {wanted} was expected"), "")
    }

    /// Reads what is inside a bracket, or after an operator that binds it.
    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if self.nesting >= NESTING {
            let message = format!("more than {NESTING} parts stand inside one another");
            return Err(Problem::new(self.at, message, "give parts names under `variables`"));
        }
        self.nesting += 1;
        let read = read(self);
        self.nesting -= 1;
        read
    }

    fn expression(&mut self) -> Result<Node, Problem> {
        self.nested(|parser| {
            let condition = parser.or()?;
            let at = parser.at;
            if !parser.eat("?")? {
                return Ok(condition);
            }
            let then = parser.or()?;
            parser.expect(":")?;
            let otherwise = parser.expression()?;
            let [condition, then, otherwise] = [condition, then, otherwise].map(Box::new);
            node(at, Kind::Ternary { condition, then, otherwise })
        })
    }

    fn or(&mut self) -> Result<Node, Problem> {
        self.chain("||", Self::and, Kind::Or)
    }

    fn and(&mut self) -> Result<Node, Problem> {
        self.chain("&&", |parser| parser.binary(0), Kind::And)
    }

    fn chain(
        &mut self,
        sign: &str,
        term: impl Fn(&mut Self) -> Result<Node, Problem>,
        kind: fn(Vec<Node>) -> Kind,
    ) -> Result<Node, Problem> {
        let first = term(self)?;
        if !self.is(sign) {
            return Ok(first);
        }
        let (at, mut terms) = (self.at, vec![first]);
        while self.eat(sign)? {
            terms.push(term(self)?);
        }
        node(at, kind(terms))
    }

    /// Comparisons, sums and products, all of them read from the left.
    fn binary(&mut self, level: usize) -> Result<Node, Problem> {
        let operators: &[Operator] = match level {
            0 => &[
                Operator::Equal,
                Operator::NotEqual,
                Operator::Less,
                Operator::LessOrEqual,
                Operator::Greater,
                Operator::GreaterOrEqual,
                Operator::In,
            ],
            1 => &[Operator::Add, Operator::Subtract],
            2 => &[Operator::Multiply, Operator::Divide, Operator::Modulo],
            _ => return self.unary(),
        };
        let mut left = self.binary(level + 1)?;
        loop {
            let sign = match &self.token {
                Token::Sign(sign) => sign,
                Token::In => "in",
                _ => return Ok(left),
            };
            let Some(operator) = operators.iter().copied().find(|o| o.as_str() == sign) else {
                return Ok(left);
            };
            let at = self.at;
            self.advance()?;
            let right = Box::new(self.binary(level + 1)?);
            left = node(at, Kind::Binary { operator, left: Box::new(left), right })?;
        }
    }

    /// An even number of signs cancels out, as upstream has it.
    fn unary(&mut self) -> Result<Node, Problem> {
        let at = self.at;
        let mut count = 0;
        if self.is("!") {
            while self.eat("!")? {
                count += 1;
            }
            let operand = self.member()?;
            return if count % 2 == 0 {
                Ok(operand)
            } else {
                node(at, Kind::Not(Box::new(operand)))
            };
        }
        while self.eat("-")? {
            count += 1;
        }
        let is_number = matches!(self.token, Token::Literal(Literal::Int(_) | Literal::Double(_)));
        let operand = if count == 1 && is_number {
            // The sign belongs to the number, so that the smallest one can be written.
            let negative = match self.advance()? {
                Token::Literal(Literal::Int(number)) => Literal::Int(number.wrapping_neg()),
                Token::Literal(Literal::Double(number)) => Literal::Double(-number),
                _ => return Err(self.unexpected("a number")),
            };
            let negative = node(at, Kind::Literal(negative))?;
            return self.members(negative);
        } else {
            self.member()?
        };
        if count % 2 == 0 { Ok(operand) } else { node(at, Kind::Negate(Box::new(operand))) }
    }

    fn member(&mut self) -> Result<Node, Problem> {
        let primary = self.primary()?;
        self.members(primary)
    }

    /// What hangs on `operand`: fields, calls and indices.
    fn members(&mut self, mut operand: Node) -> Result<Node, Problem> {
        loop {
            let at = self.at;
            if self.eat(".")? {
                let optional = self.eat("?")?;
                let (field, escaped) = match self.advance()? {
                    Token::Ident(name) => (name, false),
                    Token::Escaped(name) => (name, true),
                    _ => return Err(Problem::new(at, "no name follows the point", "")),
                };
                operand = if self.is("(") && !optional && !escaped {
                    self.advance()?;
                    let args = self.list(")", Self::expression)?;
                    node(at, Kind::Call { target: Some(Box::new(operand)), name: field, args })?
                } else {
                    node(at, Kind::Select { operand: Box::new(operand), field, optional })?
                };
            } else if self.eat("[")? {
                let optional = self.eat("?")?;
                let index = Box::new(self.expression()?);
                self.expect("]")?;
                operand = node(at, Kind::Index { operand: Box::new(operand), index, optional })?;
            } else if self.is("{") && operand.qualified().is_some() {
                let help = "an object of a type can only be made where a policy mutates; write a map: {'key': value}";
                return Err(Problem::new(at, "makes an object of a type", help));
            } else {
                return Ok(operand);
            }
        }
    }

    fn primary(&mut self) -> Result<Node, Problem> {
        let at = self.at;
        if self.eat("(")? {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.eat("[")? {
            let items = self.list("]", |parser| Ok((parser.eat("?")?, parser.expression()?)))?;
            return node(at, Kind::List(items));
        }
        if self.eat("{")? {
            let entries = self.list("}", |parser| {
                let optional = parser.eat("?")?;
                let key = parser.expression()?;
                parser.expect(":")?;
                Ok((optional, key, parser.expression()?))
            })?;
            return node(at, Kind::Map(entries));
        }
        if self.is(".") {
            self.advance()?;
        }
        if !matches!(self.token, Token::Literal(_) | Token::Ident(_)) {
            return Err(self.unexpected("a value"));
        }
        match self.advance()? {
            Token::Literal(Literal::Int(i64::MIN)) => Err(Problem::new(
                at,
                "9223372036854775808 is too large",
                "append u for an unsigned number",
            )),
            Token::Literal(literal) => node(at, Kind::Literal(literal)),
            Token::Ident(name) if RESERVED.contains(&name.as_str()) => {
                Err(Problem::new(at, format!("{name:?} is a word that CEL keeps for itself"), ""))
            }
            Token::Ident(name) if self.eat("(")? => {
                let args = self.list(")", Self::expression)?;
                node(at, Kind::Call { target: None, name, args })
            }
            Token::Ident(name) => node(at, Kind::Ident(name)),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Items up to `close`, with commas between them; one may follow the last item of a list or a map.
    fn list<T>(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let mut items = Vec::new();
        // A comma may stand in an empty list or map, too.
        if close != ")" && self.eat(",")? {
            self.expect(close)?;
            return Ok(items);
        }
        while !self.eat(close)? {
            if !items.is_empty() {
                if !self.eat(",")? {
                    return Err(self.unexpected(&format!("\",\" or {close:?}")));
                }
                if close != ")" && self.eat(close)? {
                    break;
                }
            }
            items.push(item(self)?);
        }
        Ok(items)
    }
}

fn node(at: usize, kind: Kind) -> Result<Node, Problem> {
    let deepest =
        |nodes: &mut dyn Iterator<Item = &Node>| nodes.map(|n| n.depth).max().unwrap_or(0);
    let below = match &kind {
        Kind::Literal(_) | Kind::Ident(_) => 0,
        Kind::Select { operand, .. } | Kind::Not(operand) | Kind::Negate(operand) => operand.depth,
        Kind::Index { operand, index, .. } => operand.depth.max(index.depth),
        Kind::Call { target, args, .. } => deepest(&mut target.as_deref().into_iter().chain(args)),
        Kind::Binary { left, right, .. } => left.depth.max(right.depth),
        Kind::And(terms) | Kind::Or(terms) => deepest(&mut terms.iter()),
        Kind::Ternary { condition, then, otherwise } => {
            condition.depth.max(then.depth).max(otherwise.depth)
        }
        Kind::List(items) => deepest(&mut items.iter().map(|(_, item)| item)),
        Kind::Map(entries) => deepest(&mut entries.iter().flat_map(|(_, key, value)| [key, value])),
    };
    if below >= DEPTH {
        let message = format!("more than {DEPTH} parts hang on one another");
        return Err(Problem::new(at, message, "give parts names under `variables`"));
    }
    Ok(Node { at, depth: below + 1, kind })
}
