//! How a run of the program on bad input has to end.

use std::path::Path;
use std::process::{Command, Output};

use crate::little_memory;

/// Longest thing that may be said about a bad file, in bytes: it is read by people.
const SAID_MAX: usize = 2000;

/// Runs `suture` in little memory.
pub(crate) fn run(here: &Path, arguments: &[&str]) -> Output {
    let mut command = little_memory::command(here, arguments);
    without_trust(&mut command).env("SUTURE_STATE_DIR", here.join("state"));
    command.output().unwrap()
}

fn without_trust(command: &mut Command) -> &mut Command {
    command.env_remove("SUTURE_TRUST_DIR")
}

/// The exit code, if the program has ended as it may: by itself, with one of these codes, and with one sentence for each that is
/// not 0.
pub(crate) fn code(what: &str, output: &Output, may_be: &[i32]) -> i32 {
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let code = output.status.code().unwrap_or_else(|| panic!("{what}: {:?}\n{out}{err}", output.status));
    assert!(may_be.contains(&code), "{what}: exit {code}\n{out}{err}");
    for sign in ["panicked", "memory allocation", "RUST_BACKTRACE"] {
        assert!(!out.contains(sign) && !err.contains(sign), "{what}: {out}{err}");
    }
    if code == 2 {
        let begins = |word: &str| err.lines().filter(|line| line.trim_start().starts_with(word)).count();
        assert_eq!(["error:", "why:", "help:"].map(begins), [1; 3], "{what}: {err}");
        assert!(err.len() < SAID_MAX && !err.replace('\n', "").contains(char::is_control), "{what}: {err}");
    }
    code
}
