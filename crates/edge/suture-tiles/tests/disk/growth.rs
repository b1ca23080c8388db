//! Batches of all sizes, over all edges.

use suture_log::{ExportRecord, TimeError, verify};
use suture_tiles::{BATCH_ENTRIES_MAX, Error, Log, Reader, Settings, Walk};

use crate::support::{BEGIN_MS, Key, ORIGIN, append, check_whole, create, draft, policy, time, vkey};

#[test]
fn a_log_grows_over_every_edge() {
    let here = tempfile::tempdir().unwrap();
    let mut log = create(here.path());
    check_whole(here.path(), 0);
    let mut size = 0;
    for count in [1, 1, 3, 250, 1, 1, 255, 256, 257, 512, 700, 0] {
        append(&mut log, count).unwrap();
        size += count;
        check_whole(here.path(), size);
        // What is in memory is what is on the disk.
        drop(log);
        log = Log::open(here.path(), &Key::new()).unwrap();
        assert_eq!(log.size(), size);
    }
}

/// 66,000 entries have a tile at level 2.
#[test]
fn a_log_with_three_levels_of_tiles() {
    let here = tempfile::tempdir().unwrap();
    let mut log = create(here.path());
    for count in [BATCH_ENTRIES_MAX as u64; 4].into_iter().chain([464]) {
        append(&mut log, count).unwrap();
    }
    let reader = Reader::open(here.path()).unwrap();
    assert_eq!(reader.size(), 66_000);
    suture_tiles::audit(&reader, &policy(), Vec::new()).unwrap();
    assert!(here.path().join("public/tile/2/000.p/1").is_file());
    for index in [0, 255, 256, 65_535, 65_536, 65_999] {
        let proof = reader.prove(index).unwrap();
        proof.verify(&draft(index).at(reader.entry(index).unwrap().when).encode().unwrap()).unwrap();
    }
    let root = |size| suture_log::tree::root(size, &mut reader.nodes()).unwrap();
    for old in [1, 255, 256, 65_535, 65_536, 66_000] {
        let proof = suture_log::tree::consistency(old, 66_000, &mut reader.nodes()).unwrap();
        verify::consistency((old, root(old)), (66_000, root(66_000)), &proof).unwrap();
    }
}

/// Whoever has opened the log at one size reads on at that size while it grows.
#[test]
fn a_reader_is_not_disturbed() {
    let here = tempfile::tempdir().unwrap();
    let mut log = create(here.path());
    append(&mut log, 100).unwrap();
    let reader = Reader::open(here.path()).unwrap();
    append(&mut log, 1000).unwrap();
    suture_tiles::audit(&reader, &policy(), Vec::new()).unwrap();
    assert_eq!(reader.prove(99).unwrap().checkpoint.checkpoint().size, 100);
    assert!(matches!(reader.entry(100), Err(Error::NoEntry { index: 100, size: 100 })));
}

/// A log can be read where it is served from, without the rest of its directory.
#[test]
fn the_public_part_is_enough() {
    let here = tempfile::tempdir().unwrap();
    append(&mut create(here.path()), 300).unwrap();
    let reader = Reader::open(&here.path().join("public")).unwrap();
    suture_tiles::audit(&reader, &policy(), Vec::new()).unwrap();
}

/// All checkpoints are kept, each behind the entries that it covers.
#[test]
fn a_walk_meets_every_checkpoint() {
    let here = tempfile::tempdir().unwrap();
    let mut log = create(here.path());
    for count in [2, 1, 300] {
        append(&mut log, count).unwrap();
    }
    let reader = Reader::open(here.path()).unwrap();
    let (mut walk, mut entries, mut sizes) = (Walk::new(&reader).unwrap(), 0, Vec::new());
    while let Some(record) = walk.next_record().unwrap() {
        match record {
            ExportRecord::Entry { index, .. } => {
                assert_eq!(index, entries);
                entries += 1;
            }
            ExportRecord::Checkpoint(signed) => {
                assert_eq!(signed.checkpoint().size, entries);
                sizes.push(entries);
            }
        }
    }
    assert_eq!(sizes, [0, 2, 3, 303]);
}

#[test]
fn the_clock_may_go_back_a_little_and_no_more() {
    let here = tempfile::tempdir().unwrap();
    let mut log = create(here.path());
    let mut at =
        |unix_ms: i64| log.append(time(unix_ms), &[draft(0)], &Key::new()).map(|appended| appended.times);
    assert_eq!(at(BEGIN_MS).unwrap(), [time(BEGIN_MS)]);
    assert_eq!(at(BEGIN_MS - 5000).unwrap(), [time(BEGIN_MS)]);
    let refused = at(BEGIN_MS - 5001).unwrap_err();
    let said = "the clock says 2026-03-01T11:59:54.999Z, but the last entry of the log is of 2026-03-01T12:00:00.000Z";
    assert_eq!(refused.to_string(), said);
    let five_years_off = time(BEGIN_MS - 5 * 365 * 86_400_000);
    let refused = log.append(five_years_off, &[draft(0)], &Key::new());
    assert!(matches!(refused, Err(Error::Time(TimeError::BackDated { now, .. })) if now == five_years_off));
    // A refusal is not a failed write: the log goes on.
    assert_eq!(log.append(time(BEGIN_MS + 1), &[draft(0)], &Key::new()).unwrap().first, 2);
}

#[test]
fn what_can_not_be_appended_changes_nothing() {
    let here = tempfile::tempdir().unwrap();
    let mut log = create(here.path());
    append(&mut log, 3).unwrap();
    let mut wrong = draft(3);
    wrong.act = "Not an act".to_owned();
    assert!(matches!(log.append(time(BEGIN_MS + 9), &[draft(3), wrong], &Key::new()), Err(Error::Entry(_))));
    let many = vec![draft(0); BATCH_ENTRIES_MAX + 1];
    assert!(matches!(log.append(time(BEGIN_MS + 9), &many, &Key::new()), Err(Error::BatchTooLarge(_))));
    assert!(matches!(log.append(time(BEGIN_MS + 9), &[draft(3)], &Key::of(2)), Err(Error::WrongKey { .. })));
    append(&mut log, 1).unwrap();
    check_whole(here.path(), 4);
}

#[test]
fn logs_that_can_not_be_opened() {
    let here = tempfile::tempdir().unwrap();
    let open = |key: &Key| Log::open(here.path(), key).map(|log| log.size());
    assert!(matches!(open(&Key::new()), Err(Error::NotALog { missing: "log.toml", .. })));
    append(&mut create(here.path()), 5).unwrap();
    assert!(matches!(open(&Key::of(2)), Err(Error::WrongKey { .. })));
    let settings = Settings::new(vkey(), None);
    assert!(matches!(Log::create(here.path(), &settings, &Key::new()), Err(Error::Exists(_))));
    assert_eq!(Settings::read(here.path()).unwrap(), settings);
    assert_eq!(settings.vkey.name(), ORIGIN);
    std::fs::write(here.path().join("log.toml"), "vkey = 1\n").unwrap();
    assert!(open(&Key::new()).unwrap_err().to_string().contains("line 1"));
}
