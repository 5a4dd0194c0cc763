//! What an expression may ask of the pod beside its fields. This family is Podgate's own.

use super::{Evaluated, Row, member, text};
use crate::cel::evaluate::Frame;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[member("pod.violates(string) -> bool", violates)];

/// Whether the pod breaks a built-in rule as it stands without arguments.
fn violates<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    // About what one rule costs on a pod of common size.
    frame.charge(100)?;
    Ok(Value::Bool(frame.session.violates(text(args, 1))))
}
