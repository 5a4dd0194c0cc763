use super::*;
use crate::ledger::chain;
use crate::ledger::testing::Folder;
use crate::ledger::{Instance, mark};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn instance(boot: &str) -> Instance {
    Instance { boot: boot.to_owned(), cluster: String::new(), replica: "r".to_owned() }
}

/// Lines of `boot` after `head`.
fn lines(boot: &str, head: &mut Head, count: u64) -> Vec<u8> {
    let mut lines = Vec::new();
    for n in 0..count {
        chain::append(&mut lines, head, &mark::gap(&instance(boot), NOW, n, NOW, "any"));
    }
    lines
}

#[test]
fn segments_close_by_size_and_age_and_sort_in_the_order_of_writing() {
    let folder = Folder::new("spool-segments");
    let mut options = Options::new(folder.path().to_owned());
    options.segment_bytes = 1000;
    let (mut spool, before) = Spool::open(options, "b1").unwrap();
    assert_eq!(before, None);
    let (mut head, mut written) = (Head::START, Vec::new());
    for _ in 0..5 {
        let seq = head.seq + 1;
        let batch = lines("b1", &mut head, 3);
        spool.append(seq, &batch, NOW).unwrap();
        written.extend(batch);
    }
    // An hour later a new one begins, however small the last is.
    let seq = head.seq + 1;
    let batch = lines("b1", &mut head, 1);
    spool.append(seq, &batch, NOW + Duration::from_hours(1)).unwrap();
    written.extend(batch);
    let found = segments(folder.path()).unwrap();
    assert!(found.len() > 2, "{found:?}");
    assert_eq!(found.iter().map(|segment| segment.bytes).sum::<u64>(), spool.bytes());
    let mut read = Vec::new();
    for segment in &found {
        let (lines, end) = read_lines(&segment.path, 0, u64::MAX).unwrap();
        assert_eq!(end, segment.bytes);
        let first =
            Entry::read(std::str::from_utf8(&lines).unwrap().lines().next().unwrap()).unwrap();
        assert_eq!((segment.boot.as_str(), segment.first), ("b1", first.head.seq));
        read.extend(lines);
    }
    assert_eq!(read, written);
}

#[test]
fn the_next_start_finds_the_end_of_the_last_chain_and_half_a_line_does_not_count() {
    let folder = Folder::new("spool-restart");
    let mut head = Head::START;
    let (mut spool, _) = Spool::open(Options::new(folder.path().to_owned()), "b1").unwrap();
    spool.append(1, &lines("b1", &mut head, 3), NOW).unwrap();
    drop(spool);
    let segment = &segments(folder.path()).unwrap()[0];
    let mut file = OpenOptions::new().append(true).open(&segment.path).unwrap();
    file.write_all(br#"{"seq":4,"previous":"sha256:12"#).unwrap();
    let (_spool, before) = Spool::open(Options::new(folder.path().to_owned()), "b2").unwrap();
    assert_eq!(before, Some((instance("b1").chain(), head)));
    let (read, end) = read_lines(&segment.path, 0, u64::MAX).unwrap();
    assert_eq!(memchr::memchr_iter(b'\n', &read).count(), 3);
    assert!(end < fs::metadata(&segment.path).unwrap().len());
}

#[test]
fn two_processes_cannot_share_a_folder() {
    let folder = Folder::new("spool-lock");
    let first = Spool::open(Options::new(folder.path().to_owned()), "b1").unwrap();
    let error = Spool::open(Options::new(folder.path().to_owned()), "b2").unwrap_err();
    assert!(error.to_string().contains("in use by another podgate"), "{error}");
    drop(first);
    Spool::open(Options::new(folder.path().to_owned()), "b2").unwrap();
}

#[test]
fn past_its_size_nothing_is_written_and_room_is_found_again_once_others_remove_segments() {
    let folder = Folder::new("spool-full");
    let mut options = Options::new(folder.path().to_owned());
    options.max_bytes = 2000;
    options.segment_bytes = 500;
    let (mut spool, _) = Spool::open(options, "b1").unwrap();
    let mut head = Head::START;
    let error = loop {
        let seq = head.seq + 1;
        let batch = lines("b1", &mut head, 1);
        if let Err(error) = spool.append(seq, &batch, NOW) {
            break error;
        }
    };
    assert!(error.to_string().contains("holds its 2000 bytes"), "{error}");
    let found = segments(folder.path()).unwrap();
    assert!(found.iter().map(|segment| segment.bytes).sum::<u64>() <= 2000);
    fs::remove_file(&found[0].path).unwrap();
    spool.count().unwrap();
    let seq = head.seq + 1;
    spool.append(seq, &lines("b1", &mut head, 1), NOW).unwrap();
}

#[test]
fn lines_are_read_on_in_pieces_of_whole_lines() {
    let folder = Folder::new("spool-read");
    let (mut spool, _) = Spool::open(Options::new(folder.path().to_owned()), "b1").unwrap();
    let mut head = Head::START;
    let written = lines("b1", &mut head, 9);
    spool.append(1, &written, NOW).unwrap();
    let path = &segments(folder.path()).unwrap()[0].path;
    let (mut from, mut read) = (0, Vec::new());
    loop {
        let (lines, end) = read_lines(path, from, 700).unwrap();
        if lines.is_empty() {
            break;
        }
        assert_eq!(lines.last(), Some(&b'\n'));
        read.extend(lines);
        from = end;
    }
    assert_eq!(read, written);
}

#[test]
fn other_files_are_no_segments() {
    for name in ["lock", "b-1.jsonl", "b-00000000000000000001.json", "00000000000000000001.jsonl"] {
        assert_eq!(Segment::named(Path::new(name)), None, "{name}");
    }
    let name = "01a2-7f-00000000000000000042.jsonl";
    assert_eq!(Segment::named(Path::new(name)), Some(("01a2-7f".to_owned(), 42)));
}
