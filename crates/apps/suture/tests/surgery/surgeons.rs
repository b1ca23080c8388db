//! Several surgeons and one process: at the same time, and one after another that was killed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::permission::{Nobody, users_may_trace};
use crate::support::{LONG, Pair, Ran, Surgeon, Target, finish};
use crate::surroundings::{Helper, answers, assert_new, assert_old, is_root, refused, until};

/// How somebody applies a patch, with a deadline.
type By<'b> = &'b dyn Fn(&Target, &str) -> Command;

/// An operation by somebody who keeps the journal elsewhere.
fn elsewhere(pair: &Pair, verb: &str, target: &Target, more: &[&str]) -> Command {
    let mut command = pair.operation(&[verb], target, more);
    command.env("SUTURE_STATE_DIR", pair.directory().join("elsewhere"));
    command
}

#[test]
fn many_surgeons_at_once_take_turns() {
    const SURGEONS: usize = 8;
    let pair = Pair::build("c/churn.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    for round in 0..6 {
        let (verb, answer) = if round % 2 == 0 { ("apply", "52") } else { ("revert", "51") };
        let surgeon = || pair.operate(&[verb], &target, &["--deadline", "60s"]);
        let ran: Vec<Ran> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..SURGEONS).map(|_| scope.spawn(surgeon)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let count = |outcome: &str| ran.iter().filter(|ran| ran.outcome() == outcome).count();
        assert_eq!((count("done"), count("already")), (1, SURGEONS - 1), "{ran:?}");
        assert_eq!(target.ask("5"), answer);
    }
}

/// Who may not wait is told who is there, whichever lock it is.
#[test]
fn who_has_a_lock_is_named() {
    let pair = answers();
    let mut target = pair.start();
    assert_old(&mut target);
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "already");
    let beside = std::fs::read_dir(pair.directory().join("state")).unwrap();
    let beside =
        beside.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|e| e == "lock"));
    for lock in [PathBuf::from(format!("/proc/{}/mem", target.pid())), beside.expect("a lock")] {
        let mut flock = Command::new("flock");
        let held = Helper(flock.arg("--no-fork").arg(&lock).args(["sleep", "600"]).spawn().expect("flock"));
        let refusal = || pair.operate(&["revert"], &target, &["--deadline", "0"]);
        until("the other surgeon", || refusal().code() == "another-surgeon");
        refused(&refusal(), "another-surgeon", &[&format!("(process {})", held.0.id())]);
        drop(held);
        until("its end", || refusal().code() != "another-surgeon");
    }
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    assert_new(&mut target);
}

#[test]
fn surgeons_with_different_state_directories_take_turns() {
    let pair = Pair::build("c/busy.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    let mut first = Surgeon::start(&pair.operation(&["apply"], &target, &LONG));
    first.until_it_tries_again();
    let holder = first.pid();
    let at_once = finish(&mut elsewhere(&pair, "apply", &target, &["--deadline", "0"]));
    refused(&at_once, "another-surgeon", &[&format!("(process {holder})")]);
    assert_eq!(pair.ps(&target)["pid"], target.pid(), "to look takes no lock");
    let mut second = Surgeon::start(&elsewhere(&pair, "revert", &target, &LONG));
    second.until(&format!("waiting for another surgeon holder={holder}"));
    assert_eq!(target.ask("leave"), "left");
    assert_eq!((first.outcome(), second.outcome()), ("done".to_owned(), "done".to_owned()));
    assert_eq!((pair.state(&target), target.ask("5")), ("none".to_owned(), "6".to_owned()));
    assert_eq!(finish(&mut elsewhere(&pair, "apply", &target, &LONG)).outcome(), "done");
    assert_eq!(target.ask("5"), "1006");
}

/// The owner of a process and root, who share no directory at all.
#[test]
fn root_and_the_owner_take_turns() {
    if !is_root() || !users_may_trace() {
        return;
    }
    let pair = Pair::build("c/busy.c", "gcc -O2");
    pair.diff();
    let nobody = Nobody::new(&pair);
    let by_root =
        |target: &Target, deadline: &str| pair.operation(&["apply"], target, &["--deadline", deadline]);
    let by_owner = |target: &Target, deadline: &str| {
        let mut command = nobody.command(&nobody.suture);
        command.args(["--json", "apply", "--deadline", deadline]).arg(&pair.delta);
        command.args(["--pid", &target.pid().to_string()]);
        command
    };
    for (first, second) in [(&by_root as By<'_>, &by_owner as By<'_>), (&by_owner, &by_root)] {
        let mut target = Target::start(nobody.command(&pair.old));
        let mut holder = Surgeon::start(&first(&target, "300s"));
        holder.until_it_tries_again();
        let refusal = finish(&mut second(&target, "0"));
        refused(&refusal, "another-surgeon", &[&format!("(process {})", holder.pid())]);
        assert_eq!(target.ask("leave"), "left");
        assert_eq!(holder.outcome(), "done");
        assert_eq!(finish(&mut second(&target, "300s")).outcome(), "already");
        assert_eq!(target.ask("5"), "1006");
    }
}

/// Whether the kernel has a file for each process that is the same in all mounts of `/proc`.
fn has_files_of_processes() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map_while(|number| number.trim().parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(9))
}

/// As an agent in a container that shares the processes of its machine does.
#[test]
fn surgeons_who_look_through_different_mounts_of_proc_take_turns() {
    if !is_root() || !has_files_of_processes() {
        return;
    }
    let pair = Pair::build("c/busy.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    let through_another_mount = |more: &[&str]| {
        let operation = elsewhere(&pair, "apply", &target, more);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", "mount -t proc proc /proc && exec \"$0\" \"$@\""]);
        command.arg(operation.get_program()).args(operation.get_args());
        command.envs(operation.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    };
    let mut first = Surgeon::start(&pair.operation(&["apply"], &target, &LONG));
    first.until_it_tries_again();
    let refusal = finish(&mut through_another_mount(&["--deadline", "0"]));
    refused(&refusal, "another-surgeon", &[&format!("(process {})", first.pid())]);
    let mut second = Surgeon::start(&through_another_mount(&LONG));
    second.until(&format!("waiting for another surgeon holder={}", first.pid()));
    assert_eq!(target.ask("leave"), "left");
    assert_eq!((first.outcome(), second.outcome()), ("done".to_owned(), "already".to_owned()));
    assert_eq!((pair.state(&target), target.ask("5")), ("on".to_owned(), "1006".to_owned()));
}

#[test]
fn who_waits_takes_over_from_a_surgeon_that_is_killed() {
    let pair = Pair::build("c/busy.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    let mut first = Surgeon::start(&pair.operation(&["apply"], &target, &LONG));
    first.until_it_tries_again();
    let mut second = Surgeon::start(&elsewhere(&pair, "apply", &target, &LONG));
    second.until("waiting for another surgeon");
    drop(first);
    second.until_it_tries_again();
    assert_eq!(target.ask("leave"), "left");
    assert_eq!(second.outcome(), "done");
    assert_eq!(target.ask("5"), "1006");
}

/// Whether the entry point of a process is lent, by the journal of its surgeon.
fn is_lent(state: &Path, target: &Target) -> bool {
    let of_target = format!("{}-", target.pid());
    let is_its = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(&of_target) && name.ends_with(".journal")
    };
    let entries = std::fs::read_dir(state).into_iter().flatten();
    let journal = entries.map(|entry| entry.unwrap().path()).find(is_its);
    let text = journal.map_or_else(String::new, |path| std::fs::read_to_string(path).unwrap());
    text.rfind("\"lent\"")
        .is_some_and(|lent| text.rfind("\"returned\"").is_none_or(|returned| returned < lent))
}

/// Kills surgeons who apply to processes that have never seen one, behind calls that lie close where the entry point is lent, and
/// gives each process that it is lent in, with the number of the call, to `then`; each is `prepare`d before.
fn killed_with_a_loan(pair: &Pair, prepare: impl Fn(&mut Target), mut then: impl FnMut(&mut Target, usize)) {
    const FAR: usize = 12;
    const NEAR: usize = 3;
    let state = pair.directory().join("state");
    let (mut number, mut lent) = (FAR, 0);
    loop {
        let mut target = pair.start();
        assert_old(&mut target);
        prepare(&mut target);
        let finished = pair.operate_killed(&["apply"], &target, number);
        let is_lent = is_lent(&state, &target);
        if is_lent {
            then(&mut target, number);
            lent += 1;
        }
        if finished || lent > 0 && !is_lent {
            break;
        }
        number += if is_lent { NEAR } else { FAR };
    }
    assert!(lent > 10, "the entry point was lent behind {lent} calls, up to the {number}th");
}

/// Without the journal nobody knows what stood at the entry point. It runs no more, so that the stub may stay; who comes next
/// has to know it.
#[test]
fn a_journal_that_is_lost_with_its_surgeon_is_not_missed() {
    let pair = answers();
    killed_with_a_loan(
        &pair,
        |_| {},
        |target, number| {
            std::fs::remove_dir_all(pair.directory().join("state")).unwrap();
            let verbs =
                if number % 2 == 0 { ["apply", "revert", "apply"] } else { ["revert", "apply", "revert"] };
            for verb in verbs {
                let ran = pair.operate(&[verb], target, &[]);
                assert_eq!(ran.exit, Some(0), "{verb} after a kill behind call {number}: {ran:?}");
                if verb == "apply" { assert_new(target) } else { assert_old(target) }
            }
        },
    );
}

fn send(target: &Target, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &target.pid().to_string()]).status();
    assert!(sent.unwrap().success(), "{signal}");
}

fn until_it_stands(target: &Target) {
    let stat = format!("/proc/{}/stat", target.pid());
    until("the stop", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
}

/// A thread that a killed surgeon has borrowed is still on its way home when the next one comes: it is stopped.
#[test]
fn a_thread_that_is_on_its_way_home_finds_the_way() {
    let pair = answers();
    let stop = |target: &mut Target| {
        send(target, "STOP");
        until_it_stands(target);
    };
    killed_with_a_loan(&pair, stop, |target, _| {
        until_it_stands(target);
        let ran = pair.operate(&["apply"], target, &["--deadline", "0"]);
        send(target, "CONT");
        match ran.exit {
            Some(0) => assert_new(target),
            _ => refused(&ran, "busy", &["way home"]),
        }
        assert_eq!(pair.operate(&["revert"], target, &[]).exit, Some(0));
        assert_old(target);
    });
}
