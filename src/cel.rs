//! The Common Expression Language, with the names, types and meaning that Kubernetes gives it for admission.
//!
//! An expression is read ([`parse`]), its names and types are checked against an [`Environment`], and the
//! [`Program`] that is left can be asked any number of times. Nothing here overflows a stack, grows past its
//! bound or runs past its budget, whatever the expression and the object are: length, depth and number of
//! parts are bounded before checking, and what an evaluation costs is counted while it runs.
//!
//! Why the language is read and evaluated here and not by a crate is in `docs/architecture.md`.

mod arena;
mod ast;
mod check;
mod convert;
mod environment;
mod evaluate;
mod expression;
mod fields;
mod input;
mod lexer;
mod library;
mod moment;
mod parse;
mod print;
mod program;
mod types;
mod value;
mod watch;

#[cfg(test)]
mod tests;

pub use arena::{Bounds, Memory};
pub use check::NO_AUTHORIZER;
pub use environment::{Environment, Root, Variable};
pub use library::{function_names, functions, functions_named};
pub use program::{Activation, Answer, Fault, Problem, Program, Scope, Session};
pub use types::Type;
pub use watch::{Branch, Outcomes, Seen};
