//! Everything that can be done to a log by whoever has the file but not the keys, and what the auditor says to it.

use suture_log::{
    Auditor, Entry, ExportReader, ExportRecord, Finding, Hash, KeyKind, Policy, SignedCheckpoint, Verdict,
};

use crate::support::{BEGIN_S, Key, Ledger, checkpoint, entry, time};

fn audit_with(export: &[u8], policy: &Policy, kept: Vec<SignedCheckpoint>) -> Result<Verdict, Finding> {
    let mut reader = ExportReader::new(export).unwrap();
    let mut auditor = Auditor::new(policy, kept)?;
    while let Some(record) = reader.next_record().unwrap() {
        match record {
            ExportRecord::Entry { index, leaf, entry } => drop(auditor.numbered_entry(index, &entry, leaf)?),
            ExportRecord::Checkpoint(signed) => auditor.checkpoint(*signed)?,
        }
    }
    auditor.finish()
}

fn audit(export: &[u8]) -> Result<Verdict, Finding> {
    audit_with(export, &Policy::of_log(Key::log().verifier(KeyKind::Note)), Vec::new())
}

fn said(export: &[u8]) -> String {
    audit(export).unwrap_err().to_string()
}

/// The export as lines, to be edited.
fn edited(ledger: &Ledger, edit: impl FnOnce(&mut Vec<String>)) -> Vec<u8> {
    let text = String::from_utf8(ledger.export()).unwrap();
    let mut lines = text.split_inclusive('\n').map(str::to_owned).collect();
    edit(&mut lines);
    lines.concat().into_bytes()
}

fn line_of(lines: &[String], entry: u64) -> usize {
    lines.iter().position(|line| line.starts_with(&format!("entry {entry} "))).unwrap()
}

#[test]
fn a_log_as_it_was_written() {
    for sizes in [&[0][..], &[1], &[0, 1, 2, 3], &[5, 9, 300]] {
        let ledger = Ledger::new(sizes);
        let verdict = audit(&ledger.export()).unwrap();
        assert_eq!(verdict.checkpoint.checkpoint().size, *sizes.last().unwrap());
    }
}

#[test]
fn a_changed_entry() {
    let ledger = Ledger::new(&[4, 8, 12]);
    let export = edited(&ledger, |lines| {
        let at = line_of(lines, 6);
        lines[at] = lines[at].replace("Ada", "Eve");
    });
    assert_eq!(said(&export), "entry 6 was changed: it is not the one whose hash is in the log");
}

/// With the hash beside it recomputed only what was signed remains: the batch is named, and the entry if it was alone.
#[test]
fn a_changed_entry_with_its_hash() {
    let mut ledger = Ledger::new(&[4, 8, 9, 12]);
    let genuine = ledger.entries.clone();
    let eve = |entry: &[u8]| String::from_utf8(entry.to_vec()).unwrap().replace("Ada", "Eve").into_bytes();
    ledger.entries[6] = eve(&genuine[6]);
    let range = "not what the log has signed: at least one was changed, dropped, added or moved";
    assert_eq!(said(&ledger.export()), format!("entries 4 to 7 are {range}"));
    ledger.entries = genuine.clone();
    ledger.entries[8] = eve(&genuine[8]);
    let alone = "entry 8 is not what the log has signed: it was changed, dropped, added or moved";
    assert_eq!(said(&ledger.export()), alone);
    // Without the checkpoints in between less can be said, but it is found.
    ledger.checkpoints.drain(..3);
    assert_eq!(said(&ledger.export()), format!("entries 0 to 11 are {range}"));
}

#[test]
fn a_dropped_entry() {
    let ledger = Ledger::new(&[4, 8, 12]);
    let export = edited(&ledger, |lines| drop(lines.remove(line_of(lines, 6))));
    assert_eq!(said(&export), "entry 6 is missing: entry 7 stands in its place");
    // With the numbers mended.
    let mut ledger = Ledger::new(&[4, 8, 12]);
    ledger.entries.remove(6);
    ledger.checkpoints.pop();
    assert_eq!(
        said(&ledger.export()),
        "entries 4 to 7 are not what the log has signed: at least one was changed, dropped, added or moved"
    );
    let mut ledger = Ledger::new(&[4, 8, 12]);
    ledger.entries.remove(9);
    assert_eq!(
        said(&ledger.export()),
        "1 of the entries 8 to 11 is missing: the log has signed for 12 entries"
    );
}

#[test]
fn entries_cut_off_at_the_end() {
    let ledger = Ledger::new(&[4, 8, 12]);
    let cut = |from: u64, to: u64| {
        edited(&ledger, |lines| drop(lines.drain(line_of(lines, from)..=line_of(lines, to))))
    };
    assert_eq!(said(&cut(8, 11)), "entries 8 to 11 are missing: the log has signed for 12 entries");
    // With its checkpoint cut off too it is the log of that time; who has seen more finds it.
    let mut shorter = Ledger::new(&[4, 8, 12]);
    let newest = shorter.checkpoints.pop().unwrap();
    shorter.entries.truncate(8);
    assert!(audit(&shorter.export()).is_ok());
    let policy = Policy::of_log(Key::log().verifier(KeyKind::Note));
    let finding = audit_with(&shorter.export(), &policy, vec![newest]).unwrap_err();
    assert_eq!(finding.to_string(), "entries 8 to 11 are missing: the log has signed for 12 entries");
}

#[test]
fn entries_that_have_changed_places() {
    let ledger = Ledger::new(&[4, 8, 12]);
    let export = edited(&ledger, |lines| {
        let (one, other) = (line_of(lines, 5), line_of(lines, 6));
        lines.swap(one, other);
    });
    assert_eq!(said(&export), "entry 5 is missing: entry 6 stands in its place");
    // With the numbers mended, the times tell.
    let mut ledger = Ledger::new(&[4, 8, 12]);
    ledger.entries.swap(5, 6);
    let dated =
        "entry 6 is dated back: it says 2026-03-01T12:00:05.000Z, but entry 5 is of 2026-03-01T12:00:06.000Z";
    assert_eq!(said(&ledger.export()), dated);
}

#[test]
fn an_added_entry() {
    let mut ledger = Ledger::new(&[4, 8, 12]);
    ledger.entries.insert(12, entry(12).encode().unwrap());
    assert_eq!(said(&ledger.export()), "entry 12 is covered by no checkpoint: nobody has signed for it");
    let mut ledger = Ledger::new(&[4, 8]);
    ledger.entries.insert(2, ledger.entries[2].clone());
    assert!(said(&ledger.export()).starts_with("entries 0 to 3 are not what the log has signed"));
}

#[test]
fn an_entry_that_is_dated_back() {
    // By a forger, with everything recomputed but the signature.
    let mut ledger = Ledger::new(&[4, 8, 12]);
    let mut forged = entry(6);
    forged.when = time(BEGIN_S * 1000);
    ledger.entries[6] = forged.encode().unwrap();
    let dated =
        "entry 6 is dated back: it says 2026-03-01T12:00:00.000Z, but entry 5 is of 2026-03-01T12:00:05.000Z";
    assert_eq!(said(&ledger.export()), dated);
    // By whoever has the log's key: the signature is genuine, and it is found all the same.
    ledger.checkpoints = vec![checkpoint(&ledger.entries, &Key::log())];
    assert_eq!(said(&ledger.export()), dated);
}

/// Whoever has the log's key can write what they like with fitting times, but not before a witness has looked.
#[test]
fn an_entry_that_is_dated_before_a_witness_looked() {
    let witness = Key::new("witness.example/w", 9);
    let text = format!(
        "log {}\nwitness W {}\nquorum none\n",
        Key::log().verifier(KeyKind::Note),
        witness.verifier(KeyKind::Cosignature)
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let hour_later = BEGIN_S as u64 + 3600;
    let mut ledger = Ledger::new(&[4, 8]);
    ledger.checkpoints[0].cosign(&witness, hour_later).unwrap();
    let finding = audit_with(&ledger.export(), &policy, Vec::new()).unwrap_err();
    let said = "entry 4 is dated back: it says 2026-03-01T12:00:04.000Z, but at 2026-03-01T13:00:00.000Z a witness saw the log without it";
    assert_eq!(finding.to_string(), said);
    // Nor can an entry be from after it was seen.
    let mut ledger = Ledger::new(&[4, 8]);
    ledger.checkpoints[0].cosign(&witness, BEGIN_S as u64 - 3600).unwrap();
    let finding = audit_with(&ledger.export(), &policy, Vec::new()).unwrap_err();
    assert!(matches!(finding, Finding::DatedForward { index: 3, .. }), "{finding}");
}

#[test]
fn a_history_that_was_written_anew() {
    let policy = Policy::of_log(Key::log().verifier(KeyKind::Note));
    let kept = Ledger::new(&[4, 8]).checkpoints;
    let mut ledger = Ledger::new(&[12]);
    let mut other = entry(6);
    other.actor.name = "Eve".to_owned();
    ledger.entries[6] = other.encode().unwrap();
    ledger.checkpoints = vec![checkpoint(&ledger.entries, &Key::log())];
    assert!(audit(&ledger.export()).is_ok(), "the log's own key can do that");
    let finding = audit_with(&ledger.export(), &policy, kept).unwrap_err();
    assert_eq!((finding.code(), finding.entries()), ("rewritten", Some((4, 7))), "{finding}");
}

#[test]
fn a_log_that_is_signed_by_somebody_else() {
    let mut ledger = Ledger::new(&[4]);
    ledger.checkpoints = vec![checkpoint(&ledger.entries, &Key::new(crate::support::ORIGIN, 2))];
    assert_eq!(
        said(&ledger.export()),
        "the checkpoint of `example.com/audit` is not signed by the key of that log"
    );
    ledger.checkpoints = vec![checkpoint(&ledger.entries, &Key::new("example.com/other", 1))];
    assert!(said(&ledger.export()).contains("there is no key"));
    ledger.checkpoints.clear();
    assert_eq!(audit(&ledger.export()), Err(Finding::NoCheckpoint));
}

/// An entry that no program of ours would write, signed by the log.
#[test]
fn an_entry_in_another_spelling() {
    let mut ledger = Ledger::new(&[4]);
    ledger.entries[2] = [ledger.entries[2].as_slice(), b" "].concat();
    ledger.checkpoints = vec![checkpoint(&ledger.entries, &Key::log())];
    assert!(said(&ledger.export()).starts_with("entry 2 is none: it is not in canonical form from byte"));
    assert_eq!(
        Hash::of_leaf(&ledger.entries[1]),
        Hash::of_leaf(&Entry::parse(&ledger.entries[1]).unwrap().encode().unwrap())
    );
}
