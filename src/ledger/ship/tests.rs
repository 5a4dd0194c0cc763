use std::fs;
use std::path::Path;
use std::sync::Mutex;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::*;
use crate::ledger::chain::{ChainId, Head, append};
use crate::ledger::spool::{Options, Spool};
use crate::ledger::testing::Folder;
use crate::ledger::{Instance, mark};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Takes records, but for the first so many times, and never those of one boot.
#[derive(Debug, Default)]
struct Store {
    taken: Mutex<Vec<(String, u64)>>,
    fails: Mutex<u32>,
    refuses: Option<&'static str>,
}

impl Destination for Store {
    fn append<'a>(
        &'a self,
        chain: &'a ChainId,
        lines: &'a str,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        Box::pin(async move {
            let mut fails = self.fails.lock().unwrap();
            if *fails > 0 {
                *fails -= 1;
                return Err(AppendError::Later("away".to_owned()));
            }
            if self.refuses == Some(chain.boot.as_str()) {
                return Err(AppendError::Never("altered".to_owned()));
            }
            let seqs = lines.lines().map(|line| Entry::read(line).unwrap().head.seq);
            let mut taken = self.taken.lock().unwrap();
            taken.extend(seqs.map(|seq| (chain.boot.clone(), seq)));
            Ok(taken.last().map_or(0, |(_, seq)| *seq))
        })
    }
}

/// Writes so many records of `boot`, each into a segment of its own.
fn write(dir: &Path, boot: &str, count: u64) {
    let instance =
        Instance { boot: boot.to_owned(), cluster: String::new(), replica: "r".to_owned() };
    let mut options = Options::new(dir.to_owned());
    options.segment_bytes = 1;
    let (mut spool, _) = Spool::open(options, boot).unwrap();
    let mut head = Head::START;
    for n in 0..count {
        let mut line = Vec::new();
        append(&mut line, &mut head, &mark::gap(&instance, NOW, n, NOW, "any"));
        spool.append(head.seq, &line, NOW).unwrap();
    }
}

/// Ships what is there, with a writer that has ended.
async fn ship(dir: &Path, boot: &str, store: &Arc<Store>, failing: bool) -> Counters {
    let counters = Counters::default();
    let destination = Arc::clone(store) as Arc<dyn Destination>;
    let (_, spooled) = watch::channel(Spooled { seq: 3, failing });
    let shipper =
        Shipper::new(dir.to_owned(), boot.to_owned(), destination, spooled, counters.clone());
    tokio::time::timeout(Duration::from_secs(20), shipper.run()).await.expect("it ends");
    counters
}

fn segments(dir: &Path) -> Vec<String> {
    let segments = spool::segments(dir).unwrap();
    segments.into_iter().map(|segment| format!("{} {}", segment.boot, segment.first)).collect()
}

#[tokio::test]
async fn everything_is_sent_in_order_and_only_the_last_segment_stays() {
    let folder = Folder::new("ship-order");
    write(folder.path(), "b1", 2);
    write(folder.path(), "b2", 3);
    let store = Arc::new(Store::default());
    ship(folder.path(), "b2", &store, false).await;
    let taken: Vec<String> =
        store.taken.lock().unwrap().iter().map(|(boot, seq)| format!("{boot} {seq}")).collect();
    assert!(
        taken.starts_with(&["b1 1", "b1 2", "b2 1", "b2 2", "b2 3"].map(str::to_owned)),
        "{taken:?}"
    );
    assert_eq!(segments(folder.path()), ["b2 3"], "the next start goes on from there");
}

#[tokio::test]
async fn a_spool_that_is_full_keeps_nothing_that_is_sent() {
    let folder = Folder::new("ship-full");
    write(folder.path(), "b1", 3);
    let store = Arc::new(Store::default());
    ship(folder.path(), "b1", &store, true).await;
    assert!(segments(folder.path()).is_empty());
}

#[tokio::test]
async fn what_fails_is_sent_again_and_counted() {
    let folder = Folder::new("ship-again");
    write(folder.path(), "b1", 3);
    let store = Arc::new(Store { fails: Mutex::new(2), ..Store::default() });
    let counters = ship(folder.path(), "b1", &store, false).await;
    let seqs: Vec<u64> = store.taken.lock().unwrap().iter().map(|(_, seq)| *seq).collect();
    assert!(seqs.starts_with(&[1, 2, 3]), "{seqs:?}");
    assert!(counters.send_failures.get() >= 1);
    assert_eq!(counters.lost.get(), 0);
}

#[tokio::test]
async fn what_will_never_be_taken_is_put_aside_and_the_rest_is_sent() {
    let folder = Folder::new("ship-aside");
    write(folder.path(), "b1", 2);
    write(folder.path(), "b2", 2);
    let store = Arc::new(Store { refuses: Some("b1"), ..Store::default() });
    let counters = ship(folder.path(), "b2", &store, false).await;
    let refused = fs::read_dir(folder.path()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == REFUSED)
    });
    assert_eq!(refused.count(), 2);
    assert_eq!(counters.lost.get(), 2);
    assert!(store.taken.lock().unwrap().iter().all(|(boot, _)| boot == "b2"));
    assert_eq!(segments(folder.path()), ["b2 2"]);
}
