//! What surrounds a process must not matter, or is named: namespaces, limits, full disks, debuggers, other surgeons.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::support::{LONG, Pair, Ran, Surgeon, Target, finish, root, run};

pub(crate) fn is_root() -> bool {
    let root =
        Path::new("/proc/self").metadata().is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        eprintln!("this part needs root");
    }
    root
}

/// Waits until `what` holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what} did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A program that is asked with `assert_old` and `assert_new`.
pub(crate) fn answers() -> Pair {
    compared(Pair::build("c/answers.c", "gcc -O2"))
}

/// A build that no other test runs.
pub(crate) fn own_build(source: &str) -> Pair {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let unlike = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let unlike = format!("{}=/run-{}-{}", env!("CARGO_MANIFEST_DIR"), unlike.0, unlike.1);
    compared(Pair::build(source, &format!("gcc -O2 -fdebug-prefix-map={unlike}")))
}

fn compared(pair: Pair) -> Pair {
    pair.diff();
    // Other users have to get at the builds.
    std::fs::set_permissions(pair.directory(), std::fs::Permissions::from_mode(0o755)).unwrap();
    pair
}

pub(crate) fn assert_old(target: &mut Target) {
    assert_eq!(target.ask("3"), "44");
}

pub(crate) fn assert_new(target: &mut Target) {
    assert!(target.ask("3").starts_with("new zero "));
    assert_eq!(target.hear(), "1013");
}

pub(crate) fn back_and_forth(pair: &Pair, target: &mut Target) {
    assert_old(target);
    let ran = pair.operate(&["apply"], target, &[]);
    assert_eq!(ran.outcome(), "done", "{ran:?}");
    assert_new(target);
    let ran = pair.operate(&["revert"], target, &[]);
    assert_eq!(ran.outcome(), "done", "{ran:?}");
    assert_old(target);
}

pub(crate) fn refused(ran: &Ran, code: &str, words: &[&str]) {
    assert_eq!((ran.outcome(), ran.code(), ran.exit), ("refused", code, Some(4)), "{ran:?}");
    let reason = ran.json["results"][0]["reason"].as_str().unwrap();
    for word in words {
        assert!(reason.contains(word), "{reason} does not say {word}");
    }
}

#[test]
fn a_process_in_other_namespaces_is_patched_from_outside() {
    let pair = answers();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "--pid", "--net", "--fork", "--kill-child"]);
    // Its own file is not to be seen there, neither under its name nor under any other.
    let script = "exec 9<\"$0\"; mount -t tmpfs none \"${0%/*}\"; [ ! -e \"$0\" ] && exec /proc/self/fd/9";
    let mut target = Target::start_as_child(command.args(["sh", "-c", script]).arg(&pair.old));
    assert!(!Path::new(&format!("/proc/{}/root{}", target.pid(), pair.old.display())).exists());
    for namespace in ["mnt", "pid", "net", "user"] {
        let link = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/{namespace}")).unwrap();
        assert_ne!(link("self"), link(&target.pid().to_string()), "{namespace}");
    }
    back_and_forth(&pair, &mut target);
}

#[test]
fn limits_of_the_process_are_named_and_nothing_is_half_done() {
    let pair = answers();
    let mut target = pair.start();
    let limit = |target: &Target, limit: &str| {
        let set = Command::new("prlimit").args(["--pid", &target.pid().to_string(), limit]).status();
        assert!(set.unwrap().success(), "{limit}");
    };
    limit(&target, "--core=0:");
    back_and_forth(&pair, &mut target);

    let mut target = pair.start();
    assert_old(&mut target);
    let before = std::fs::read_to_string(format!("/proc/{}/maps", target.pid())).unwrap();
    for (low, high, call) in
        [("--as=1:", "--as=unlimited:", "mmap"), ("--nofile=3:", "--nofile=256:", "memfd_create")]
    {
        limit(&target, low);
        refused(&pair.operate(&["apply"], &target, &["--deadline", "0"]), "no-resources", &[call]);
        assert_old(&mut target);
        limit(&target, high);
    }
    assert_eq!(before, std::fs::read_to_string(format!("/proc/{}/maps", target.pid())).unwrap());
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", target.pid())).unwrap().count();
    back_and_forth(&pair, &mut target);
    assert_eq!(descriptors, std::fs::read_dir(format!("/proc/{}/fd", target.pid())).unwrap().count());
}

#[test]
fn on_a_full_disk_nothing_is_begun() {
    if !is_root() {
        return;
    }
    let pair = answers();
    let mut target = pair.start();
    let state = pair.directory().join("state");
    std::fs::create_dir_all(&state).unwrap();
    let on_a_full_disk = |verb: &str, target: &Target| {
        let script =
            "mount -t tmpfs -o size=4k none \"$0\" && head -c 4096 /dev/zero >\"$0/fill\"; exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(&state).arg(env!("CARGO_BIN_EXE_suture"));
        command.env("SUTURE_STATE_DIR", &state).args(["--json", verb]).arg(&pair.delta);
        finish(command.args(["--pid", &target.pid().to_string()]))
    };
    refused(&on_a_full_disk("apply", &target), "journal", &["space"]);
    assert_old(&mut target);
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    refused(&on_a_full_disk("revert", &target), "journal", &["space"]);
    assert_new(&mut target);

    let script = "mount -t tmpfs -o size=4k none \"$0\" && cd \"$0\"; \"$@\" -o full.delta; status=$?; ls >&2; exit $status";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(&state).arg(env!("CARGO_BIN_EXE_suture"));
    let ran = finish(command.args(["--json", "diff", "--old"]).arg(&pair.old).arg("--new").arg(&pair.new));
    assert_eq!(ran.exit, Some(1), "{ran:?}");
    assert!(!ran.stderr.lines().any(|line| line == "full.delta"), "half a delta: {}", ran.stderr);
}

/// A command that is ended with the test.
pub(crate) struct Helper(pub(crate) Child);

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_traced(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    !status.contains("TracerPid:\t0\n")
}

#[test]
fn a_debugger_is_named_and_respected() {
    let pair = answers();
    let mut target = pair.start();
    assert_old(&mut target);
    let mut strace = Command::new("strace");
    strace.args(["-o", "/dev/null", "-p", &target.pid().to_string()]);
    let debugger = Helper(strace.stderr(Stdio::null()).spawn().expect("strace"));
    until("the debugger", || is_traced(target.pid()));
    refused(&pair.operate(&["apply"], &target, &[]), "traced", &["strace", &debugger.0.id().to_string()]);
    assert_old(&mut target);
    let why = pair.ps(&target)["why"].as_str().expect("a reason").to_owned();
    assert!(why.contains("strace"), "{why}");
    drop(debugger);
    until("its end", || !is_traced(target.pid()));
    back_and_forth(&pair, &mut target);
}

/// It has one thread, and not the first: nothing is begun, and `ps` knows it.
#[test]
fn a_debugger_of_one_thread_is_named_before_anything_is_done() {
    let pair = Pair::build("c/sleepers.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    assert_eq!(target.ask("threads"), "64");
    let pid = target.pid();
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let threads = threads.map(|thread| thread.unwrap().file_name().to_str().unwrap().parse::<i32>().unwrap());
    let mut others: Vec<i32> = threads.filter(|thread| *thread != pid).collect();
    others.sort_unstable();
    let maps = || std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let before = maps();
    for thread in [others[0], others[40]] {
        let mut strace = Command::new("strace");
        strace.args(["-o", "/dev/null", "-p", &thread.to_string()]);
        let debugger = Helper(strace.stderr(Stdio::null()).spawn().expect("strace"));
        until("the debugger", || is_traced(thread));
        assert!(!is_traced(pid));
        for more in [&[][..], &["--stop-all"]] {
            let ran = pair.operate(&["apply"], &target, more);
            refused(&ran, "traced", &["strace", &debugger.0.id().to_string()]);
            assert_eq!(ran.json["results"][0]["pause_us"], 0, "nobody was stopped: {ran:?}");
        }
        let process = pair.ps(&target);
        assert_eq!(process["patchable"], false, "{process}");
        assert!(process["why"].as_str().unwrap().contains("strace"), "{process}");
        assert_eq!((maps(), target.ask("5")), (before.clone(), "5".to_owned()));
        drop(debugger);
        until("its end", || !is_traced(thread));
    }
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    assert_eq!(target.ask("5"), "1005");
}

#[test]
fn five_hundred_and_twelve_threads_are_no_hindrance() {
    let pair = Pair::build("c/crowd.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    assert_eq!(target.ask("threads"), "512");
    let tasks = || std::fs::read_dir(format!("/proc/{}/task", target.pid())).unwrap().count();
    assert!(tasks() >= 512);
    for _ in 0..20 {
        for (verb, answer) in [("apply", "1005"), ("revert", "5")] {
            let ran = pair.operate(&[verb], &target, &["--deadline", "60s"]);
            assert_eq!(ran.outcome(), "done", "{ran:?}");
            assert_eq!(target.ask("5"), answer);
        }
    }
}

/// A surgeon with several hands, killed at many places, in the middle of all that they do.
#[test]
fn a_surgeon_with_many_hands_may_be_killed() {
    let pair = Pair::build("c/crowd.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    assert_eq!(target.ask("threads"), "512");
    for (prepare, verb) in [("revert", "apply"), ("apply", "revert")] {
        let mut number = 7;
        loop {
            assert_eq!(pair.operate(&[prepare], &target, &["--deadline", "60s"]).exit, Some(0));
            let finished = pair.operate_killed(&[verb, "--stop-all"], &target, number);
            let answer = target.ask("5");
            let on = pair.state(&target) == "on";
            assert_eq!(answer, if on { "1005" } else { "5" }, "{verb} killed behind call {number}");
            if finished {
                break;
            }
            number += 1 + number / 3;
        }
        assert!(number > 1000, "{verb} made only {number} calls");
    }
}

/// While the loader has a process, its libraries come and go and its entry code has yet to run: it is waited for.
#[test]
fn a_process_that_is_being_started_is_waited_for() {
    let pair = answers();
    let (gate, library) = (pair.directory().join("gate"), pair.directory().join("gate.so"));
    let source = root().join("fixtures/c/gate.c");
    run(Command::new("gcc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(source));
    run(Command::new("mkfifo").arg(&gate));
    let mut command = Command::new(&pair.old);
    command.env("LD_PRELOAD", &library).env("GATE", &gate);
    let mut target = Target::start(command);
    assert_eq!(target.hear(), "at the gate");
    refused(&pair.operate(&["apply"], &target, &["--deadline", "0s"]), "starting", &["loader"]);
    let applied = std::thread::scope(|scope| {
        let applying = scope.spawn(|| pair.operate(&["apply"], &target, &["--deadline", "30s"]));
        std::fs::OpenOptions::new().write(true).open(&gate).unwrap();
        applying.join().unwrap()
    });
    assert_eq!(applied.outcome(), "done", "{applied:?}");
    assert_new(&mut target);
}

/// While a busy thread is waited for, another may go into a library that was not there at the first look.
#[test]
fn a_library_that_is_loaded_meanwhile_is_known() {
    let pair = Pair::build("c/later.c", "gcc -O2");
    pair.diff();
    let library = pair.directory().join("later.so");
    let source = root().join("fixtures/c/later.c");
    run(Command::new("gcc").args(["-O2", "-DLIBRARY", "-shared", "-fPIC", "-o"]).arg(&library).arg(source));
    let mut command = Command::new(&pair.old);
    command.arg(&library);
    let mut target = Target::start(command);
    assert_eq!(target.hear(), "busy");

    let mut applying = Surgeon::start(&pair.operation(&["apply"], &target, &LONG));
    applying.until_it_tries_again();
    target.send("");
    let end = applying.end();
    assert_eq!(end["outcome"], "done", "{end}");
    assert_eq!((target.ask(""), target.hear()), ("1".to_owned(), "1001".to_owned()));
}
