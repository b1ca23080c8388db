//! Whoever is killed, the surgeon or its target, at whatever point: the target goes on, on old or on new code, and what is said of it is true.

use crate::asks_three;
use crate::support::{Pair, Target, finish};
use crate::surroundings::answers;

/// Kills the surgeon behind each of its system calls in turn while it does `verb`, each time after `prepare` in a process without the
/// patch. Whatever is wanted next must succeed.
fn kill_behind_each_call(prepare: &[&[&str]], verb: &[&str]) {
    let pair = Pair::build("c/answers.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    let mut number = 1;
    loop {
        for prepare in prepare {
            assert_eq!(pair.operate(prepare, &target, &[]).exit, Some(0), "{prepare:?}");
        }
        let finished = pair.operate_killed(verb, &target, number);
        let runs_new_code = asks_three(&mut target);
        let state = pair.state(&target);
        assert_eq!(runs_new_code, state == "on", "{verb:?} killed behind call {number}: ps says {state}");
        let mut next: Vec<(&[&str], bool)> = Vec::new();
        if state != "none" && number % 3 == 0 {
            next.extend([(&["toggle", "on"][..], true), (&["toggle", "off"], false)]);
        } else if number % 3 == 1 {
            next.push((&["revert"], false));
        }
        next.extend([(&["apply"][..], true), (&["revert"], false)]);
        for (verb, new_code) in next {
            let ran = pair.operate(verb, &target, &[]);
            assert_eq!(ran.exit, Some(0), "{verb:?} after a kill behind call {number}: {ran:?}");
            assert_eq!(asks_three(&mut target), new_code);
        }
        if finished {
            break;
        }
        number += 1;
    }
    assert!(number > 20, "{verb:?} made only {number} calls: the test did not kill what it wanted to");
}

#[test]
fn a_surgeon_killed_while_it_applies_leaves_a_working_process_and_the_truth() {
    kill_behind_each_call(&[], &["apply"]);
}

#[test]
fn a_surgeon_killed_while_it_applies_dark_leaves_a_working_process_and_the_truth() {
    kill_behind_each_call(&[], &["apply", "--dark"]);
}

#[test]
fn a_surgeon_killed_while_it_switches_off_leaves_a_working_process_and_the_truth() {
    kill_behind_each_call(&[&["apply"]], &["toggle", "off"]);
}

#[test]
fn a_surgeon_killed_while_it_switches_on_leaves_a_working_process_and_the_truth() {
    kill_behind_each_call(&[&["apply", "--dark"]], &["toggle", "on"]);
}

#[test]
fn a_surgeon_killed_while_it_reverts_leaves_a_working_process_and_the_truth() {
    kill_behind_each_call(&[&["apply"]], &["revert"]);
}

/// A program, with what it answers to 5 by its old and its new code.
struct Program {
    source: &'static str,
    answers: [&'static str; 2],
}

/// Threads that start and end all the time.
const CHURN: Program = Program { source: "c/churn.c", answers: ["51", "52"] };
/// Threads most of which sleep: where that may be, the processors are held.
const SLEEPERS: Program = Program { source: "c/sleepers.c", answers: ["5", "1005"] };

impl Program {
    fn build(&self) -> Pair {
        let pair = Pair::build(self.source, "gcc -O2");
        pair.diff();
        pair
    }

    fn is_new(&self, target: &mut Target) -> bool {
        let answer = target.ask("5");
        self.answers.iter().position(|known| *known == answer).unwrap_or_else(|| panic!("it says {answer}"))
            == 1
    }
}

/// Kills surgeons who switch a program of several threads off and on, at places that lie apart by a `sparse`th of what is before them.
fn kill_while_it_toggles(program: &Program, sparse: usize) {
    let pair = program.build();
    let mut target = pair.start();
    for (from, to) in [("on", "off"), ("off", "on")] {
        let mut number = 5;
        loop {
            for prepare in [&["apply"][..], &["toggle", from]] {
                assert_eq!(pair.operate(prepare, &target, &[]).exit, Some(0), "{prepare:?}");
            }
            let finished = pair.operate_killed(&["toggle", to], &target, number);
            let (is_new, state) = (program.is_new(&mut target), pair.state(&target));
            assert_eq!(state, if is_new { "on" } else { "off" }, "{to} killed behind call {number}");
            if finished {
                assert_eq!(state, to);
                break;
            }
            number += 1 + number / sparse;
        }
        assert!(number > 50, "switching {to} made only {number} calls");
    }
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
    assert!(!program.is_new(&mut target));
}

#[test]
fn a_surgeon_killed_while_it_switches_threads_that_come_and_go_leaves_a_working_process() {
    kill_while_it_toggles(&CHURN, 3);
}

#[test]
fn a_surgeon_killed_while_it_switches_threads_that_sleep_leaves_a_working_process() {
    kill_while_it_toggles(&SLEEPERS, 3);
}

/// Kills targets behind calls of the surgery that lie apart by a `sparse`th of what is before them: the surgeon ends, and says what became
/// of it.
fn kill_the_target(pair: &Pair, prepare: &[&str], verb: &[&str], sparse: usize) {
    let (mut number, mut gone) = (1, 0);
    loop {
        let target = pair.start();
        for prepare in prepare {
            assert_eq!(pair.operate(&[prepare], &target, &[]).exit, Some(0));
        }
        let mut operation = pair.operation(verb, &target, &[]);
        operation.env("SUTURE_FAULT", format!("kill-after:{number}:{}", target.pid()));
        let ran = finish(operation.env("SUTURE_LOG", "suture_process=debug"));
        let was_killed = ran.stderr.contains("SUTURE_FAULT has killed the process");
        match (ran.outcome(), ran.code(), ran.exit) {
            ("refused", "gone", Some(4)) if was_killed => gone += 1,
            // Killed behind the last calls, when it had been switched.
            ("done", _, Some(0)) if was_killed => {
                assert_ne!(ran.json["results"][0]["attempts"], 0, "{ran:?}");
            }
            ("done", _, Some(0)) => break,
            _ => panic!("{verb:?} behind call {number}: {ran:?}"),
        }
        assert!(!ran.stderr.contains("gets no processor"), "it waited for one that had ended: {ran:?}");
        target.ends();
        number += 1 + number / sparse;
    }
    assert!(
        gone > sparse,
        "{verb:?}: of the targets that were killed up to call {number} only {gone} were missed"
    );
}

#[test]
fn a_target_that_dies_is_reported() {
    let pair = answers();
    for (prepare, verb) in
        [(&[][..], &["apply"][..]), (&["apply"], &["toggle", "off"]), (&["apply"], &["revert"])]
    {
        kill_the_target(&pair, prepare, verb, 12);
    }
}

#[test]
fn a_target_of_many_threads_that_dies_is_reported() {
    let pair = CHURN.build();
    for (prepare, verb) in
        [(&[][..], &["apply"][..]), (&["apply"], &["toggle", "off"]), (&["apply"], &["revert"])]
    {
        kill_the_target(&pair, prepare, verb, 4);
    }
}
