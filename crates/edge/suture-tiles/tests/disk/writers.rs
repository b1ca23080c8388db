//! One writer at a time, many threads, many processes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use suture_log::{ExportRecord, SignError, Signer, Value};
use suture_tiles::{Log, Reader, SharedLog, Walk, lock_within};

use crate::support::{BEGIN_MS, Key, append, create, draft, policy, time};

const THREADS: u64 = 8;
const ACTS_EACH: u64 = 50;

#[test]
fn acts_of_many_threads_are_all_in_the_log_once() {
    let here = tempfile::tempdir().unwrap();
    let shared = SharedLog::new(create(here.path()), Key::new());
    let clock = AtomicU64::new(0);
    let begin = Barrier::new(THREADS as usize);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (here, shared, clock, begin) = (&here, &shared, &clock, &begin);
            scope.spawn(move || {
                begin.wait();
                for act in 0..ACTS_EACH {
                    let number = thread * ACTS_EACH + act;
                    let now = || time(BEGIN_MS + clock.fetch_add(1, Ordering::Relaxed) as i64);
                    let index = shared.append(draft(number), now).unwrap();
                    // It is on the disk when it is acknowledged, and has the number that was said.
                    let entry = Reader::open(here.path()).unwrap().entry(index).unwrap();
                    assert_eq!(entry.detail["number"], Value::Number(number as i64));
                }
            });
        }
    });
    assert_eq!(shared.into_log().size(), THREADS * ACTS_EACH);
    let reader = Reader::open(here.path()).unwrap();
    suture_tiles::audit(&reader, &policy(), Vec::new()).unwrap();
    let numbers: std::collections::BTreeSet<String> = (0..reader.size())
        .map(|index| format!("{:?}", reader.entry(index).unwrap().detail["number"]))
        .collect();
    assert_eq!(numbers.len() as u64, THREADS * ACTS_EACH);
}

/// A key that says when it is asked, and signs when it is let.
struct Gate {
    key: Key,
    asked: Sender<()>,
    let_sign: Mutex<Receiver<()>>,
}

impl Signer for Gate {
    fn name(&self) -> &str {
        self.key.name()
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        self.asked.send(()).unwrap();
        self.let_sign.lock().unwrap().recv().unwrap();
        self.key.sign(message)
    }
}

/// Whoever comes while a batch is written is in the next one, all together.
#[test]
fn those_who_wait_share_a_batch() {
    let here = tempfile::tempdir().unwrap();
    let ((let_sign, gate), (asked, is_asked)) = (channel(), channel());
    let gate = Gate { key: Key::new(), asked, let_sign: Mutex::new(gate) };
    let shared = SharedLog::new(create(here.path()), gate);
    std::thread::scope(|scope| {
        let append = || shared.append(draft(0), || time(BEGIN_MS)).unwrap();
        scope.spawn(append);
        is_asked.recv().unwrap();
        (1..THREADS).for_each(|_| drop(scope.spawn(append)));
        while shared.waiting() as u64 != THREADS - 1 {
            std::thread::yield_now();
        }
        (0..2).for_each(|_| let_sign.send(()).unwrap());
    });
    let reader = Reader::open(here.path()).unwrap();
    let (mut walk, mut sizes) = (Walk::new(&reader).unwrap(), Vec::new());
    while let Some(record) = walk.next_record().unwrap() {
        if let ExportRecord::Checkpoint(signed) = record {
            sizes.push(signed.checkpoint().size);
        }
    }
    assert_eq!(sizes, [0, 1, THREADS]);
}

/// One bad act does not spoil those that wait with it.
#[test]
fn a_bad_act_is_refused_alone() {
    let here = tempfile::tempdir().unwrap();
    let shared = SharedLog::new(create(here.path()), Key::new());
    let mut bad = draft(0);
    bad.actor.name = String::new();
    let now = || time(BEGIN_MS);
    assert!(shared.append(bad, now).is_err());
    assert_eq!(shared.append(draft(1), now).unwrap(), 0);
}

/// A second writer waits until the first is done, and then goes on behind it.
#[test]
fn a_second_writer_waits() {
    let here = tempfile::tempdir().unwrap();
    let mut first = create(here.path());
    let (at_the_door, opened) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            at_the_door.send(()).unwrap();
            let mut second = Log::open(here.path(), &Key::new()).unwrap();
            assert_eq!(second.size(), 7);
            append(&mut second, 1).unwrap();
        });
        opened.recv().unwrap();
        append(&mut first, 7).unwrap();
        drop(first);
    });
    assert_eq!(Reader::open(here.path()).unwrap().size(), 8);
}

/// Whoever has waited long enough goes away, and leaves the lock to others.
#[test]
fn a_lock_is_not_waited_for_for_ever() {
    let here = tempfile::NamedTempFile::new().unwrap();
    let open = || std::fs::File::open(here.path()).unwrap();
    let holder = lock_within(open(), Duration::ZERO).unwrap().unwrap();
    assert!(lock_within(open(), Duration::ZERO).unwrap().is_none());
    assert!(lock_within(open(), Duration::from_millis(20)).unwrap().is_none());
    drop(holder);
    assert!(lock_within(open(), Duration::from_mins(1)).unwrap().is_some());
}
