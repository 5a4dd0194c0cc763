//! A statement and its values, as both databases take them.

use jiff::Timestamp;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row as _};

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    NoText,
    NoNumber,
}

/// The longest text, in bytes, that a column is searched by: longer ones would not fit into an index. The line has it all.
const LONGEST: usize = 512;

/// A text as columns hold it that are searched by.
pub(super) fn searched(text: &str) -> String {
    // Postgres holds no NUL in a text, and no name of Kubernetes does. The line itself has it escaped.
    text[..text.floor_char_boundary(LONGEST)].replace('\0', "\u{fffd}")
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(searched(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::NoText, Self::from)
    }
}

/// A statement that is written piece by piece. Its text is only ever made of literals of this program: what comes from
/// outside is a value.
#[derive(Debug, Default)]
pub(super) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    pub(super) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// A value in this place.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        // Writing to a `String` cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut self.text, format_args!("${}", self.values.len()));
        self
    }

    /// Values in parentheses.
    pub(super) fn tuple<V: Into<Value>>(
        &mut self,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        self.push("(");
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self.push(")")
    }

    /// That `column` is one of `names`, in which `*` and `?` stand for any text and any character. Nothing, where there
    /// are none.
    pub(super) fn and_one_of(&mut self, column: &'static str, names: &[String]) -> &mut Self {
        if names.is_empty() {
            return self;
        }
        self.push(" AND (");
        for (place, name) in names.iter().enumerate() {
            if place > 0 {
                self.push(" OR ");
            }
            self.push(column);
            if name.contains(['*', '?']) {
                self.push(" LIKE ").bind(like(name).as_str()).push(r" ESCAPE '\'");
            } else {
                self.push(" = ").bind(name.as_str());
            }
        }
        self.push(")")
    }

    pub(super) fn query(&self) -> Query<'_, Any, AnyArguments> {
        let mut query = sqlx::query(AssertSqlSafe(self.text.clone()));
        for value in &self.values {
            query = match value {
                Value::Text(text) => query.bind(text.as_str()),
                Value::Number(number) => query.bind(*number),
                Value::NoText => query.bind(None::<&str>),
                Value::NoNumber => query.bind(None::<i64>),
            };
        }
        query
    }
}

/// A count or a number of a chain: never negative.
pub(super) fn number(row: &AnyRow, column: usize) -> Result<u64, sqlx::Error> {
    Ok(row.try_get::<i64, _>(column)?.cast_unsigned())
}

/// A moment, which stands as microseconds.
pub(super) fn moment(row: &AnyRow, column: usize) -> Result<Timestamp, sqlx::Error> {
    Ok(Timestamp::from_microsecond(row.try_get(column)?).unwrap_or_default())
}

/// The pattern of `LIKE` that a pattern with `*` and `?` is.
fn like(pattern: &str) -> String {
    let mut like = String::with_capacity(pattern.len());
    for char in pattern.chars() {
        match char {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '\\' => {
                like.push('\\');
                like.push(char);
            }
            char => like.push(char),
        }
    }
    like
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_those_of_like() {
        assert_eq!(like("pay*-?_100%\\"), r"pay%-_\_100\%\\");
    }

    #[test]
    fn values_are_numbered_in_their_order() {
        let mut sql = Sql::new("SELECT a FROM b WHERE TRUE");
        sql.and_one_of("c", &["x".to_owned(), "y*".to_owned()]).push(" AND d IN ").tuple([1, 2]);
        sql.and_one_of("e", &[]);
        let expected =
            r"SELECT a FROM b WHERE TRUE AND (c = $1 OR c LIKE $2 ESCAPE '\') AND d IN ($3, $4)";
        assert_eq!(sql.text, expected);
    }
}
