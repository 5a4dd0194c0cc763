//! Where records belong in the end: the store, in this process or behind the controller.

use std::fmt;

use futures_util::future::BoxFuture;

use super::chain::ChainId;

/// Takes records for good.
pub trait Destination: fmt::Debug + Send + Sync {
    /// Takes whole lines of one chain, in order, as text with a newline behind each. What it has already is no harm: it is
    /// sent again after every doubt. Returns the number of the last of them once all are safe.
    fn append<'a>(
        &'a self,
        chain: &'a ChainId,
        lines: &'a str,
    ) -> BoxFuture<'a, Result<u64, AppendError>>;
}

/// Why records were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// They can be sent again as they are.
    #[error("{0}")]
    Later(String),
    /// They will never be taken: something in them is wrong.
    #[error("{0}")]
    Never(String),
}
