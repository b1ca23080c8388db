//! What is left in `pending/`: notes become entries, once and as few batches; what is no note stops nothing, is kept, and is told.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use suture_log::{
    Draft, ENTRY_BYTES_MAX, Entry, ExportRecord, KeyKind, Outcome, SignError, Signer, Subject, Value,
    VerifierKey,
};
use suture_tiles::{Log, Pending, Reader, Settings, Walk, cut_short};

use crate::support::{BEGIN_MS, Key, create, draft, time, vkey};

/// A log with one entry.
fn place() -> tempfile::TempDir {
    let here = tempfile::tempdir().unwrap();
    create(here.path()).append(time(BEGIN_MS), &[draft(0)], &Key::new()).unwrap();
    here
}

fn open(directory: &Path) -> Log {
    Log::open(directory, &Key::new()).unwrap()
}

fn begin(directory: &Path, number: u64) -> Pending {
    open(directory).begin(time(BEGIN_MS), &[draft(number)]).unwrap()
}

fn entries(directory: &Path) -> Vec<Entry> {
    let reader = Reader::open(directory).unwrap();
    suture_tiles::audit(&reader, &crate::support::policy(), Vec::new()).unwrap();
    (0..reader.size()).map(|index| reader.entry(index).unwrap()).collect()
}

/// Makes something in a `pending/`, beside which a good note stays; checks that only this is added, and gives what is said of the other.
fn told_of(make: impl FnOnce(&Path)) -> String {
    let here = place();
    drop(begin(here.path(), 7));
    let pending = here.path().join("pending");
    make(&pending);
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(&pending).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let seen = cut_short(here.path()).unwrap();
    assert_eq!((seen.acts.len(), seen.unusable.len()), (1, 1), "{seen:?}");
    let settled = open(here.path()).settle(time(BEGIN_MS), &Key::new()).unwrap();
    assert_eq!((settled.count, &settled.unusable), (1, &seen.unusable));
    let entries = entries(here.path());
    assert_eq!((entries.len(), &entries[1].detail["number"]), (2, &Value::Number(7)));
    assert_eq!(names(), before[1..], "it is kept");
    // The next act can begin, and the same is said again.
    let begun = begin(here.path(), 8);
    open(here.path()).finish(time(BEGIN_MS), &[draft(8)], &Key::new(), &begun).unwrap();
    let again = open(here.path()).settle(time(BEGIN_MS), &Key::new()).unwrap();
    assert_eq!((again.count, &again.unusable), (0, &seen.unusable));
    seen.unusable[0].why.clone()
}

#[test]
fn what_is_no_note_is_kept_and_told() {
    let directory = told_of(|pending| fs::create_dir(pending.join("2")).unwrap());
    assert_eq!(directory, "it is no regular file");
    // Whoever opens it as an ordinary file waits for a writer.
    let fifo = told_of(|pending| {
        let path = CString::new(pending.join("2").as_os_str().as_bytes()).unwrap();
        nix::unistd::mkfifo(path.as_c_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    });
    assert_eq!(fifo, "it is no regular file");
    let stray = told_of(|pending| fs::write(pending.join("notes.txt"), "do not delete").unwrap());
    assert_eq!(stray, "its name is no number");
    let text = told_of(|pending| fs::write(pending.join("2"), "a text\n").unwrap());
    assert_eq!(text, "it does not begin like a note");
    let edited = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        told_of(move |pending| {
            drop(begin(pending.parent().unwrap(), 9));
            let note = fs::read_to_string(pending.join("2")).unwrap();
            assert!(note.contains(&from), "{note}");
            fs::write(pending.join("2"), note.replace(&from, &to)).unwrap();
        })
    };
    assert_eq!(edited("\"v\":2", "\"v\":3"), "it is of version 3, and this program knows 2");
    assert!(edited("\"begun\":", "\"begin\":").starts_with("it is damaged: missing field `begun`"));
    assert!(edited("process.apply", "Process.apply").starts_with("it says what can be no entry: `act`"));
    assert_eq!(
        edited("\"log\":\"example.com/audit\"", "\"log\":\"example.com/other\""),
        "it was made as note `2` of the log `example.com/other`"
    );
    let copied = told_of(|pending| {
        drop(begin(pending.parent().unwrap(), 9));
        fs::rename(pending.join("2"), pending.join("3")).unwrap();
    });
    assert_eq!(copied, "it was made as note `2` of the log `example.com/audit`");
}

#[test]
fn many_notes_are_one_batch() {
    const NOTES: u64 = 60;
    let here = place();
    let begun: Vec<Pending> = (1..=NOTES).map(|number| begin(here.path(), number)).collect();
    drop(begun);
    let settled = open(here.path()).settle(time(BEGIN_MS), &Key::new()).unwrap();
    assert_eq!(settled.count, 60);
    let reader = Reader::open(here.path()).unwrap();
    let (mut walk, mut sizes) = (Walk::new(&reader).unwrap(), Vec::new());
    while let Some(record) = walk.next_record().unwrap() {
        if let ExportRecord::Checkpoint(signed) = record {
            sizes.push(signed.checkpoint().size);
        }
    }
    assert_eq!(sizes, [0, 1, NOTES + 1]);
    assert_eq!(fs::read_dir(here.path().join("pending")).unwrap().count(), 0);
}

/// A key that is gone when it is asked to sign.
struct Gone(Key);

impl Signer for Gone {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn public_key(&self) -> [u8; 32] {
        self.0.public_key()
    }

    fn sign(&self, _: &[u8]) -> Result<[u8; 64], SignError> {
        Err(SignError { key: self.name().to_owned(), why: "it is gone".to_owned() })
    }
}

/// Two acts that are alike in everything, also in their times and in the numbers that their entries would have.
#[test]
fn acts_that_are_alike_are_not_taken_for_each_other() {
    let here = place();
    let (first, second) = (begin(here.path(), 7), begin(here.path(), 7));
    let mut log = open(here.path());
    log.finish(time(BEGIN_MS), &[draft(7)], &Gone(Key::new()), &first).unwrap_err();
    // Nothing that is added here may look like what has failed.
    log.append(time(BEGIN_MS), &[draft(7)], &Key::new()).unwrap_err();
    drop(log);
    open(here.path()).append(time(BEGIN_MS), &[draft(7)], &Key::new()).unwrap();
    open(here.path()).finish(time(BEGIN_MS), &[draft(7)], &Key::new(), &second).unwrap();
    drop(first);
    assert_eq!(cut_short(here.path()).unwrap().acts.len(), 1);
    assert_eq!(open(here.path()).settle(time(BEGIN_MS), &Key::new()).unwrap().count, 1);
    assert_eq!(entries(here.path()).len(), 4);
}

#[test]
fn a_note_is_not_removed_for_another_of_the_same_name() {
    let here = place();
    let first = begin(here.path(), 1);
    fs::remove_file(here.path().join("pending/1")).unwrap();
    let second = begin(here.path(), 2);
    open(here.path()).finish(time(BEGIN_MS), &[draft(1)], &Key::new(), &first).unwrap();
    drop(second);
    assert_eq!(open(here.path()).settle(time(BEGIN_MS), &Key::new()).unwrap().count, 1);
    let numbers: Vec<Value> =
        entries(here.path()).iter().map(|entry| entry.detail["number"].clone()).collect();
    assert_eq!(numbers, [0, 1, 2].map(Value::Number));
}

/// As many things as an entry has room for, until it is told late.
#[test]
fn what_one_entry_can_not_hold_is_told_by_several() {
    let here = place();
    let id = |number: u64| Subject::id("file", format!("{number:0>480}"));
    let mut large = Draft { subjects: (0..128).map(id).collect(), ..draft(7) };
    let len = |draft: &Draft| draft.at(time(BEGIN_MS)).encode().unwrap().len();
    large.actor.name = "a".repeat(ENTRY_BYTES_MAX - len(&large));
    assert!(ENTRY_BYTES_MAX - len(&large) < 10);
    drop(open(here.path()).begin(time(BEGIN_MS), std::slice::from_ref(&large)).unwrap());
    assert_eq!(open(here.path()).settle(time(BEGIN_MS), &Key::new()).unwrap().count, 1);
    let told = entries(here.path()).split_off(1);
    assert!(told.iter().all(|entry| entry.detail["end"] == Value::Text("unseen".to_owned())));
    let subjects: Vec<Subject> = told.into_iter().flat_map(|entry| entry.subjects).collect();
    assert_eq!(subjects, large.subjects);
}

#[test]
fn what_can_be_no_entry_is_not_begun() {
    let here = place();
    let bad = Draft { act: "No Act".to_owned(), ..draft(1) };
    open(here.path()).begin(time(BEGIN_MS), std::slice::from_ref(&bad)).map(drop).unwrap_err();
    assert_eq!(fs::read_dir(here.path().join("pending")).map_or(0, Iterator::count), 0);
    // What is said later and can't be told takes nothing of what was said before.
    let begun = begin(here.path(), 1);
    begun.note(&[bad]).unwrap_err();
    begun.note(&[Draft { outcome: Outcome::failed("interrupted"), ..draft(2) }]).unwrap();
    drop(begun);
    open(here.path()).settle(time(BEGIN_MS), &Key::new()).unwrap();
    assert_eq!(entries(here.path())[1].detail["number"], Value::Number(2));
}

/// Who can open a file can lock it, and so keep others waiting for ever or make a killed act look alive.
#[test]
fn what_is_locked_nobody_else_can_open() {
    let here = place();
    let mode = |name: &str| fs::metadata(here.path().join(name)).unwrap().permissions().mode() & 0o777;
    let allow = |name: &str, mode| {
        fs::set_permissions(here.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let begun = begin(here.path(), 1);
    assert_eq!([mode("lock"), mode("pending"), mode("pending/1")], [0o600, 0o700, 0o600]);
    drop(begun);
    allow("lock", 0o644);
    allow("pending", 0o755);
    drop(begin(here.path(), 2));
    assert_eq!([mode("lock"), mode("pending")], [0o600, 0o700], "as it was made before");
}

/// The key of another log.
struct Next(Key);

impl Signer for Next {
    fn name(&self) -> &'static str {
        "example.com/next"
    }

    fn public_key(&self) -> [u8; 32] {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        self.0.sign(message)
    }
}

/// A log that follows another adds what is pending there, also what is left there later.
#[test]
fn what_is_pending_beside_a_log_is_added_to_the_one_that_follows() {
    let here = place();
    let next = tempfile::tempdir().unwrap();
    let (killed, going_on) = (begin(here.path(), 1), begin(here.path(), 2));
    drop(killed);
    let mut old = suture_tiles::Predecessor::hold(here.path()).unwrap();
    old.close("example.com/next").unwrap();
    old.close("example.com/next").unwrap();
    assert!(old.close("example.com/third").is_err(), "one follows it, not two");
    drop(old);
    let refused = Log::open(here.path(), &Key::new()).map(drop).unwrap_err();
    assert!(refused.to_string().contains("the log example.com/next follows it"), "{refused}");

    let key = Next(Key::of(2));
    let vkey = VerifierKey::new(key.name(), KeyKind::Note, &key.public_key()).unwrap();
    let settings = Settings { predecessor: Some(here.path().to_owned()), ..Settings::new(vkey, None) };
    let first = || Ok((time(BEGIN_MS), vec![draft(0)]));
    let mut log = Log::create_with(next.path(), &settings, &key, first).unwrap();
    assert_eq!(cut_short(next.path()).unwrap().acts.len(), 1);
    assert_eq!(log.settle(time(BEGIN_MS), &key).unwrap().count, 1);
    drop(going_on);
    drop(log);
    let mut log = Log::open(next.path(), &key).unwrap();
    assert_eq!(log.settle(time(BEGIN_MS), &key).unwrap().count, 1);
    assert_eq!(cut_short(next.path()).unwrap().acts, []);
    let reader = Reader::open(next.path()).unwrap();
    let told: Vec<Entry> = (1..reader.size()).map(|index| reader.entry(index).unwrap()).collect();
    let numbers: Vec<&Value> = told.iter().map(|entry| &entry.detail["number"]).collect();
    assert_eq!(numbers, [&Value::Number(1), &Value::Number(2)]);
    assert!(told.iter().all(|entry| entry.detail["log"] == Value::Text("example.com/audit".to_owned())));
    assert_eq!(entries(here.path()).len(), 1);
}

/// Where making a log was ended between its first checkpoint and its first entry, as it could be once, it is finished.
#[test]
fn an_empty_log_is_finished_by_whoever_has_its_key() {
    let here = tempfile::tempdir().unwrap();
    drop(create(here.path()));
    let first = || Ok((time(BEGIN_MS), vec![draft(0)]));
    drop(Log::create_with(here.path(), &Settings::new(vkey(), None), &Key::new(), first).unwrap());
    assert_eq!(entries(here.path()).len(), 1);
    assert!(Log::create_with(here.path(), &Settings::new(vkey(), None), &Key::new(), first).is_err());
}
