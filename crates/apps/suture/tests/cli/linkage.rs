//! How the program itself is linked, and what it does before anything else (ADR 20).

use std::path::Path;
use std::process::Command;

use object::{Object as _, ObjectKind};

const SUTURE: &str = env!("CARGO_BIN_EXE_suture");

/// A dynamic linker would take a processor from the target before the first instruction of the program, and relocations after it.
#[test]
fn nothing_is_linked_or_relocated_when_the_program_starts() {
    let bytes = std::fs::read(SUTURE).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let wanted =
        if option_env!("SUTURE_PIE").is_some() { ObjectKind::Dynamic } else { ObjectKind::Executable };
    assert_eq!(file.kind(), wanted);
    assert!(file.section_by_name(".interp").is_none());
}

/// Calls that set and read how the first thread is scheduled, as strace writes them, from the start of the program on.
fn scheduling(before: &[&str], arguments: &[&str]) -> Vec<String> {
    let (first, rest) =
        [before, &["strace", "-qq", "-e", "trace=sched_getattr,sched_setattr,brk", SUTURE], arguments]
            .concat()
            .split_first()
            .map(|(first, rest)| {
                (first.to_owned(), rest.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
            })
            .unwrap();
    let output = Command::new(first).args(rest).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn turn_of(call: &str) -> u64 {
    let (_, rest) = call.split_once("sched_runtime=").unwrap_or_else(|| panic!("{call}"));
    rest.split(',').next().unwrap().parse().unwrap()
}

#[test]
fn short_turns_are_the_first_that_is_asked_for() {
    let calls = scheduling(&[], &["--version"]);
    assert!(calls[0].starts_with("sched_getattr(0, "), "{calls:?}");
    assert!(calls[1].starts_with("sched_setattr(0, "), "{calls:?}");
    assert!(calls[2].starts_with("brk("), "the C library begins: {calls:?}");
    assert_eq!(turn_of(&calls[1]), 100_000);
    let last = calls.iter().rfind(|call| call.starts_with("sched_setattr(0, ")).unwrap();
    assert_eq!(turn_of(last), turn_of(&calls[0]), "nobody waits for a process here: {calls:?}");
}

#[test]
fn who_is_scheduled_in_another_way_stays_so() {
    for policy in ["-i", "-b"] {
        let calls = scheduling(&["chrt", policy, "0"], &["--version"]);
        let sets = calls.iter().filter(|call| call.starts_with("sched_setattr(0, ")).count();
        let is_idle = policy == "-i";
        assert!(calls[0].contains(if is_idle { "SCHED_IDLE" } else { "SCHED_BATCH" }), "{calls:?}");
        assert_eq!(calls[1].starts_with("brk("), is_idle, "{calls:?}");
        assert!(sets >= usize::from(!is_idle), "{calls:?}");
        assert!(calls.iter().all(|call| !call.contains("SCHED_OTHER")), "{calls:?}");
    }
}

/// Opens a case as a user who is not in the system's file, and says who the case says did so.
fn opened_by(here: &Path, path: &str) -> (Option<i32>, String) {
    const NOBODY_KNOWS: &str = "54321";
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY_KNOWS, "--clear-groups", SUTURE]);
    command.args(["case", "new", "one", "--title", "x", "--program", "server", "--json"]);
    let output = command.current_dir(here).env("PATH", path).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// A static program can't load what knows the users of a directory service; `getent` can.
#[test]
fn users_of_a_directory_service_have_names() {
    use std::os::unix::fs::PermissionsExt as _;
    // Only root can become somebody else.
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    std::fs::set_permissions(here, std::fs::Permissions::from_mode(0o777)).unwrap();
    let system = std::env::var("PATH").unwrap();
    let (exit, text) = opened_by(here, &system);
    assert_eq!(exit, Some(2), "{text}");
    assert!(text.contains("who does this is not known"), "{text}");
    let getent = here.join("getent");
    std::fs::write(
        &getent,
        "#!/bin/sh\n[ \"$*\" = 'passwd 54321' ] && echo 'grace:*:54321:100::/:/bin/sh'\n",
    )
    .unwrap();
    std::fs::set_permissions(&getent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (exit, text) = opened_by(here, &format!("{}:{system}", here.display()));
    assert_eq!(exit, Some(0), "{text}");
    assert!(std::fs::read_to_string(here.join("cases/one/timeline.jsonl")).unwrap().contains("\"grace\""));
}
