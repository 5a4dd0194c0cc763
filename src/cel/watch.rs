//! Which ways an expression is taken, for whoever wants to know whether cases try all of them.
//!
//! Only an expression that is compiled to be watched notes anything, by parts that it then has beside its own. Others
//! have none of them, and pay nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// An operand that decides which way an expression takes.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Where it starts, in bytes.
    pub at: usize,
    /// `&&`, `||` or `?:`.
    pub operator: &'static str,
    /// Which operand of it, from 1.
    pub number: usize,
    /// What it gave.
    pub seen: Arc<Seen>,
}

/// What something that is true or false turned out to be.
#[derive(Debug, Default)]
pub struct Seen(AtomicU8);

/// What it turned out to be since somebody last looked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// It was asked, whatever came of it.
    pub asked: bool,
    /// It was true.
    pub was_true: bool,
    /// It was false.
    pub was_false: bool,
}

const ASKED: u8 = 1;
const TRUE: u8 = 2;
const FALSE: u8 = 4;

impl Seen {
    /// Notes what it is now; `None` where it is neither.
    pub fn note(&self, value: Option<bool>) {
        let found = match value {
            Some(true) => TRUE,
            Some(false) => FALSE,
            None => 0,
        };
        self.0.fetch_or(ASKED | found, Ordering::Relaxed);
    }

    /// What it was since this was last asked.
    #[must_use]
    pub fn take(&self) -> Outcomes {
        let found = self.0.swap(0, Ordering::Relaxed);
        Outcomes {
            asked: found & ASKED != 0,
            was_true: found & TRUE != 0,
            was_false: found & FALSE != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cel::{
        Activation, Bounds, Environment, Fault, Memory, Program, Root, Session, Type,
    };

    fn compile(source: &str, watched: bool) -> Program {
        let environment = Environment { watched, ..Environment::default() };
        Program::compile(source, &environment, &Type::Dyn).unwrap()
    }

    fn answer(program: &Program, object: &str, steps: u64) -> Result<String, Fault> {
        let memory = Memory::new(Bounds { steps, ..Bounds::default() });
        let activation = Activation {
            object: Some(object),
            roots: &Root::OF_POD_POLICY,
            ..Activation::default()
        };
        let session = Session::new(&memory, activation, &|_| false);
        program.evaluate(&session.scope(&[], None)).map(|answer| answer.to_string())
    }

    /// Operator, operand, the text from its start on, and what it was.
    fn seen<'s>(
        source: &'s str,
        objects: &[&str],
    ) -> Vec<(&'static str, usize, &'s str, Outcomes)> {
        let program = compile(source, true);
        for object in objects {
            let _ = answer(&program, object, u64::MAX);
        }
        let branch = |b: &Branch| (b.operator, b.number, &source[b.at..], b.seen.take());
        program.branches().iter().map(branch).collect()
    }

    fn outcomes(source: &str, object: &str) -> Vec<Outcomes> {
        seen(source, &[object]).into_iter().map(|(.., outcomes)| outcomes).collect()
    }

    const NEITHER: Outcomes = Outcomes { asked: true, was_true: false, was_false: false };
    const TRUE: Outcomes = Outcomes { was_true: true, ..NEITHER };
    const FALSE: Outcomes = Outcomes { was_false: true, ..NEITHER };
    const BOTH: Outcomes = Outcomes { was_true: true, ..FALSE };

    #[test]
    fn each_operand_tells_what_it_was_and_where_it_starts() {
        let source = "has(object.a) && (object.a.b == 1 || !(object.a.size() > 3))";
        assert_eq!(
            seen(source, &["{}", r#"{"a": {"b": 1}}"#, r#"{"a": {"b": 2}}"#]),
            [
                ("&&", 1, source, BOTH),
                ("||", 1, &source[18..], BOTH),
                ("||", 2, &source[37..], TRUE),
                ("&&", 2, &source[18..], TRUE),
            ]
        );
        let source = "object.a ? true : object.b";
        assert_eq!(seen(source, &[r#"{"a": true}"#]), [("?:", 1, source, TRUE)]);
        // What has no answer is neither, and what a term before it decides is not asked.
        let source = "object.a || object.b";
        assert_eq!(
            seen(source, &[r#"{"a": true}"#]),
            [("||", 1, source, TRUE), ("||", 2, "object.b", Outcomes::default())]
        );
        assert_eq!(outcomes(source, "{}"), [NEITHER, NEITHER]);
    }

    #[test]
    fn an_argument_that_is_looked_at_twice_is_told_once() {
        let source = "'%s'.format([true && object.a])";
        assert_eq!(outcomes(source, r#"{"a": true}"#), [TRUE, TRUE]);
    }

    #[test]
    fn who_is_not_watched_has_nothing_to_tell() {
        let program = compile("object.a && object.b", false);
        assert!(program.branches().is_empty() && program.seen().is_none());
    }

    /// Whatever the bound is, so that what passes a test that is watched passes in the webhook.
    #[test]
    fn looking_on_changes_no_answer() {
        let source = "object.a.all(x, x > 0 && (x < 9 || x == 12) ? true : false)";
        let object = r#"{"a": [1, 2, 12, 3]}"#;
        let (plain, watched) = (compile(source, false), compile(source, true));
        let mut ends = Vec::new();
        for steps in 0..120 {
            let expected = answer(&plain, object, steps);
            assert_eq!(answer(&watched, object, steps), expected, "{steps} steps");
            ends.push(expected.is_ok());
        }
        assert!(ends.contains(&true) && ends.contains(&false), "both sides of the bound are tried");
    }
}
