//! Threads that are in the function that is replaced nearly always, and never wait: they are led out of it.

use nix::sys::signal::Signal;

use crate::support::{Pair, Target};

/// What `inside.c` says to 5.
const OLD: &str = "6";
const NEW: &str = "1006";

fn inside() -> Pair {
    let pair = Pair::build("c/inside.c", "gcc -O2");
    pair.diff();
    pair
}

fn back_and_forth(pair: &Pair, target: &mut Target) {
    for (verb, answer) in
        [(&["apply"][..], NEW), (&["toggle", "off"], OLD), (&["toggle", "on"], NEW), (&["revert"], OLD)]
    {
        let ran = pair.operate(verb, target, &["--deadline", "60s"]);
        assert_eq!(ran.outcome(), "done", "{verb:?}: {ran:?}");
        assert_eq!(target.ask("5"), answer, "{verb:?}");
    }
}

fn handle(target: &mut Target, signal: Signal) {
    let number = signal as i32;
    assert_eq!(target.ask(&format!("handle {number}")), format!("handles {number}"));
}

/// Such a thread is outside for one part in ten thousand of its time: to stop it again and again would find all three
/// outside within a minute about never.
#[test]
fn threads_that_are_always_inside_are_led_out() {
    let pair = inside();
    let mut target = pair.start();
    for _ in 0..5 {
        back_and_forth(&pair, &mut target);
    }
}

/// What stops a thread at its breakpoint is a signal, and never one that the program would see.
#[test]
fn no_signal_reaches_the_program() {
    let pair = inside();
    let mut target = pair.start();
    for signal in [Signal::SIGURG, Signal::SIGWINCH] {
        handle(&mut target, signal);
        back_and_forth(&pair, &mut target);
        assert_eq!(target.ask("handled"), "0");
    }
    // Now there is none left that would be harmless: it is followed without, and may be busy for ever.
    handle(&mut target, Signal::SIGCHLD);
    let ran = pair.operate(&["apply"], &target, &["--deadline", "0"]);
    assert!(ran.outcome() == "done" || ran.code() == "busy", "{ran:?}");
    assert_eq!(target.ask("handled"), "0");
}

/// Breakpoints end with the surgeon, at whatever call it is killed: at one in twelve of those here.
#[test]
fn a_killed_surgeon_leaves_no_breakpoint() {
    let pair = inside();
    let mut target = pair.start();
    let mut number = 1;
    loop {
        assert_eq!(pair.operate(&["revert"], &target, &["--deadline", "60s"]).exit, Some(0));
        let finished = pair.operate_killed(&["apply"], &target, number);
        let is_new = target.ask("5") == NEW;
        assert_eq!(is_new, pair.state(&target) == "on", "killed behind call {number}");
        let ran = pair.operate(&["apply"], &target, &["--deadline", "60s"]);
        assert_eq!(ran.exit, Some(0), "after a kill behind call {number}: {ran:?}");
        assert_eq!(target.ask("5"), NEW);
        if finished {
            break;
        }
        number += 1 + number / 12;
    }
    assert!(number > 20, "it made only {number} calls: the test did not kill what it wanted to");
}
