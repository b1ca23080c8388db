//! Runs the binary and writes down what a person at a terminal would see.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of its own for one test.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// The binary, to be run in `directory`, with nothing of the environment that changes what it says.
pub(crate) fn suture(directory: &Path, arguments: &[&str]) -> Command {
    suture_in(Path::new(env!("CARGO_BIN_EXE_suture")), directory, arguments)
}

/// The same with the program in this file.
pub(crate) fn suture_in(program: &Path, directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(directory)
        .env_remove("SUTURE_LOG")
        .env_remove("SUTURE_TRUST_DIR")
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS");
    command
}

/// Runs a command line.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Output {
    suture(directory, arguments).output().unwrap()
}

/// The command line and its answer as one text.
pub(crate) fn transcript(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    let part = |name: &str, bytes: &[u8]| match String::from_utf8_lossy(bytes) {
        text if text.is_empty() => String::new(),
        text => format!("--- {name}\n{text}"),
    };
    format!(
        "$ suture {}\n{}{}--- exit {}\n",
        arguments.join(" "),
        part("stdout", &output.stdout),
        part("stderr", &output.stderr),
        output.status.code().unwrap()
    )
}
