//! Where values live while expressions are evaluated: memory that is given back all at once, and never grows
//! past its bound. Values are plain references into it, so copying and dropping them costs nothing.

use bumpalo::Bump;

use super::program::Fault;
use super::value::{Map, Value};

/// What one judgement may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Steps of one expression; one is about the evaluation of one part of it.
    pub steps: u64,
    /// Steps of all expressions of one judgement.
    pub total_steps: u64,
    /// Bytes for everything that the expressions of one judgement make.
    pub bytes: usize,
    /// Bytes for the objects that they read.
    pub input_bytes: usize,
}

impl Default for Bounds {
    /// Kubernetes' own budget of an expression and of a policy, and room for the largest review.
    fn default() -> Self {
        Self { steps: 1_000_000, total_steps: 10_000_000, bytes: 16 << 20, input_bytes: 128 << 20 }
    }
}

/// Memory for one judgement.
#[derive(Debug)]
pub struct Memory {
    pub(super) made: Arena,
    pub(super) read: Arena,
    pub(super) bounds: Bounds,
}

impl Memory {
    /// Memory within `bounds`.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { made: Arena::new(bounds.bytes), read: Arena::new(bounds.input_bytes), bounds }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Bounds::default())
    }
}

/// Memory with a bound.
#[derive(Debug)]
pub(super) struct Arena(Bump);

impl Arena {
    fn new(bytes: usize) -> Self {
        let bump = Bump::new();
        bump.set_allocation_limit(Some(bytes));
        Self(bump)
    }

    pub(super) fn text(&self, text: &str) -> Result<&str, Fault> {
        self.0.try_alloc_str(text).map(|text| &*text).map_err(|_| Fault::Memory)
    }

    pub(super) fn slice<T: Copy>(&self, items: &[T]) -> Result<&[T], Fault> {
        self.0.try_alloc_slice_copy(items).map(|items| &*items).map_err(|_| Fault::Memory)
    }

    pub(super) fn one<T: Copy>(&self, item: T) -> Result<&T, Fault> {
        self.0.try_alloc(item).map(|item| &*item).map_err(|_| Fault::Memory)
    }

    pub(super) fn list<'a>(&'a self, items: &[Value<'a>]) -> Result<Value<'a>, Fault> {
        self.slice(items).map(Value::List)
    }

    pub(super) fn map<'a>(
        &'a self,
        entries: &[(Value<'a>, Value<'a>)],
    ) -> Result<Value<'a>, Fault> {
        Ok(Value::Map(Map(self.slice(entries)?)))
    }

    pub(super) fn some<'a>(&'a self, value: Value<'a>) -> Result<Value<'a>, Fault> {
        Ok(Value::Optional(Some(self.one(value)?)))
    }
}
