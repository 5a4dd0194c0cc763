//! Which process writes a record.

use super::chain::ChainId;

/// Which process writes a record. All of its records are one chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// This start of the process.
    pub boot: String,
    /// The cluster; empty where nobody said.
    pub cluster: String,
    /// The replica.
    pub replica: String,
}

impl Instance {
    /// A start of `replica` that was never before.
    #[must_use]
    pub fn boot(cluster: String, replica: String) -> Self {
        Self { boot: uuid::Uuid::now_v7().to_string(), cluster, replica }
    }

    /// The chain that it writes.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        ChainId { replica: self.replica.clone(), boot: self.boot.clone() }
    }
}
