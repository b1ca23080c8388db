//! What the kernel may be doing with a process at the same time: it is stopped or frozen, has workers of the kernel, shares
//! its memory, is probed.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Pair, Target};
use crate::surroundings::{answers, assert_new, assert_old, back_and_forth, is_root, refused, until};

/// A process that a person has stopped is patched, and stays stopped. It stands in a wait or, as the stop comes
/// right after an answer, at the end of the call that has given it.
#[test]
fn a_stopped_process_stays_stopped() {
    let pair = answers();
    let mut target = pair.start();
    assert_old(&mut target);
    let pid = target.pid();
    let signal = |name: &str| {
        let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
        assert!(sent.unwrap().success());
    };
    let states = || -> Vec<char> {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let stat =
            threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
        stat.filter_map(|stat| stat.rsplit_once(") ")?.1.chars().next()).collect()
    };
    let is_stopped = || states().iter().all(|state| *state == 'T');
    let there_and_back = [("apply", assert_new as fn(&mut Target)), ("revert", assert_old)];
    for (verb, check) in std::iter::repeat_n(there_and_back, 10).flatten() {
        signal("STOP");
        until("the stop", is_stopped);
        let ran = pair.operate(&[verb], &target, &["--deadline", "20s"]);
        assert_eq!(ran.outcome(), "done", "{ran:?}");
        until("the stop again", is_stopped);
        signal("CONT");
        assert_eq!(pair.state(&target), if verb == "apply" { "on" } else { "none" });
        check(&mut target);
    }
}

/// A control group.
struct Group(std::path::PathBuf);

impl Group {
    /// One of the unified hierarchy.
    fn make() -> Option<Self> {
        Self::make_in(|mount| mount.contains(" - cgroup2 "))
    }

    /// One that limits memory, with the names of its files for limit and use.
    fn of_memory() -> Option<(Self, &'static str, &'static str)> {
        let first = || Self::make_in(|mount| mount.contains(" - cgroup ") && mount.ends_with(",memory"));
        let files = [("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")];
        let made = [Self::make(), first()].into_iter().zip(files);
        let mut made = made.filter_map(|(group, (limit, usage))| Some((group?, limit, usage)));
        made.find(|(group, limit, _)| group.0.join(limit).exists())
    }

    fn make_in(is_it: impl Fn(&str) -> bool) -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let hierarchy = mounts.lines().find(|line| is_it(line))?;
        let path =
            Path::new(hierarchy.split(' ').nth(4)?).join(format!("suture-test-{}", std::process::id()));
        std::fs::create_dir(&path).ok()?;
        Some(Self(path))
    }

    fn get(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap().trim().to_owned()
    }

    fn set(&self, file: &str, value: &str) {
        std::fs::write(self.0.join(file), value).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What was in it has just been killed.
        let begun = Instant::now();
        while std::fs::remove_dir(&self.0).is_err() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_frozen_process_is_refused_until_it_is_thawed() {
    if !is_root() {
        return;
    }
    let pair = answers();
    let Some(group) = Group::make() else {
        eprintln!("there is no unified hierarchy of control groups that can be written here");
        return;
    };
    let mut target = pair.start();
    assert_old(&mut target);
    group.set("cgroup.procs", &target.pid().to_string());
    group.set("cgroup.freeze", "1");
    let is_frozen = || std::fs::read_to_string(group.0.join("cgroup.events")).unwrap().contains("frozen 1");
    until("the frost", is_frozen);
    refused(&pair.operate(&["apply"], &target, &[]), "frozen", &["paused"]);
    assert!(pair.ps(&target)["why"].as_str().unwrap().contains("frozen"));
    group.set("cgroup.freeze", "0");
    until("the thaw", || !is_frozen());
    back_and_forth(&pair, &mut target);
    drop(target);
}

/// The kernel would end the process for the first page that it has not: it is not asked for any.
#[test]
fn a_process_whose_group_has_no_memory_left_is_refused_and_lives() {
    if !is_root() {
        return;
    }
    let pair = Pair::build("c/locked.c", "gcc -O2");
    pair.diff();
    let Some((group, limit, usage)) = Group::of_memory() else {
        eprintln!("there is no hierarchy of control groups here in which memory can be limited");
        return;
    };
    let mut command = Command::new("sh");
    let procs = group.0.join("cgroup.procs");
    let mut target = Target::start({
        command.args(["-c", "echo 0 >\"$0\" && exec \"$1\""]).arg(procs).arg(&pair.old);
        command
    });
    assert_eq!(target.ask("5"), "5");
    let maps = || std::fs::read_to_string(format!("/proc/{}/maps", target.pid())).unwrap();
    let before = maps();
    if limit == "memory.limit_in_bytes" {
        // It can't become so small; but what processors keep for the next page is counted no more.
        let _ = std::fs::write(group.0.join(limit), "4096");
    }
    group.set(limit, &group.get(usage));
    let words = ["control group", "bytes left"];
    refused(&pair.operate(&["apply"], &target, &[]), "no-resources", &words);
    let process = pair.ps(&target);
    assert_eq!(process["patchable"], false, "{process}");
    assert!(process["why"].as_str().unwrap().contains("control group"), "{process}");
    assert_eq!((maps(), target.ask("6")), (before, "6".to_owned()));

    let more: u64 = group.get(usage).parse().unwrap();
    group.set(limit, &(more + (4 << 20)).to_string());
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    assert_eq!(target.ask("6"), "1006");
    // Less than may be needed: the way back is open.
    let more: u64 = group.get(usage).parse().unwrap();
    group.set(limit, &(more + (512 << 10)).to_string());
    for (verb, answer) in [(&["toggle", "off"][..], "6"), (&["revert"], "6")] {
        assert_eq!(pair.operate(verb, &target, &[]).outcome(), "done", "{verb:?}");
        assert_eq!(target.ask("6"), answer);
    }
    drop(target);
}

/// A worker that the kernel has made for an `io_uring` runs no code of the program, and what it waits for is not
/// disturbed.
#[test]
fn workers_of_the_kernel_are_left_alone() {
    let pair = Pair::build("c/ring.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    if target.hear() == "no ring" {
        eprintln!("there is no io_uring here");
        return;
    }
    let names = || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", target.pid())).unwrap();
        let name = |thread: std::fs::DirEntry| {
            std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default()
        };
        threads.map(|thread| name(thread.unwrap())).collect::<String>()
    };
    until("the worker", || names().contains("iou-wrk"));
    for _ in 0..10 {
        for (verb, answer) in [("apply", "1005"), ("revert", "5")] {
            let ran = pair.operate(&[verb], &target, &[]);
            assert_eq!(ran.outcome(), "done", "{ran:?}");
            assert_eq!(target.ask("5"), answer);
        }
    }
    assert_eq!(target.ask("finish"), "1", "the read has read its byte");
}

/// What runs in the same memory and is no thread would not be stopped.
#[test]
fn a_process_that_shares_the_memory_is_named() {
    let pair = Pair::build("c/sharing.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    let children = format!("/proc/{0}/task/{0}/children", target.pid());
    let child = || std::fs::read_to_string(&children).unwrap().trim().to_owned();
    until("the child", || !child().is_empty());
    refused(&pair.operate(&["apply"], &target, &["--deadline", "50ms"]), "shared-memory", &[&child()]);
    assert_eq!(pair.state(&target), "none");
    assert_eq!(target.ask("end"), "ended");
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    assert_eq!(target.ask("5"), "1006");
}

/// A probe on the return of a function, as tracers set it.
struct ReturnProbe {
    events: std::path::PathBuf,
    group: String,
    _mounted: tempfile::TempDir,
}

impl ReturnProbe {
    /// On the function of this name in a program that has not been started yet; `None` where the kernel has no
    /// such probes for us.
    fn set(program: &Path, function: &str) -> Option<Self> {
        let mounted = tempfile::tempdir().unwrap();
        let events = mounted.path().to_owned();
        let mount = Command::new("mount").args(["-t", "tracefs", "nodev"]).arg(&events).output().unwrap();
        let probe = Self { events, group: format!("suture_{}", std::process::id()), _mounted: mounted };
        if !mount.status.success() || !probe.events.join("uprobe_events").exists() {
            eprintln!("no return probes here: {}", String::from_utf8_lossy(&mount.stderr));
            return None;
        }
        let bytes = std::fs::read(program).unwrap();
        let build = suture_elf::Build::parse(&bytes).unwrap();
        let symbol = build.symbols().iter().find(|symbol| symbol.name == function).expect("the function");
        let code = build.read(symbol.address, 1).expect("its code");
        let offset = code.as_ptr() as usize - bytes.as_ptr() as usize;
        let event = format!("r:{}/back {}:{offset:#x}", probe.group, program.display());
        std::fs::write(probe.events.join("uprobe_events"), event).unwrap();
        probe.enable("1");
        Some(probe)
    }

    fn enable(&self, value: &str) {
        std::fs::write(self.events.join(format!("events/{}/enable", self.group)), value).unwrap();
    }
}

impl Drop for ReturnProbe {
    fn drop(&mut self) {
        let remove = || -> std::io::Result<()> {
            std::fs::write(self.events.join(format!("events/{}/enable", self.group)), "0")?;
            let mut events = std::fs::File::options().append(true).open(self.events.join("uprobe_events"))?;
            std::io::Write::write_all(&mut events, format!("-:{}/back\n", self.group).as_bytes())
        };
        // It may never have been set.
        let _ = remove();
        let _ = Command::new("umount").arg(&self.events).status();
    }
}

/// A probe on the return of `read` hides that `read` returns into the function that is replaced.
#[test]
fn a_return_that_a_probe_hides_is_not_taken_for_none() {
    if !is_root() {
        return;
    }
    // Without unwind rules nothing has to be called in the program, for which no thread could be found.
    let pair = Pair::build("c/busy.c", "gcc -O2 -static -fno-asynchronous-unwind-tables");
    pair.diff();
    let Some(probe) = ReturnProbe::set(&pair.old, "__libc_read") else { return };
    let mut target = pair.start();
    let file = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", target.pid())).unwrap();
    let waits = || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", target.pid())).unwrap();
        let calls = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("syscall")));
        calls.filter(|call| call.as_ref().is_ok_and(|call| call.starts_with("0 "))).count()
    };
    until("both threads in read", || waits() == 2);
    assert!(file("maps").contains("[uprobes]"), "the probe is at work");
    refused(&pair.operate(&["apply"], &target, &["--deadline", "0"]), "busy", &["probe"]);
    assert_eq!(pair.state(&target), "none");
    probe.enable("0");
    assert_eq!(target.ask("leave"), "left");
    let ran = pair.operate(&["apply"], &target, &["--deadline", "10s"]);
    assert_eq!(ran.outcome(), "done", "{ran:?}");
    assert_eq!(target.ask("5"), "1006");
}
