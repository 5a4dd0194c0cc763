use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::ledger::Instance;
use crate::ledger::chain;
use crate::ledger::signature::Signer;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn instance(boot: &str) -> Instance {
    Instance { boot: boot.to_owned(), cluster: "c".to_owned(), replica: "r".to_owned() }
}

/// A chain of a start, eight gaps that stand for any record, a checkpoint where there is a signer, and an end.
fn chain_of(boot: &str, before: Option<&(ChainId, Head)>, signer: Option<&Signer>) -> Vec<String> {
    let instance = instance(boot);
    let (mut lines, mut head) = (Vec::new(), Head::START);
    chain::append(&mut lines, &mut head, &mark::start(&instance, NOW, before));
    for count in 0..8 {
        let body = mark::gap(&instance, NOW, count, NOW, "any");
        chain::append(&mut lines, &mut head, &body);
    }
    if let Some(signer) = signer {
        let signature = signer.sign(&mark::signed(&instance.chain(), NOW, head));
        let key = signer.public_key().to_string();
        let body = mark::checkpoint(&instance, NOW, head, &key, &signature);
        chain::append(&mut lines, &mut head, &body);
    }
    chain::append(&mut lines, &mut head, &mark::end(&instance, NOW));
    String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect()
}

fn signer() -> Signer {
    Signer::from_pem(Signer::generate().unwrap().as_bytes()).unwrap()
}

fn verify(key: Option<PublicKey>, files: &[(&str, &[String])]) -> Report {
    let mut verifier = Verifier::new(key);
    for (file, lines) in files {
        for (line, text) in (1..).zip(lines.iter()) {
            verifier.read(text, &Place { source: Arc::from(*file), line });
        }
    }
    verifier.finish()
}

fn problems(lines: &[String]) -> Vec<String> {
    let report = verify(None, &[("f", lines)]);
    assert!(report.unreadable.is_empty(), "{report:?}");
    assert_eq!(report.is_sound(), report.chains.iter().all(|chain| chain.problems.is_empty()));
    report.chains.iter().flat_map(|chain| &chain.problems).map(ToString::to_string).collect()
}

#[test]
fn a_chain_as_it_was_written_is_sound() {
    let signer = signer();
    let lines = chain_of("a", None, Some(&signer));
    let report = verify(Some(signer.public_key()), &[("f", &lines)]);
    assert!(report.is_sound(), "{report:?}");
    let chain = &report.chains[0];
    assert_eq!((chain.records, chain.seqs, chain.ended), (11, (1, 11), true));
    assert_eq!(chain.signed, Some((9, signer.public_key())));
    assert_eq!(chain.gaps.len(), 8);
}

#[test]
fn log_lines_beside_records_are_counted_and_no_harm() {
    let mut lines = chain_of("a", None, None);
    lines.insert(3, "2026-11-26T10:00:00Z  INFO listening".to_owned());
    lines.insert(5, r#"{"level":"info","message":"{}"}"#.to_owned());
    lines.push(String::new());
    let report = verify(None, &[("f", &lines)]);
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.others, 2);
}

#[test]
fn a_changed_word_is_found_wherever_it_is() {
    let sound = chain_of("a", None, None);
    for at in 0..sound.len() {
        let mut lines = sound.clone();
        lines[at] = lines[at].replace(r#""cluster":"c""#, r#""cluster":"d""#);
        assert_ne!(lines[at], sound[at]);
        assert_eq!(problems(&lines), [format!("record {0} was altered (f:{0})", at + 1)]);
    }
}

#[test]
fn an_altered_record_with_a_hash_that_fits_does_not_fit_its_neighbours() {
    let mut lines = chain_of("a", None, None);
    let entry = Entry::read(&lines[4]).unwrap();
    let mut head = Head { hash: entry.previous, seq: 4 };
    let mut forged = Vec::new();
    chain::append(&mut forged, &mut head, &mark::gap(&instance("a"), NOW, 77, NOW, "forged"));
    lines[4] = String::from_utf8(forged).unwrap();
    let told = ["record 6 does not follow the one before it: one of the two was exchanged (f:6)"];
    assert_eq!(problems(&lines), told);
}

#[test]
fn deleted_records_are_named_wherever_they_stood() {
    let sound = chain_of("a", None, None);
    for at in 0..sound.len() - 1 {
        let mut lines = sound.clone();
        lines.remove(at);
        let told = format!("record {} is missing (the numbers leave them out)", at + 1);
        assert_eq!(problems(&lines), [told]);
    }
    let mut lines = sound;
    lines.drain(2..5);
    assert_eq!(problems(&lines), ["records 3 to 5 are missing (the numbers leave them out)"]);
}

#[test]
fn records_that_changed_places_are_named() {
    let mut lines = chain_of("a", None, None);
    lines.swap(2, 3);
    assert_eq!(problems(&lines), ["record 3 stands behind record 4 (f:4)"]);
    lines.swap(2, 3);
    let again = lines[4].clone();
    lines.push(again);
    assert_eq!(problems(&lines), ["record 5 stands behind record 10 (f:11)"]);
}

#[test]
fn a_record_that_was_put_in_is_named() {
    let mut lines = chain_of("a", None, None);
    let entry = Entry::read(&lines[3]).unwrap();
    let (mut forged, mut head) = (Vec::new(), entry.head);
    chain::append(&mut forged, &mut head, &mark::gap(&instance("a"), NOW, 77, NOW, "forged"));
    lines.insert(4, String::from_utf8(forged).unwrap().trim_end().to_owned());
    let told = problems(&lines);
    assert!(told.contains(&"another record 5 was put in (f:6)".to_owned()), "{told:?}");
}

#[test]
fn a_tail_that_was_cut_off_is_found_by_the_next_start_and_else_told_as_open() {
    let first = chain_of("a", None, None);
    let last = Entry::read(first.last().unwrap()).unwrap();
    let second = chain_of("b", Some(&(last.chain, last.head)), None);
    assert!(verify(None, &[("1", &first), ("2", &second)]).is_sound());
    let report = verify(None, &[("1", &first[..6]), ("2", &second)]);
    let told: Vec<String> = report.chains[0].problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["records 7 to 10 are missing (the replica's next start goes on from there)"]);
    let report = verify(None, &[("1", &first[..6])]);
    assert!(report.is_sound());
    assert!(!report.chains[0].ended);
}

#[test]
fn a_signed_head_that_nothing_leads_to_shows_what_was_cut_off() {
    let signer = signer();
    let mut lines = chain_of("a", None, Some(&signer));
    // The checkpoint was kept elsewhere, such as by a collector of logs.
    let checkpoint = lines[9].clone();
    lines.truncate(5);
    let report = verify(None, &[("1", &lines), ("collected", &[checkpoint])]);
    let told: Vec<String> = report.chains[0].problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["records 6 to 9 are missing (the numbers leave them out)"]);
}

#[test]
fn a_chain_that_was_written_anew_lacks_the_key() {
    let (ours, theirs) = (signer(), signer());
    let key = Some(ours.public_key());
    let told = |lines: &[String]| -> Vec<String> {
        let report = verify(key, &[("f", lines)]);
        report.chains[0].problems.iter().map(ToString::to_string).collect()
    };
    let unsigned = "no checkpoint of the key vouches for it: all of it may have been written anew";
    assert_eq!(told(&chain_of("a", None, None)), [unsigned]);
    let forged = "the checkpoint in record 10 is signed by another key (f:10)";
    assert_eq!(told(&chain_of("a", None, Some(&theirs))), [unsigned, forged]);
    // A good checkpoint of one chain in another.
    let instance = instance("a");
    let (mut lines, mut head) = (Vec::new(), Head::START);
    chain::append(&mut lines, &mut head, &mark::start(&instance, NOW, None));
    let stolen = chain_of("b", None, Some(&ours));
    let Body::Checkpoint(checkpoint) = Entry::read(&stolen[9]).unwrap().body else { panic!() };
    let Checkpoint { key, signature, .. } = checkpoint;
    let body = mark::checkpoint(&instance, NOW, checkpoint.head, &key, &signature);
    chain::append(&mut lines, &mut head, &body);
    let lines: Vec<String> = String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect();
    let told = told(&lines);
    assert!(
        told[1].starts_with("the checkpoint in record 2 has a signature that does not fit"),
        "{told:?}"
    );
}

#[test]
fn the_same_records_in_two_files_are_no_harm_and_different_ones_are() {
    let lines = chain_of("a", None, None);
    assert!(verify(None, &[("spool", &lines), ("stdout", &lines[2..])]).is_sound());
    let mut other = lines.clone();
    other[4] = other[4].replace("\"count\":3", "\"count\":4");
    let report = verify(None, &[("spool", &lines), ("stdout", &other)]);
    assert_eq!(report.chains[0].problems.len(), 1, "{report:?}");
}

#[test]
fn what_retention_removed_is_not_missing() {
    let lines = chain_of("a", None, None);
    let entry = Entry::read(&lines[4]).unwrap();
    let mut verifier = Verifier::new(None);
    verifier.removed(Stub { chain: entry.chain, head: entry.head });
    for (line, text) in (6..).zip(&lines[5..]) {
        verifier.read(text, &Place { source: Arc::from("f"), line });
    }
    let report = verifier.finish();
    assert!(report.is_sound(), "{report:?}");
    // One more is gone than the stub says.
    let entry = Entry::read(&lines[4]).unwrap();
    let mut verifier = Verifier::new(None);
    verifier.removed(Stub { chain: entry.chain, head: entry.head });
    for (line, text) in (7..).zip(&lines[6..]) {
        verifier.read(text, &Place { source: Arc::from("f"), line });
    }
    assert!(!verifier.finish().is_sound());
}

#[test]
fn half_a_line_is_told_and_the_rest_read() {
    let mut lines = chain_of("a", None, None);
    let half = lines[10 - 1].len() / 2;
    lines[9].truncate(half);
    let report = verify(None, &[("f", &lines)]);
    assert_eq!(report.unreadable.len(), 1);
    assert_eq!(report.unreadable[0].0.to_string(), "f:10");
    assert!(!report.is_sound());
}
