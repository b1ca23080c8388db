//! The program with little memory: what a file claims to hold must cost none.

use std::path::Path;
use std::process::{Command, Output};

/// What no file here has, and some claim.
pub(crate) const TEN_GIGABYTES: u64 = 10 << 30;

/// Runs a command line with an address space of half a gigabyte.
pub(crate) fn in_little_memory(here: &Path, arguments: &[&str]) -> Output {
    command(here, arguments).output().unwrap()
}

/// The same to be run.
pub(crate) fn command(here: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", "ulimit -v 500000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_suture")]);
    command.args(arguments).current_dir(here).env_remove("SUTURE_LOG").env_remove("SUTURE_AUDIT_DIR");
    command
}

/// The same for one that must be refused with this code, not because memory was wanting.
pub(crate) fn refused_in_little_memory(here: &Path, exit: i32, arguments: &[&str]) -> String {
    let output = in_little_memory(here, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
    assert!(said.contains("why:") && !said.contains("memory allocation"), "{arguments:?}: {said}");
    said
}

/// A file of ten gigabytes that takes no room.
pub(crate) fn sparse(path: &Path) {
    std::fs::File::create(path).unwrap().set_len(TEN_GIGABYTES).unwrap();
}
