//! What the kernel and the process let a surgeon do: users, setuid programs, seccomp filters. What `ps` says of it before
//! is what `apply` says.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Pair, Ran, Target, finish};
use crate::surroundings::{answers, assert_new, assert_old, back_and_forth, is_root, own_build, refused};

/// The number of a user who owns nothing.
const ID: u32 = 65534;

/// A user who owns nothing, with a copy of the tool that they can run.
pub(crate) struct Nobody {
    pub(crate) suture: PathBuf,
    state: PathBuf,
}

impl Nobody {
    pub(crate) fn new(pair: &Pair) -> Self {
        let here = pair.directory();
        let nobody = Self { suture: here.join("suture"), state: here.join("of-nobody") };
        std::fs::copy(env!("CARGO_BIN_EXE_suture"), &nobody.suture).unwrap();
        std::fs::create_dir(&nobody.state).unwrap();
        for (directory, mode) in [(here, 0o755), (&nobody.state, 0o777)] {
            std::fs::set_permissions(directory, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        nobody
    }

    /// A program that this user runs.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let id = &ID.to_string();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", id, "--regid", id, "--clear-groups"]).arg(program);
        command.env("SUTURE_STATE_DIR", &self.state);
        command
    }

    /// What it is called here.
    fn name() -> Value {
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(ID)).unwrap();
        user.map_or_else(|| ID.to_string(), |user| user.name).into()
    }

    fn operate(&self, verb: &str, pair: &Pair, target: &Target) -> Ran {
        let mut command = self.command(&self.suture);
        command.args(["--json", verb]).arg(&pair.delta).args(["--pid", &target.pid().to_string()]);
        finish(&mut command)
    }

    fn ps(&self, target: &Target) -> Ran {
        finish(self.command(&self.suture).args(["--json", "ps", "--pid", &target.pid().to_string()]))
    }

    /// Whether a list of all processes has it.
    fn sees(&self, target: &Target) -> bool {
        let all = finish(self.command(&self.suture).args(["--json", "ps"]));
        assert_eq!(all.exit, Some(0), "{all:?}");
        all.json["processes"].as_array().unwrap().iter().any(|process| process["pid"] == target.pid())
    }
}

/// What `ps` says of the one process that it was asked for.
fn claim(ran: &Ran) -> (Option<bool>, Option<&str>) {
    let process = &ran.json["processes"][0];
    assert!(process["patchable"].is_boolean() || process["patchable"].is_null(), "{ran:?}");
    (process["patchable"].as_bool(), process["why"].as_str())
}

/// That `ps` knows the reason of a refusal.
fn is_foretold(refusal: &Ran, ps: &Ran, exit: i32) {
    let reason = refusal.json["results"][0]["reason"].as_str().unwrap();
    assert_eq!((claim(ps), ps.exit), ((Some(false), Some(reason)), Some(exit)), "{ps:?}");
}

/// Whether users here may trace what they have not started themselves.
pub(crate) fn users_may_trace() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").map_or(true, |scope| scope.trim() == "0")
}

#[test]
fn users_patch_their_own_processes_and_no_others() {
    if !is_root() {
        return;
    }
    let pair = answers();
    let nobody = Nobody::new(&pair);
    let mut own = Target::start(nobody.command(&pair.old));
    assert_old(&mut own);
    if users_may_trace() {
        assert_eq!(claim(&nobody.ps(&own)), (Some(true), None));
        assert!(nobody.sees(&own));
        for (verb, check) in [("apply", assert_new as fn(&mut Target)), ("revert", assert_old)] {
            let ran = nobody.operate(verb, &pair, &own);
            assert_eq!(ran.outcome(), "done", "{ran:?}");
            check(&mut own);
            // Who applied it is told to everybody else.
            let patches = pair.ps(&own)["patches"].clone();
            let by = patches.as_array().unwrap().iter().map(|patch| patch["by"].clone());
            assert!(by.eq((verb == "apply").then(Nobody::name)), "{patches}");
        }
    } else {
        let refusal = nobody.operate("apply", &pair, &own);
        refused(&refusal, "no-permission", &["ptrace_scope"]);
        is_foretold(&refusal, &nobody.ps(&own), 4);
    }
    back_and_forth(&pair, &mut own);
    let mut other = pair.start();
    let refusal = nobody.operate("apply", &pair, &other);
    refused(&refusal, "no-permission", &["CAP_SYS_PTRACE"]);
    is_foretold(&refusal, &nobody.ps(&other), 4);
    assert!(!nobody.sees(&other));
    let told =
        nobody.command(&nobody.suture).args(["ps", "--pid", &other.pid().to_string()]).output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("no permission to trace") && !told.contains("can be patched"), "{told}");
    assert_old(&mut other);
}

#[test]
fn what_a_user_may_not_look_into_is_counted() {
    if !is_root() || !users_may_trace() {
        return;
    }
    let pair = own_build("c/answers.c");
    let nobody = Nobody::new(&pair);
    let (mut own, mut other) = (Target::start(nobody.command(&pair.old)), pair.start());
    for (verb, check) in [("apply", assert_new as fn(&mut Target)), ("revert", assert_old)] {
        let mut all = nobody.command(&nobody.suture);
        let ran = finish(all.args(["--json", verb, "--all"]).arg(&pair.delta));
        let pids: Vec<_> =
            ran.json["results"].as_array().unwrap().iter().map(|row| row["pid"].clone()).collect();
        assert_eq!((ran.outcome(), ran.exit, pids), ("done", Some(0), vec![own.pid().into()]), "{ran:?}");
        assert!(ran.json["unexamined"].as_u64().is_some_and(|count| count > 0), "{ran:?}");
        for words in ["could not be looked into", "no permission to trace", "CAP_SYS_PTRACE"] {
            assert!(ran.stderr.contains(words), "{}", ran.stderr);
        }
        check(&mut own);
        assert_old(&mut other);
    }
}

/// Runs `suture` as process 1 among others: one of root, and one that has ended and that nobody has waited for. There is none that has
/// the build.
fn among_others(pair: &Pair, user: &[&str], suture: &Path) -> Command {
    const SCRIPT: &str = "sh -c 'true & exec sleep 600' &
        until grep -qs '^State:.Z' /proc/[0-9]*/status && grep -qsx sleep /proc/[0-9]*/comm; do :; done
        exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", SCRIPT, "sh"]);
    command.args(user).arg(suture).args(["apply", "--all"]).arg(&pair.delta);
    command
}

/// That nobody is concerned is success if everybody could be asked; those count who could be.
#[test]
fn nobody_is_concerned_only_if_all_could_be_looked_into() {
    if !is_root() {
        return;
    }
    let pair = answers();
    let nobody = Nobody::new(&pair);
    let sentence = "no process has the build mapped or the patch in it";
    let ran = finish(among_others(&pair, &[], &nobody.suture).arg("--json"));
    assert_eq!((ran.exit, &ran.json["unexamined"]), (Some(0), &0.into()), "{ran:?}");
    assert!(ran.json["results"].as_array().unwrap().is_empty() && ran.stderr.contains(sentence), "{ran:?}");
    let told = among_others(&pair, &[], &nobody.suture).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), sentence);

    let as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let ran = finish(among_others(&pair, &as_nobody, &nobody.suture).arg("--json"));
    assert_eq!((ran.exit, &ran.json["unexamined"]), (Some(4), &1.into()), "{ran:?}");
    assert!(ran.json["results"].as_array().unwrap().is_empty(), "{ran:?}");
    for words in
        ["1 process could not be looked into", "belongs to user 0 and this is user 65534", "CAP_SYS_PTRACE"]
    {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn a_setuid_program_is_patched_by_root_alone() {
    if !is_root() {
        return;
    }
    let pair = answers();
    let nobody = Nobody::new(&pair);
    let program = pair.directory().join("setuid");
    std::fs::copy(&pair.old, &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o4755)).unwrap();
    let mut target = Target::start(nobody.command(&program));
    assert_old(&mut target);
    let status = std::fs::read_to_string(format!("/proc/{}/status", target.pid())).unwrap();
    assert!(status.contains("Uid:\t65534\t0\t0\t0"), "{status}");
    let refusal = nobody.operate("apply", &pair, &target);
    refused(&refusal, "no-permission", &["CAP_SYS_PTRACE"]);
    is_foretold(&refusal, &nobody.ps(&target), 4);
    back_and_forth(&pair, &mut target);
}

/// A program under a filter of its own, or in strict mode.
fn filtered(pair: &Pair, kind: &str) -> Target {
    let mut command = Command::new(&pair.old);
    command.arg(kind);
    let mut target = Target::start(command);
    assert_eq!(target.ask("5"), "5");
    target
}

#[test]
fn a_filter_that_forbids_the_surgery_is_respected() {
    let pair = Pair::build("c/filtered.c", "gcc -O2");
    pair.diff();
    for (kind, call) in [("small", "memfd_create"), ("strict", "mmap")] {
        let mut target = filtered(&pair, kind);
        let before = pair.ps(&target);
        let refusal = pair.operate(&["apply"], &target, &[]);
        refused(&refusal, "seccomp", &[call, "death"]);
        assert_eq!(target.ask("6"), "6");
        assert_eq!(pair.ps(&target), before, "nothing of it has changed");
        if kind == "strict" {
            assert_eq!(before["patchable"], false, "{before}");
            assert_eq!(before["why"], refusal.json["results"][0]["reason"]);
        } else {
            is_open(&before);
        }
    }
    let mut target = filtered(&pair, "open");
    is_open(&pair.ps(&target));
    let ran = pair.operate(&["apply"], &target, &[]);
    assert_eq!(ran.outcome(), "done", "{ran:?}");
    assert_eq!(target.ask("5"), "1005");
}

/// Whatever a filter would answer, the question is not put: no error, no signal, nobody else who is asked.
#[test]
fn a_filter_that_answers_is_not_asked() {
    let pair = Pair::build("c/filtered.c", "gcc -O2");
    pair.diff();
    for (kind, answer) in [
        ("errno", "Operation not permitted"),
        ("trap", "SIGSYS"),
        ("trace", "a question to another process"),
        ("notify", "a question to another process"),
    ] {
        let mut target = filtered(&pair, kind);
        let maps = || std::fs::read_to_string(format!("/proc/{}/maps", target.pid())).unwrap();
        let before = maps();
        refused(&pair.operate(&["apply"], &target, &[]), "seccomp", &["memfd_create", answer]);
        assert_eq!(maps(), before, "{kind}");
        assert_eq!((target.ask("6"), pair.state(&target)), ("6".into(), "none".into()), "{kind}");
    }
}

/// What is asked about is all that is done: whatever else the surgery did would be the end of this process.
#[test]
fn a_filter_that_allows_what_the_surgery_asks_about_is_enough() {
    let pair = Pair::build("c/filtered.c", "gcc -O2");
    pair.diff();
    let mut target = filtered(&pair, "enough");
    for (verb, answer) in
        [(&["apply"][..], "1006"), (&["toggle", "off"], "6"), (&["toggle", "on"], "1006"), (&["revert"], "6")]
    {
        let ran = pair.operate(verb, &target, &[]);
        assert_eq!(ran.outcome(), "done", "{verb:?}: {ran:?}");
        assert_eq!(target.ask("6"), answer, "{verb:?}");
    }
}

/// A filter can't be read without stopping a thread, which a look at all processes must not do.
fn is_open(process: &Value) {
    assert_eq!(process["patchable"], Value::Null, "{process}");
    assert!(process["why"].as_str().unwrap().contains("seccomp filter"), "{process}");
}

/// Filters are read by who has the capability for it, and no filter.
#[test]
fn who_can_not_read_a_filter_is_told_before() {
    if !is_root() {
        return;
    }
    let pair = Pair::build("c/filtered.c", "gcc -O2");
    pair.diff();
    let nobody = Nobody::new(&pair);
    let mut command = nobody.command(&pair.old);
    command.arg("open");
    let mut own = Target::start(command);
    assert_eq!(own.ask("5"), "5");
    if users_may_trace() {
        let refusal = nobody.operate("apply", &pair, &own);
        refused(&refusal, "no-permission", &["read the seccomp filter", "CAP_SYS_ADMIN"]);
        is_foretold(&refusal, &nobody.ps(&own), 0);
    }

    let under_a_filter = |words: &[&str], delta: Option<&Path>| {
        let mut command = Command::new(&pair.old);
        command.arg("open").arg(&nobody.suture).arg("--json").args(words).args(delta);
        command.env("SUTURE_STATE_DIR", &nobody.state);
        finish(command.args(["--pid", &own.pid().to_string()]))
    };
    let refusal = under_a_filter(&["apply"], Some(&pair.delta));
    refused(&refusal, "no-permission", &["read the seccomp filter", "no seccomp filter itself"]);
    is_foretold(&refusal, &under_a_filter(&["ps"], None), 0);
    assert_eq!(own.ask("5"), "5");
    assert_eq!(pair.operate(&["apply"], &own, &[]).outcome(), "done");
    assert_eq!(own.ask("5"), "1005");
}
