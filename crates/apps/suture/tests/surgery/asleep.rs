//! Threads that sleep are left asleep where the processors can be held for the moment of the change.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::{Pair, Target};

fn sleepers() -> (Pair, Target) {
    let pair = Pair::build("c/sleepers.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    assert_eq!(target.ask("threads"), "64");
    (pair, target)
}

/// How often each thread has given up its processor.
fn turns(target: &Target) -> BTreeMap<String, u64> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", target.pid())).unwrap();
    tasks
        .map(|task| {
            let task = task.unwrap();
            let status = std::fs::read_to_string(task.path().join("status")).unwrap();
            let turns = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            (task.file_name().into_string().unwrap(), turns.unwrap().trim().parse().unwrap())
        })
        .collect()
}

/// How many threads have slept through `act`.
fn slept_through(target: &mut Target, act: impl FnOnce(&mut Target)) -> usize {
    let before = turns(target);
    act(target);
    let after = turns(target);
    after.iter().filter(|(thread, turns)| before.get(*thread) == Some(*turns)).count()
}

/// Whether this user may give threads real-time priority and watch context switches, as root may outside of containers.
fn may_hold() -> bool {
    let may_be_urgent = std::process::Command::new("chrt").args(["-f", "1", "true"]).output();
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    is_root && may_be_urgent.is_ok_and(|ran| ran.status.success())
}

#[test]
fn who_sleeps_is_not_woken_unless_it_is_wanted() {
    const SLEEPERS: usize = 64 - 6;
    const CYCLES: usize = 20;
    let (pair, mut target) = sleepers();
    let mut slept_on = 0;
    for _ in 0..CYCLES {
        for (verb, answer) in [("apply", "1005"), ("revert", "5")] {
            let slept = slept_through(&mut target, |target| {
                let ran = pair.operate(&[verb], target, &["--deadline", "60s"]);
                assert_eq!(ran.outcome(), "done", "{ran:?}");
                assert_eq!(target.ask("5"), answer);
            });
            // One may have lent itself for what is to be mapped.
            slept_on += usize::from(slept >= SLEEPERS - 1);
        }
    }
    println!("nobody was woken in {slept_on} of {} operations", 2 * CYCLES);
    assert!(slept_on > 0 || !may_hold(), "everybody was woken every time");

    for (verb, answer) in [("apply", "1005"), ("revert", "5")] {
        let slept = slept_through(&mut target, |target| {
            let ran = pair.operate(&[verb], target, &["--deadline", "60s", "--stop-all"]);
            assert_eq!(ran.outcome(), "done", "{ran:?}");
            assert_eq!(target.ask("5"), answer);
        });
        assert_eq!(slept, 0, "--stop-all wakes all");
    }
}

#[test]
fn who_sleeps_inside_the_function_is_in_the_way() {
    let (pair, mut target) = sleepers();
    for (verb, answer) in [("apply", "1005"), ("revert", "5")] {
        let before = target.ask("5");
        assert_eq!(target.ask("in"), "1");
        let begun = Instant::now();
        while !waits_at_gate(&target) && begun.elapsed() < Duration::from_mins(1) {
            std::thread::yield_now();
        }
        let ran = pair.operate(&[verb], &target, &["--deadline", "0"]);
        assert_eq!((ran.code(), ran.exit), ("busy", Some(4)), "{ran:?}");
        let stack = ran.json["results"][0]["stack"].as_array().unwrap();
        assert!(stack.iter().any(|frame| frame["place"].as_str().unwrap().starts_with("work+0x")), "{ran:?}");
        assert_eq!(target.ask("5"), before, "nothing is changed");
        assert_eq!(target.ask("out"), "1");
        assert_eq!(pair.operate(&[verb], &target, &["--deadline", "60s"]).outcome(), "done");
        assert_eq!(target.ask("5"), answer);
    }
}

/// Whether a thread waits at the gate, which is the first pipe that the program has made.
fn waits_at_gate(target: &Target) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", target.pid())).unwrap();
    tasks.flatten().any(|task| {
        // `read` of descriptor 3.
        std::fs::read_to_string(task.path().join("syscall")).is_ok_and(|text| text.starts_with("0 0x3 "))
    })
}

/// Kills the surgeon behind each of its calls, those with all processors held among them: what was begun is as if it had been
/// finished or not begun, and nobody holds a processor any more.
#[test]
fn a_surgeon_that_holds_the_processors_may_be_killed() {
    let (pair, mut target) = sleepers();
    for (prepare, verb) in [("revert", "apply"), ("apply", "revert")] {
        let mut number = 1;
        loop {
            assert_eq!(pair.operate(&[prepare], &target, &["--deadline", "60s"]).exit, Some(0));
            let finished = pair.operate_killed(&[verb], &target, number);
            let answer = target.ask("5");
            let on = pair.state(&target) == "on";
            assert_eq!(answer, if on { "1005" } else { "5" }, "{verb} killed behind call {number}");
            let begun = Instant::now();
            while is_one_left(&pair) {
                assert!(begun.elapsed() < Duration::from_mins(1), "behind call {number} somebody stayed");
                std::thread::yield_now();
            }
            if finished {
                break;
            }
            number += 1;
        }
        assert!(number > 20, "{verb} made only {number} calls");
    }
}

/// Whether a process of a surgeon of this test is still there.
fn is_one_left(pair: &Pair) -> bool {
    let directory = pair.directory().as_os_str().as_encoded_bytes();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let has_it = |bytes: &[u8]| bytes.windows(directory.len()).any(|window| window == directory);
    processes.into_iter().any(|process| {
        std::fs::read(process.path().join("environ"))
            .is_ok_and(|text| text.windows(18).any(|window| window == b"SUTURE_STATE_DIR=/") && has_it(&text))
    })
}
