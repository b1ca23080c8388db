//! One writer at a time, many threads, many processes.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use suture_log::Value;
use suture_tiles::{Log, Reader, SharedLog};

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
    let (at_the_door, opened) = std::sync::mpsc::channel();
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
