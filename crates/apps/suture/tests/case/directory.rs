//! Runs the binary in a directory of its own and writes down what a person would see.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A directory of its own for one test.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("case").join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

pub(crate) fn run(here: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_suture"))
        .args(arguments)
        .current_dir(here)
        .env_remove("SUTURE_LOG")
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS")
        .output()
        .unwrap()
}

/// Runs a command line that must be done, and gives its document.
pub(crate) fn document(here: &Path, arguments: &[&str]) -> Value {
    let output = run(here, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The command line and its answer as one text, the times of acts left out.
pub(crate) fn transcript(here: &Path, arguments: &[&str]) -> String {
    let output = run(here, arguments);
    let part = |name: &str, bytes: &[u8]| match String::from_utf8_lossy(bytes) {
        text if text.is_empty() => String::new(),
        text => format!("--- {name}\n{text}"),
    };
    let text = format!(
        "$ suture {}\n{}{}--- exit {}\n",
        arguments.join(" "),
        part("stdout", &output.stdout),
        part("stderr", &output.stderr),
        output.status.code().unwrap()
    );
    without_act_times(here, text)
}

/// The times of acts are those of the clock: a word stands for them.
fn without_act_times(here: &Path, mut text: String) -> String {
    let cases = std::fs::read_dir(here.join("cases")).into_iter().flatten().flatten();
    for case in cases {
        let timeline = std::fs::read_to_string(case.path().join("timeline.jsonl")).unwrap_or_default();
        for line in timeline.lines() {
            let act: Value = serde_json::from_str(line).unwrap_or_default();
            if let Some(at) = act["at"].as_str() {
                text = text.replace(at, "TIME-OF-THE-ACT-Z---");
            }
        }
    }
    text
}

/// The names in a directory, ascending.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
