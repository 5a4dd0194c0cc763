//! An expression's text in tokens.

use super::ast::Literal;
use super::program::Problem;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Literal(Literal),
    /// A name. Words that CEL keeps for later are names here; the parser refuses them where they stand alone.
    Ident(String),
    /// A field's name between backticks.
    Escaped(String),
    /// `in`.
    In,
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Longest first.
const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", "(", ")",
    "[", "]", "{", "}", ",", ".", ";",
];

pub(super) struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source, at: 0 }
    }

    /// The next token and where it starts.
    pub(super) fn next(&mut self) -> Result<(usize, Token), Problem> {
        self.skip_space();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok((start, Token::End)) };
        let token = if first.is_ascii_digit() || (first == '.' && self.digit_follows(1)) {
            self.number()?
        } else if let Some(quoted) = self.quoted()? {
            quoted
        } else if first.is_ascii_alphabetic() || first == '_' {
            self.word()
        } else if first == '`' {
            self.escaped()?
        } else if let Some(sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            self.at += sign.len();
            Token::Sign(sign)
        } else {
            let help = match first {
                '&' => "write && for \"and\"",
                '|' => "write || for \"or\"",
                '=' => "write == to compare",
                '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' => "write plain quotes, ' or \"",
                _ => "",
            };
            return Err(Problem::new(start, format!("{first:?} means nothing here"), help));
        };
        Ok((start, token))
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn digit_follows(&self, after: usize) -> bool {
        self.rest().as_bytes().get(after).is_some_and(u8::is_ascii_digit)
    }

    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn word(&mut self) -> Token {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let word = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        self.at += word.len();
        match word {
            "true" => Token::Literal(Literal::Bool(true)),
            "false" => Token::Literal(Literal::Bool(false)),
            "null" => Token::Literal(Literal::Null),
            "in" => Token::In,
            _ => Token::Ident(word.to_owned()),
        }
    }

    fn escaped(&mut self) -> Result<Token, Problem> {
        let inner = &self.rest()[1..];
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-/ ".contains(c);
        let end = inner.find(|c| !is_part(c)).unwrap_or(inner.len());
        if end == 0 || !inner[end..].starts_with('`') {
            let help =
                "a name between backticks has letters, digits, '_', '.', '-', '/' and spaces";
            return Err(Problem::new(self.at, "the name between backticks does not end", help));
        }
        self.at += end + 2;
        Ok(Token::Escaped(inner[..end].to_owned()))
    }

    fn number(&mut self) -> Result<Token, Problem> {
        let (start, rest) = (self.at, self.rest());
        let digits =
            |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (mut length, mut is_double, mut radix) = (digits(rest), false, 10);
        if let Some(hex) = rest.strip_prefix("0x") {
            radix = 16;
            length = 2 + hex.len() - hex.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len();
        } else {
            if rest[length..].starts_with('.') && digits(&rest[length + 1..]) > 0 {
                length += 1 + digits(&rest[length + 1..]);
                is_double = true;
            }
            let exponent = rest[length..].strip_prefix(['e', 'E']);
            if let Some(exponent) = exponent {
                let sign = usize::from(exponent.starts_with(['+', '-']));
                if digits(&exponent[sign..]) > 0 {
                    length += 1 + sign + digits(&exponent[sign..]);
                    is_double = true;
                }
            }
        }
        let text = &rest[..length];
        self.at += length;
        let unsigned = !is_double && self.rest().starts_with(['u', 'U']);
        self.at += usize::from(unsigned);
        let too_large = |_| {
            let help = "numbers without a point are 64 bits wide";
            Problem::new(start, format!("{text} is too large"), help)
        };
        let integer = text.strip_prefix("0x").unwrap_or(text);
        let literal = if is_double {
            let number: f64 = text.parse().unwrap_or(f64::INFINITY);
            if number.is_infinite() {
                return Err(Problem::new(start, format!("{text} is too large for a double"), ""));
            }
            Literal::Double(number)
        } else if unsigned {
            Literal::Uint(u64::from_str_radix(integer, radix).map_err(too_large)?)
        } else {
            // The smallest of all is written with the sign that stands before it.
            match u64::from_str_radix(integer, radix) {
                Ok(number) if number == 1 << 63 => Literal::Int(i64::MIN),
                Ok(number) => Literal::Int(i64::try_from(number).map_err(|_| {
                    Problem::new(
                        start,
                        format!("{text} is too large"),
                        "append u for an unsigned number",
                    )
                })?),
                Err(error) => return Err(too_large(error)),
            }
        };
        Ok(Token::Literal(literal))
    }

    /// A string or bytes, where one starts here.
    fn quoted(&mut self) -> Result<Option<Token>, Problem> {
        let (start, rest) = (self.at, self.rest());
        let prefix = rest.len() - rest.trim_start_matches(['r', 'R', 'b', 'B']).len();
        let flags = rest[..prefix].to_ascii_lowercase();
        let body = &rest[prefix..];
        let quote = if body.starts_with("'''") {
            "'''"
        } else if body.starts_with("\"\"\"") {
            "\"\"\""
        } else if body.starts_with('\'') {
            "'"
        } else if body.starts_with('"') {
            "\""
        } else {
            return Ok(None);
        };
        if !matches!(flags.as_str(), "" | "r" | "b" | "br") {
            return Ok(None);
        }
        let raw = flags.contains('r');
        let content = &body[quote.len()..];
        let unclosed = || {
            let help = format!("close it with {quote}");
            Problem::new(start, "the string does not end", help)
        };
        let mut end = 0;
        loop {
            let tail = content.get(end..).ok_or_else(unclosed)?;
            let next = tail.chars().next().ok_or_else(unclosed)?;
            if tail.starts_with(quote) {
                break;
            }
            match next {
                '\\' if !raw => end += 1 + tail.chars().nth(1).map_or(1, char::len_utf8),
                '\n' | '\r' if quote.len() == 1 => return Err(unclosed()),
                _ => end += next.len_utf8(),
            }
        }
        let inner_at = start + prefix + quote.len();
        self.at = inner_at + end + quote.len();
        let inner = &content[..end];
        let literal = if flags.contains('b') {
            Literal::Bytes(if raw {
                inner.as_bytes().to_vec()
            } else {
                unescape_bytes(inner, inner_at)?
            })
        } else {
            Literal::String(if raw { inner.to_owned() } else { unescape(inner, inner_at)? })
        };
        Ok(Some(Token::Literal(literal)))
    }
}

/// A character, or one byte of its own.
enum Piece {
    Char(char),
    Byte(u8),
}

fn unescape(text: &str, at: usize) -> Result<String, Problem> {
    let mut out = String::with_capacity(text.len());
    pieces(text, at, true, |piece| match piece {
        Piece::Char(c) => out.push(c),
        Piece::Byte(byte) => out.push(char::from(byte)),
    })?;
    Ok(out)
}

fn unescape_bytes(text: &str, at: usize) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::with_capacity(text.len());
    pieces(text, at, false, |piece| match piece {
        Piece::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        Piece::Byte(byte) => out.push(byte),
    })?;
    Ok(out)
}

fn pieces(
    text: &str,
    at: usize,
    unicode: bool,
    mut take: impl FnMut(Piece),
) -> Result<(), Problem> {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let place = at + text.len() - rest.len();
        rest = &rest[first.len_utf8()..];
        if first != '\\' {
            take(Piece::Char(first));
            continue;
        }
        let bad = || {
            let help = "a backslash in a string starts \\n, \\t, \\\\, \\', \\\", \\xHH, \\uHHHH or \\ooo; for a \
                        pattern write r'…', where it stands for itself";
            Problem::new(place, "the escape is not one that CEL knows", help)
        };
        let kind = rest.chars().next().ok_or_else(bad)?;
        rest = &rest[kind.len_utf8()..];
        let simple = match kind {
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            '\\' | '?' | '"' | '\'' | '`' => Some(kind),
            _ => None,
        };
        if let Some(simple) = simple {
            take(Piece::Char(simple));
            continue;
        }
        let (digits, radix) = match kind {
            'x' | 'X' => (2, 16),
            'u' if unicode => (4, 16),
            'U' if unicode => (8, 16),
            '0'..='3' => (2, 8),
            _ => return Err(bad()),
        };
        let number = rest.get(..digits).ok_or_else(bad)?;
        rest = &rest[digits..];
        let number = if radix == 8 { format!("{kind}{number}") } else { number.to_owned() };
        if !number.chars().all(|c| c.is_digit(radix)) {
            return Err(bad());
        }
        let code = u32::from_str_radix(&number, radix).map_err(|_| bad())?;
        take(match u8::try_from(code) {
            Ok(byte) => Piece::Byte(byte),
            Err(_) => Piece::Char(char::from_u32(code).ok_or_else(bad)?),
        });
    }
    Ok(())
}
