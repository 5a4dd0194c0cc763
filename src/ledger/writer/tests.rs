use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use futures_util::FutureExt as _;

use super::*;
use crate::ledger::entry::{Body, Entry};
use crate::ledger::testing::{Captured, Folder};
use crate::ledger::verify::{Place, Verifier};

#[expect(clippy::disallowed_methods, reason = "a test's clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn options(dir: &std::path::Path) -> Options {
    Options { spool: Some(spool::Options::new(dir.to_owned())), ..Options::new(now) }
}

fn start(options: Options, out: &Captured) -> (Ledger, Counters) {
    let counters = Counters::default();
    let instance = Instance::boot("c".to_owned(), "r".to_owned());
    (Ledger::start(instance, options, counters.clone(), out.clone()).unwrap(), counters)
}

fn body(ledger: &Ledger, n: u64) -> Vec<u8> {
    mark::body(ledger.instance(), now(), "podgate.dev/test/v1", serde_json::json!({"n": n}))
}

fn spooled(dir: &std::path::Path) -> String {
    let segments = spool::segments(dir).unwrap();
    segments.iter().map(|segment| fs::read_to_string(&segment.path).unwrap()).collect()
}

fn assert_sound(text: &str) {
    let mut verifier = Verifier::new(None);
    for (line, text) in (1..).zip(text.lines()) {
        verifier.read(text, &Place { source: "t".into(), line });
    }
    let report = verifier.finish();
    assert!(report.is_sound() && report.others == 0, "{report:?}");
}

#[tokio::test]
async fn what_is_kept_is_in_the_spool_and_on_standard_output_alike() {
    let (folder, out) = (Folder::new("writer-both"), Captured::default());
    let (ledger, counters) = start(options(folder.path()), &out);
    for n in 0..100 {
        let ticket = ledger.append(&body(&ledger, n)).unwrap();
        assert!(ledger.kept(ticket).await);
        assert!(spooled(folder.path()).contains(&format!("\"n\":{n},")), "{n}");
    }
    ledger.close();
    let text = spooled(folder.path());
    assert_eq!(text, out.text());
    assert_eq!(text.lines().count(), 102);
    assert_eq!(counters.records.get(), 102);
    assert_eq!(counters.lost.get(), 0);
    assert_sound(&text);
}

#[tokio::test]
async fn without_a_spool_no_answer_waits_for_the_writer() {
    let (ledger, _) = start(Options::new(now), &Captured::default());
    for n in 0..100 {
        let ticket = ledger.append(&body(&ledger, n)).unwrap();
        assert_eq!(ledger.kept(ticket).now_or_never(), Some(true), "{n}");
    }
}

#[tokio::test]
async fn a_second_start_goes_on_from_the_end_of_the_first() {
    let folder = Folder::new("writer-restart");
    for _ in 0..3 {
        let (ledger, _) = start(options(folder.path()), &Captured::default());
        let ticket = ledger.append(&body(&ledger, 1)).unwrap();
        assert!(ledger.kept(ticket).await);
        ledger.close();
    }
    let text = spooled(folder.path());
    assert_sound(&text);
    let continues = text.lines().filter(|line| line.contains("\"continues\"")).count();
    assert_eq!(continues, 2);
}

#[tokio::test]
async fn heads_are_signed_when_there_is_a_key_and_it_may_come_late() {
    let (folder, out) = (Folder::new("writer-key"), Captured::default());
    let key = folder.path().join("key.pem");
    let options = Options {
        key: Some(key.clone()),
        checkpoint: Duration::from_millis(1),
        ..options(folder.path())
    };
    let (ledger, _) = start(options, &out);
    let ticket = ledger.append(&body(&ledger, 1)).unwrap();
    assert!(ledger.kept(ticket).await);
    assert!(!spooled(folder.path()).contains(mark::CHECKPOINT));
    let pem = Signer::generate().unwrap();
    fs::write(&key, &pem).unwrap();
    let ticket = ledger.append(&body(&ledger, 2)).unwrap();
    assert!(ledger.kept(ticket).await);
    ledger.close();
    let text = spooled(folder.path());
    let mut verifier = Verifier::new(Some(Signer::from_pem(pem.as_bytes()).unwrap().public_key()));
    for (line, text) in (1..).zip(text.lines()) {
        verifier.read(text, &Place { source: "t".into(), line });
    }
    let report = verifier.finish();
    assert!(report.is_sound(), "{report:?}");
    // All but the checkpoint itself and the end.
    let chain = &report.chains[0];
    assert_eq!(chain.signed.map(|(seq, _)| seq), Some(chain.records - 2));
    assert!(!text.contains("PRIVATE KEY"));
}

/// Root may write anywhere, so a folder is taken away instead.
#[tokio::test]
async fn a_spool_that_cannot_be_written_is_told_and_has_everything_once_it_can_be() {
    let (folder, out) = (Folder::new("writer-failing"), Captured::default());
    let mut options = options(folder.path());
    if let Some(spool) = &mut options.spool {
        spool.segment_bytes = 1;
    }
    let (ledger, counters) = start(options, &out);
    let ticket = ledger.append(&body(&ledger, 1)).unwrap();
    assert!(ledger.kept(ticket).await);
    // Each group begins a segment, and now there is no folder to put it into.
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).unwrap();
    let ticket = ledger.append(&body(&ledger, 2)).unwrap();
    assert!(!ledger.kept(ticket).await);
    assert_eq!(counters.spool_failing.get(), 1);
    fs::rename(&away, folder.path()).unwrap();
    let ticket = ledger.append(&body(&ledger, 3)).unwrap();
    assert!(ledger.kept(ticket).await);
    assert_eq!(counters.spool_failing.get(), 0);
    ledger.close();
    let text = spooled(folder.path());
    assert_sound(&text);
    assert_eq!(text, out.text());
    assert_eq!(counters.lost.get(), 0);
}

#[tokio::test]
async fn what_a_failing_spool_has_no_room_for_shows_as_missing() {
    let (folder, out) = (Folder::new("writer-lost"), Captured::default());
    let mut options = options(folder.path());
    if let Some(spool) = &mut options.spool {
        spool.segment_bytes = 1;
    }
    let (ledger, counters) = start(options, &out);
    let away = folder.path().with_extension("away");
    let ticket = ledger.append(&body(&ledger, 0)).unwrap();
    assert!(ledger.kept(ticket).await);
    fs::rename(folder.path(), &away).unwrap();
    let large = mark::body(
        ledger.instance(),
        now(),
        "podgate.dev/test/v1",
        serde_json::json!({"text": "x".repeat(1024 * 1024)}),
    );
    for _ in 0..12 {
        let ticket = ledger.append(&large).unwrap();
        assert!(!ledger.kept(ticket).await);
    }
    assert!(counters.lost.get() >= 8, "{}", counters.lost.get());
    fs::rename(&away, folder.path()).unwrap();
    let ticket = ledger.append(&body(&ledger, 1)).unwrap();
    assert!(ledger.kept(ticket).await);
    ledger.close();
    let mut verifier = Verifier::new(None);
    for (line, text) in (1..).zip(spooled(folder.path()).lines()) {
        verifier.read(text, &Place { source: "t".into(), line });
    }
    let report = verifier.finish();
    let problems = &report.chains[0].problems;
    assert!(problems.iter().any(|problem| problem.text.contains("are missing")), "{problems:?}");
    // Standard output has them all.
    assert_sound(&out.text());
}

#[tokio::test]
async fn records_without_room_become_a_gap_that_is_told() {
    let out = Captured::default();
    let (ledger, counters) = start(Options::new(now), &out);
    let large = mark::body(
        ledger.instance(),
        now(),
        "podgate.dev/test/v1",
        serde_json::json!({"text": "x".repeat(7 * 1024 * 1024)}),
    );
    let mut lost = 0;
    for _ in 0..20 {
        lost += u64::from(ledger.append(&large).is_none());
    }
    ledger.close();
    assert!(lost > 0);
    assert!(counters.lost.get() >= lost);
    let text = out.text();
    let told: u64 = text
        .lines()
        .filter_map(|line| match Entry::read(line).unwrap().body {
            Body::Gap(gap) => Some(gap.count),
            _ => None,
        })
        .sum();
    assert_eq!(told, lost);
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_refused_at_start() {
    let folder = Folder::new("writer-file");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    let instance = Instance::boot(String::new(), "r".to_owned());
    let error = Ledger::start(instance, options(&file), Counters::default(), Captured::default());
    let error = error.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("writer-file"), "{error}");
}
