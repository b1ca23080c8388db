//! Functions of a patch that run on a thread of the process: the thread notices nothing, whatever they do and whatever becomes of
//! the surgeon that has called them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Pair, Target};

/// Starts the old build of `pair` where the files of the hooks are to be.
fn start(pair: &Pair) -> Target {
    let mut command = Command::new(&pair.old);
    command.current_dir(pair.directory());
    Target::start(command)
}

fn kept(target: &mut Target) -> bool {
    let told = target.ask("kept");
    assert!(told.starts_with("all kept in "), "{told}");
    true
}

fn nothing_changes(compiler: &str) {
    let pair = Pair::build("c/lent.c", compiler);
    pair.diff();
    let mut target = start(&pair);
    assert_eq!(target.ask("5"), "5");
    for _ in 0..5 {
        let verbs: [(&[&str], &str); 4] = [
            (&["apply"], "1005"),
            (&["toggle", "off"], "5"),
            (&["toggle", "on"], "1005"),
            (&["revert"], "5"),
        ];
        for (verb, answer) in verbs {
            for how in [&[][..], &["--stop-all"]] {
                let ran = pair.operate(verb, &target, how);
                assert_eq!(ran.exit, Some(0), "{ran:?}");
                assert_eq!(target.ask("5"), answer);
                kept(&mut target);
            }
        }
    }
}

#[test]
fn a_thread_keeps_its_registers_and_errno_gcc() {
    nothing_changes("gcc -O2");
}

#[test]
fn a_thread_keeps_its_registers_and_errno_clang_unoptimised() {
    nothing_changes("clang -O0");
}

#[test]
fn a_thread_keeps_its_registers_and_errno_static() {
    nothing_changes("gcc -O2 -static");
}

#[test]
fn a_thread_keeps_its_registers_and_errno_static_pie() {
    nothing_changes("gcc -O2 -static-pie");
}

/// Its loader is its C library too, and all of its threads wait in it.
#[test]
fn a_thread_keeps_its_registers_and_errno_musl() {
    nothing_changes("musl-gcc -O2 -Wl,--build-id");
}

#[test]
fn a_thread_keeps_its_registers_and_errno_musl_static() {
    nothing_changes("musl-gcc -O2 -static -Wl,--build-id");
}

/// Nothing is changed then, and the handler that the program has for the signal is still there.
#[test]
fn a_hook_that_crashes_has_not_agreed() {
    let pair = Pair::build("c/lent.c", "gcc -O2");
    pair.diff();
    let mut target = start(&pair);
    for (verb, bits, state, answer) in
        [("apply", ["1", "2"], "none", "5"), ("revert", ["4", "8"], "on", "1005")]
    {
        for bit in bits {
            assert_eq!(target.ask(&format!("mode crash:{bit}")), format!("crash:{bit}"));
            let ran = pair.operate(&[verb], &target, &[]);
            assert_eq!(
                (ran.outcome(), ran.code(), ran.exit),
                ("refused", "hook-crashed", Some(4)),
                "{ran:?}"
            );
            assert_eq!((target.ask("5"), pair.state(&target)), (answer.into(), state.into()));
            assert_eq!(target.ask("segv"), "caught 11");
            kept(&mut target);
        }
        target.ask("mode nothing");
        assert_eq!(pair.operate(&[verb], &target, &[]).outcome(), "done");
    }
    assert_eq!(target.ask("5"), "5");
}

/// The next surgeon neither calls anything there nor fills the home again before the hook has come back.
#[test]
fn a_surgeon_killed_while_a_hook_runs_is_followed_by_one_that_waits() {
    let pair = Pair::build("c/lent.c", "gcc -O2");
    pair.diff();
    let mut target = start(&pair);
    let (entered, released) = (pair.directory().join("entered"), pair.directory().join("released"));
    // In the state before, and after the hook has come back, the thread is the program's own again.
    for (verb, bit, answer) in
        [("apply", "1", "1005"), ("revert", "4", "5"), ("apply", "2", "1005"), ("revert", "8", "5")]
    {
        target.ask(&format!("mode wait:{bit}"));
        let mut surgeon = pair.suture();
        surgeon.arg(verb).arg(&pair.delta).args(["--pid", &target.pid().to_string()]);
        let mut surgeon = surgeon.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&entered);
        surgeon.kill().unwrap();
        surgeon.wait().unwrap();
        for _ in 0..2 {
            let ran = pair.operate(&["revert"], &target, &["--deadline", "0"]);
            if ran.outcome() != "already" {
                assert_eq!((ran.code(), ran.exit), ("busy", Some(4)), "{verb} {bit}: {ran:?}");
            }
        }
        std::fs::write(&released, []).unwrap();
        kept(&mut target);
        target.ask("mode nothing");
        std::fs::remove_file(&entered).unwrap();
        std::fs::remove_file(&released).unwrap();
        let ran = pair.operate(&[verb], &target, &[]);
        assert_eq!(ran.exit, Some(0), "{verb} {bit}: {ran:?}");
        assert_eq!(target.ask("5"), answer, "{verb} {bit}");
        kept(&mut target);
    }
}

fn wait_for(file: &Path) {
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills the surgeon behind every third of its calls (those that it makes without functions too are tried one by one elsewhere) while
/// it does `verb`. Then `next` must go well, the last of which brings the process to where it was. `runs_new` asks the program.
fn kill_among_functions(
    pair: &Pair,
    verb: &str,
    next: [(&str, bool); 2],
    mut runs_new: impl FnMut(&mut Target) -> bool,
) {
    pair.diff();
    let mut target = start(pair);
    pair.operate(&[next[1].0], &target, &[]);
    for number in (1..).step_by(3) {
        let finished = pair.operate_killed(&[verb], &target, number);
        let state = pair.state(&target);
        assert_eq!(runs_new(&mut target), state == "on", "{verb} killed behind call {number}: {state}");
        for (verb, new) in next {
            let ran = pair.operate(&[verb], &target, &[]);
            assert_eq!(ran.exit, Some(0), "{verb} after a kill behind call {number}: {ran:?}");
            assert_eq!(runs_new(&mut target), new);
        }
        if finished {
            assert!(number > 20, "{verb} made only {number} calls: the test did not kill what it wanted to");
            break;
        }
    }
}

const AFTER_APPLY: [(&str, bool); 2] = [("apply", true), ("revert", false)];
const AFTER_REVERT: [(&str, bool); 2] = [("revert", false), ("apply", true)];

fn hooked(target: &mut Target) -> bool {
    kept(target) && target.ask("5") == "1005"
}

#[test]
fn a_surgeon_killed_among_hooks_while_it_applies_leaves_the_thread_as_it_was() {
    kill_among_functions(&Pair::build("c/lent.c", "gcc -O2"), "apply", AFTER_APPLY, hooked);
}

#[test]
fn a_surgeon_killed_among_hooks_while_it_reverts_leaves_the_thread_as_it_was() {
    kill_among_functions(&Pair::build("c/lent.c", "gcc -O2"), "revert", AFTER_REVERT, hooked);
}

/// An exception through patched frames ends the program if its unwinder does not know them.
fn throws(target: &mut Target) -> bool {
    let first = target.ask("15");
    if first == "115" {
        return false;
    }
    assert!(first.starts_with("failure new 16 unwound "), "{first}");
    target.hear() == "-3"
}

#[test]
fn a_surgeon_killed_while_it_tells_an_unwinder_leaves_one_that_knows() {
    for compiler in ["g++ -O2", "g++ -O2 -static"] {
        kill_among_functions(&Pair::build("cpp/exceptions.cpp", compiler), "apply", AFTER_APPLY, throws);
    }
}

/// Nothing is called on a thread that may hold the allocator's lock, whether the function is exported or known by the
/// program's file alone.
#[test]
fn no_hook_runs_inside_an_allocator() {
    for (name, more) in [("je_extent", ""), ("mallinfo2", "-rdynamic")] {
        let pair = Pair::build("c/allocator.c", &format!("gcc -O2 -DINSIDE={name} {more}"));
        pair.diff();
        if name == "mallinfo2" {
            assert!(Command::new("strip").arg(&pair.old).status().unwrap().success());
        }
        let mut target = pair.start();
        assert_eq!((target.ask("5"), target.ask("in")), ("5".into(), "inside".into()));
        let ran = pair.operate(&["apply"], &target, &["--deadline", "0"]);
        assert_eq!((ran.code(), ran.exit), ("no-safe-thread", Some(4)), "{ran:?}");
        let reason = ran.json["results"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(&format!("is inside {name}")), "{reason}");
        assert_eq!((target.ask("5"), pair.state(&target)), ("5".into(), "none".into()));
        assert_eq!(target.ask("out"), "outside");
        assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
        assert_eq!(target.ask("5"), "1005");
    }
}
