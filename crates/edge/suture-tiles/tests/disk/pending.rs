//! A process that acts ends at every operation on the file system in turn. Whatever it has done is told by the log once, after whoever acts
//! next has settled what it has left.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use suture_log::{Draft, Entry, ExportRecord, Outcome, OutcomeResult, Value};
use suture_tiles::{Log, Pending, Reader, Settled, Waiting, Walk, cut_short};

use crate::support::{BEGIN_MS, Key, create, draft, policy, time};

/// Says where a child is to act.
const CHILD_VARIABLE: &str = "SUTURE_TILES_ACTOR";
const ACTS: u32 = 3;

/// Not a test of its own: the process that the others end. What it does is a file `effects/NUMBER`, NUMBER being its own.
#[test]
fn child() {
    let Some(here) = std::env::var_os(CHILD_VARIABLE) else { return };
    let here = Path::new(&here);
    for act in 0..ACTS {
        let number = u64::from(std::process::id() * ACTS + act);
        let begun = begin(here, number);
        fs::write(here.join("effects").join(number.to_string()), "").unwrap();
        begun.note(&[interrupted(number)]).unwrap();
        begun.end(time(BEGIN_MS), &[draft(number)]).unwrap();
        open(here).finish(time(BEGIN_MS), &[draft(number)], &Key::new(), &begun).unwrap();
    }
}

fn open(here: &Path) -> Log {
    Log::open(&here.join("log"), &Key::new()).unwrap()
}

/// As the program begins an act.
fn begin(here: &Path, number: u64) -> Pending {
    let mut log = open(here);
    log.settle(time(BEGIN_MS), &Key::new()).unwrap();
    log.begin(time(BEGIN_MS), &[interrupted(number)]).unwrap()
}

fn interrupted(number: u64) -> Draft {
    Draft { outcome: Outcome::failed("interrupted"), ..draft(number) }
}

fn run(here: &Path, fault: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["pending::child", "--exact", "--nocapture"]).env(CHILD_VARIABLE, here);
    command.env("SUTURE_TILES_FAULT", fault).output().unwrap()
}

/// A place with an empty log.
fn place() -> tempfile::TempDir {
    let here = tempfile::tempdir().unwrap();
    drop(create(&here.path().join("log")));
    fs::create_dir(here.path().join("effects")).unwrap();
    here
}

/// The entries of a log that is whole, by the numbers of their acts.
fn entries(here: &Path) -> BTreeMap<u64, Vec<Entry>> {
    let reader = Reader::open(&here.join("log")).unwrap();
    suture_tiles::audit(&reader, &policy(), Vec::new()).unwrap();
    let mut found: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
    let mut walk = Walk::new(&reader).unwrap();
    while let Some(record) = walk.next_record().unwrap() {
        if let ExportRecord::Entry { entry, .. } = record {
            let entry = Entry::parse(&entry).unwrap();
            let Value::Number(number) = entry.detail["number"] else { panic!("{entry:?}") };
            found.entry(u64::try_from(number).unwrap()).or_default().push(entry);
        }
    }
    found
}

/// Settles, and checks that each effect is told once; gives the entries.
fn check(here: &Path, what: &str) -> BTreeMap<u64, Vec<Entry>> {
    open(here).settle(time(BEGIN_MS), &Key::new()).unwrap();
    let entries = entries(here);
    for (number, told) in &entries {
        assert_eq!(told.len(), 1, "{what}: {number} is told so: {told:?}");
    }
    for effect in fs::read_dir(here.join("effects")).unwrap() {
        let number = effect.unwrap().file_name().to_str().unwrap().parse().unwrap();
        assert!(entries.contains_key(&number), "{what}: {number} is not told");
    }
    assert_eq!(cut_short(&here.join("log")).unwrap(), Waiting::default());
    let left = fs::read_dir(here.join("log/pending")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "{what}: something is left");
    entries
}

/// The second process settles what the first has left, and is ended too.
fn end_at_each(kind: &str, count_min: u64) {
    for number in 1.. {
        let here = place();
        let what = format!("{kind}:{number}");
        let first = run(here.path(), &what);
        run(here.path(), &format!("{kind}:{}", number % 37 + 1));
        check(here.path(), &what);
        if first.status.success() {
            assert!(number > count_min, "only {number}");
            break;
        }
    }
}

#[test]
fn killed_behind_any_operation_every_act_is_told_once() {
    end_at_each("kill-after", 60);
}

#[test]
fn killed_within_any_write_every_act_is_told_once() {
    end_at_each("kill-within", 20);
}

/// A full disk: what could not be recorded is recorded later, as it ended.
#[test]
fn an_act_whose_append_fails_is_told_later_as_it_ended() {
    for number in 1.. {
        let here = place();
        let what = format!("fail:{number}");
        let finished = run(here.path(), &what).status.success();
        let entries = check(here.path(), &what);
        for told in entries.values().flatten() {
            let is_late = told.detail.contains_key("begun");
            let is_done = told.outcome.result == OutcomeResult::Done;
            assert_eq!(is_late, told.detail.contains_key("ended") || told.detail.contains_key("end"));
            assert_eq!(is_done, !told.detail.contains_key("end"), "{what}: {told:?}");
        }
        if finished && entries.values().flatten().count() == ACTS as usize && number > 60 {
            break;
        }
    }
}

#[test]
fn an_act_that_goes_on_is_left_alone() {
    let here = place();
    let log = here.path().join("log");
    let begun = begin(here.path(), 1);
    assert_eq!(cut_short(&log).unwrap(), Waiting::default());
    assert_eq!(open(here.path()).settle(time(BEGIN_MS), &Key::new()).unwrap(), Settled::default());
    drop(begun);
    let seen = cut_short(&log).unwrap().acts;
    assert_eq!((seen.len(), seen[0].begun, seen[0].ended), (1, time(BEGIN_MS), None));
    assert_eq!(open(here.path()).settle(time(BEGIN_MS + 9), &Key::new()).unwrap().count, 1);
    let entry = entries(here.path()).remove(&1).unwrap().remove(0);
    assert_eq!(entry.outcome, Outcome::failed("interrupted"));
    assert_eq!(entry.when, time(BEGIN_MS + 9));
    assert_eq!(entry.detail["begun"], Value::Text(time(BEGIN_MS).to_string()));
    assert_eq!(entry.detail["end"], Value::Text("unseen".to_owned()));
}

/// What a machine that lost its power leaves at the end of a file is passed over.
#[test]
fn what_is_torn_is_passed_over() {
    let here = place();
    drop(begin(here.path(), 1));
    let path = here.path().join("log/pending/1");
    let mut content = fs::read(&path).unwrap();
    content.extend(b"\n\0\0\0\0\n{\"begun\":\"2026");
    fs::write(&path, content).unwrap();
    fs::write(here.path().join("log/pending/2"), "").unwrap();
    let entries = check(here.path(), "torn");
    assert_eq!(entries.keys().collect::<Vec<_>>(), [&1]);
}

/// The clock is looked at before anything is noted.
#[test]
fn what_the_clock_would_keep_out_is_not_begun() {
    let here = place();
    open(here.path()).append(time(BEGIN_MS), &[draft(1)], &Key::new()).unwrap();
    let log = open(here.path());
    assert!(log.begin(time(BEGIN_MS - 5_001), &[draft(2)]).is_err());
    assert!(log.begin(time(BEGIN_MS - 5_000), &[draft(2)]).is_ok());
}
