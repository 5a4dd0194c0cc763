//! Is anything missing, altered, moved or put in? Reads records in whatever order they come and says, chain by chain,
//! what holds and what does not.
//!
//! What can be known from records alone: each is as it was written, each follows the one before, signed heads are
//! met, and a chain that a later start of the same replica continues is whole to its end. What cannot: whether
//! records were cut off behind the last signed head of a chain that nothing continues. Such a chain is told as open.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::chain::{ChainId, Hash, Head};
use super::entry::{Body, Checkpoint, Continues, Entry};
use super::mark;
use super::signature::PublicKey;

/// Where a line was read: a file or a store's name, and the number of the line, from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub source: Arc<str>,
    /// The line.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.line)
    }
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What happened.
    pub what: What,
    /// The number of the record, or of the first of them; 0 where it is about the chain.
    pub seq: u64,
    /// The whole of it, for people.
    pub text: String,
}

/// What happened to records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// The record is not the one that its hash is of.
    Altered,
    /// Records are not there.
    Missing,
    /// The record stands behind later ones.
    Moved,
    /// There are two different records of this number.
    Inserted,
    /// The record does not follow the one before, though both are unaltered in themselves.
    Unlinked,
    /// A segment's file is called as if it held other records.
    Swapped,
    /// A signed head is not of the key, or not of this chain.
    BadCheckpoint,
    /// No signed head of the key vouches for any of it.
    Unsigned,
}

impl Problem {
    fn at(what: What, seq: u64, text: &str, place: &Place) -> Self {
        Self { what, seq, text: format!("{text} ({place})") }
    }

    fn altered(seq: u64, place: &Place) -> Self {
        Self::at(What::Altered, seq, &format!("record {seq} was altered"), place)
    }

    fn missing(first: u64, last: u64, why_known: &str) -> Self {
        let text = if first == last {
            format!("record {first} is missing ({why_known})")
        } else {
            format!("records {first} to {last} are missing ({why_known})")
        };
        Self { what: What::Missing, seq: first, text }
    }

    fn moved(seq: u64, after: u64, place: &Place) -> Self {
        Self::at(What::Moved, seq, &format!("record {seq} stands behind record {after}"), place)
    }

    fn inserted(seq: u64, place: &Place) -> Self {
        Self::at(What::Inserted, seq, &format!("another record {seq} was put in"), place)
    }

    fn unlinked(seq: u64, place: &Place) -> Self {
        let text =
            format!("record {seq} does not follow the one before it: one of the two was exchanged");
        Self::at(What::Unlinked, seq, &text, place)
    }

    fn swapped(name: &str, place: &Place) -> Self {
        let text = format!("the segment is called {name} and holds other records");
        Self::at(What::Swapped, 0, &text, place)
    }

    fn bad_checkpoint(seq: u64, why: &str, place: &Place) -> Self {
        let text = format!("the checkpoint in record {seq} {why}");
        Self::at(What::BadCheckpoint, seq, &text, place)
    }

    fn unsigned() -> Self {
        let text = "no checkpoint of the key vouches for it: all of it may have been written anew";
        Self { what: What::Unsigned, seq: 0, text: text.to_owned() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Records that were removed by retention: what follows is checked against the last of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    /// The chain.
    pub chain: ChainId,
    /// The last record that was removed.
    pub head: Head,
}

/// What is known of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which one.
    pub chain: ChainId,
    /// How many different records there are.
    pub records: u64,
    /// The numbers of the first and the last one.
    pub seqs: (u64, u64),
    /// When the first and the last one were written.
    pub times: (Timestamp, Timestamp),
    /// The last number that a signed head covers, and who signed.
    pub signed: Option<(u64, PublicKey)>,
    /// Whether it was closed, or a later start continues it.
    pub ended: bool,
    /// What podgate itself tells as lost: how many, why, since when.
    pub gaps: Vec<(u64, String, Timestamp)>,
    /// What is wrong, in the order of numbers.
    pub problems: Vec<Problem>,
}

/// What was found in all that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The chains, by replica and start.
    pub chains: Vec<Verified>,
    /// Lines that are no records, such as the log's beside them.
    pub others: u64,
    /// Lines that look like records and cannot be read.
    pub unreadable: Vec<(Place, String)>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.unreadable.is_empty() && self.chains.iter().all(|chain| chain.problems.is_empty())
    }
}

/// Reads records and keeps of each chain what is needed to tell.
#[derive(Debug, Default)]
pub struct Verifier {
    key: Option<PublicKey>,
    chains: BTreeMap<ChainId, Reading>,
    others: u64,
    unreadable: Vec<(Place, String)>,
}

/// A chain that is being read.
#[derive(Debug)]
struct Reading {
    /// The hash of each number that was seen.
    hashes: HashMap<u64, Seen>,
    seqs: (u64, u64),
    times: (Timestamp, Timestamp),
    /// The number before this one in the order of reading.
    latest: u64,
    stub: Option<Head>,
    checkpoints: Vec<(u64, Checkpoint, Timestamp, Place)>,
    continues: Option<Continues>,
    ended: bool,
    gaps: Vec<(u64, String, Timestamp)>,
    problems: Vec<Problem>,
}

#[derive(Debug)]
struct Seen {
    hash: Hash,
    previous: Hash,
    place: Place,
}

impl Verifier {
    /// Signed heads must be of `key`, where there is one; else any key will do, and the report tells which.
    #[must_use]
    pub fn new(key: Option<PublicKey>) -> Self {
        Self { key, ..Self::default() }
    }

    /// Takes it that retention removed what stands before.
    pub fn removed(&mut self, stub: Stub) {
        self.chains.entry(stub.chain).or_insert_with(Reading::new).stub = Some(stub.head);
    }

    /// Takes a line.
    pub fn read(&mut self, line: &str, place: &Place) {
        let is_json = line.trim_start().starts_with('{');
        if !is_json || !(line.contains("podgate.dev/") || line.contains("\"previous\"")) {
            self.others += u64::from(!line.trim().is_empty());
            return;
        }
        match Entry::read(line) {
            Ok(entry) => self.add(entry, place),
            Err(error) => self.unreadable.push((place.clone(), error.to_string())),
        }
    }

    /// Takes a last line that no newline ends: what a crash left of a record was never promised to anybody.
    pub fn read_last(&mut self, line: &str, place: &Place) {
        match Entry::read(line) {
            Ok(entry) => self.add(entry, place),
            Err(_) => self.others += 1,
        }
    }

    fn add(&mut self, entry: Entry, place: &Place) {
        let seq = entry.head.seq;
        let reading = self.chains.entry(entry.chain.clone()).or_insert_with(Reading::new);
        let place = place.clone();
        if !entry.is_intact() {
            reading.problems.push(Problem::altered(seq, &place));
        }
        if let Some(seen) = reading.hashes.get(&seq) {
            // The same line in two files is no harm.
            if seen.hash != entry.head.hash {
                reading.problems.push(Problem::inserted(seq, &place));
            } else if seen.place.source == place.source {
                let after = reading.latest;
                reading.problems.push(Problem::moved(seq, after, &place));
            }
            return;
        }
        let same_source = reading
            .hashes
            .get(&reading.latest)
            .is_some_and(|seen| seen.place.source == place.source);
        if seq < reading.latest && same_source {
            let after = reading.latest;
            reading.problems.push(Problem::moved(seq, after, &place));
        }
        reading.latest = seq;
        reading.extend(seq, entry.time);
        match entry.body {
            Body::Checkpoint(checkpoint) => {
                reading.checkpoints.push((seq, checkpoint, entry.time, place.clone()));
            }
            Body::Gap(gap) => reading.gaps.push((gap.count, gap.reason, gap.since)),
            Body::Start(start) => reading.continues = start.continues,
            Body::End => reading.ended = true,
            Body::Decision(_) | Body::Change(_) | Body::Other(_) => {}
        }
        let seen = Seen { hash: entry.head.hash, previous: entry.previous, place };
        reading.hashes.insert(seq, seen);
    }

    /// Says of a segment's file which records its name promises: those of `boot` from `first` on.
    pub fn segment(&mut self, boot: &str, first: u64, name: &str, line: &str, place: &Place) {
        let Ok(entry) = Entry::read(line) else { return };
        if entry.chain.boot != boot || entry.head.seq != first {
            let reading = self.chains.entry(entry.chain).or_insert_with(Reading::new);
            reading.problems.push(Problem::swapped(name, place));
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let ends: Vec<(ChainId, Continues)> = self
            .chains
            .iter()
            .filter_map(|(chain, reading)| Some((chain.clone(), reading.continues.clone()?)))
            .collect();
        for (later, end) in ends {
            let earlier = ChainId { replica: later.replica, boot: end.boot.clone() };
            if let Some(reading) = self.chains.get_mut(&earlier) {
                reading.must_end_with(&end);
            }
        }
        let key = self.key;
        let chains = self
            .chains
            .into_iter()
            .filter(|(_, reading)| !reading.hashes.is_empty() || !reading.problems.is_empty())
            .map(|(chain, reading)| reading.finish(chain, key))
            .collect();
        Report { chains, others: self.others, unreadable: self.unreadable }
    }
}

impl Reading {
    fn new() -> Self {
        Self {
            hashes: HashMap::new(),
            seqs: (u64::MAX, 0),
            times: (Timestamp::MAX, Timestamp::MIN),
            latest: 0,
            stub: None,
            checkpoints: Vec::new(),
            continues: None,
            ended: false,
            gaps: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn extend(&mut self, seq: u64, time: Timestamp) {
        self.seqs = (self.seqs.0.min(seq), self.seqs.1.max(seq));
        self.times = (self.times.0.min(time), self.times.1.max(time));
    }

    /// A later start of the replica found this end.
    fn must_end_with(&mut self, end: &Continues) {
        self.ended = true;
        if let Some(seen) = self.hashes.get(&end.seq) {
            if seen.hash != end.hash {
                self.problems.push(Problem::unlinked(end.seq, &seen.place));
            }
        } else if end.seq > self.seqs.1 {
            let why_known = "the replica's next start goes on from there";
            self.problems.push(Problem::missing(self.seqs.1 + 1, end.seq, why_known));
        }
    }

    fn finish(mut self, chain: ChainId, key: Option<PublicKey>) -> Verified {
        self.check_links();
        let signed = self.check_checkpoints(&chain, key);
        if key.is_some() && signed.is_none() {
            self.problems.push(Problem::unsigned());
        }
        self.problems.sort_by_key(|problem| problem.seq);
        Verified {
            chain,
            records: self.hashes.len() as u64,
            seqs: self.seqs,
            times: self.times,
            signed,
            ended: self.ended,
            gaps: self.gaps,
            problems: self.problems,
        }
    }

    fn check_links(&mut self) {
        let mut seqs: Vec<u64> = self.hashes.keys().copied().collect();
        seqs.sort_unstable();
        let mut before = self.stub.unwrap_or(Head::START);
        for seq in seqs {
            let Some(seen) = self.hashes.get(&seq) else { continue };
            if seq <= before.seq {
                // What retention removed, and somebody kept elsewhere.
                continue;
            }
            if seq > before.seq + 1 {
                let why_known = "the numbers leave them out";
                self.problems.push(Problem::missing(before.seq + 1, seq - 1, why_known));
            } else if seen.previous != before.hash {
                self.problems.push(Problem::unlinked(seq, &seen.place));
            }
            before = Head { hash: seen.hash, seq };
        }
    }

    /// The last number that a good checkpoint covers.
    fn check_checkpoints(
        &mut self,
        chain: &ChainId,
        key: Option<PublicKey>,
    ) -> Option<(u64, PublicKey)> {
        let mut signed: Option<(u64, PublicKey)> = None;
        for (seq, checkpoint, time, place) in std::mem::take(&mut self.checkpoints) {
            let head = checkpoint.head;
            let text = mark::signed(chain, time, head);
            let of = PublicKey::read(&checkpoint.key).ok();
            let wrong = match (of, key) {
                (Some(of), Some(key)) if of != key => Some("is signed by another key"),
                (Some(of), _) if !of.has_signed(&text, &checkpoint.signature) => {
                    Some("has a signature that does not fit")
                }
                (Some(_), _) => None,
                (None, _) => Some("holds no key"),
            };
            let met = self.hashes.get(&head.seq).is_none_or(|seen| seen.hash == head.hash);
            let wrong = wrong.or((!met).then_some("tells of a record that is another now"));
            match (wrong, of) {
                (Some(why), _) => self.problems.push(Problem::bad_checkpoint(seq, why, &place)),
                (None, Some(of)) if signed.is_none_or(|(last, _)| last < head.seq) => {
                    signed = Some((head.seq, of));
                }
                _ => {}
            }
        }
        signed
    }
}

#[cfg(test)]
mod tests;
