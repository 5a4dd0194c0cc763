//! Tells of what is stored, as it is stored: of each record once, whichever replica sent it and however often.

use futures_util::future::BoxFuture;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;

use super::chain::ChainId;
use super::destination::{AppendError, Destination};
use super::entry::Entry;
use super::store::Store;

/// Records that may wait to be told of. Past it they are not, and are counted: nothing waits for whoever listens.
const WAITING: usize = 4096;

/// A store that tells of what it takes in.
#[derive(Debug, Clone)]
pub struct Announcing {
    store: Store,
    listener: mpsc::Sender<Entry>,
    untold: Counter,
}

impl Announcing {
    /// `store`, and where its new records are told of. `untold` counts those that are not.
    #[must_use]
    pub fn new(store: Store, untold: Counter) -> (Self, mpsc::Receiver<Entry>) {
        let (listener, told) = mpsc::channel(WAITING);
        (Self { store, listener, untold }, told)
    }
}

impl Destination for Announcing {
    fn append<'a>(
        &'a self,
        chain: &'a ChainId,
        lines: &'a str,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        Box::pin(async move {
            let appended = self.store.append(chain, lines).await?;
            for entry in appended.new {
                if self.listener.try_send(entry).is_err() {
                    self.untold.inc();
                }
            }
            Ok(appended.last)
        })
    }
}
