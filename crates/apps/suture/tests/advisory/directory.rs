//! Runs the binary in a directory of its own and writes down what a person would see.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A directory of its own for one test, with one case in it.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("advisory").join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    let line = [
        "case",
        "new",
        "redis-24834",
        "--title",
        "Heap overflow in cjson",
        "--program",
        "redis-server",
        "--id",
        "CVE-2022-24834",
        "--cvss-v3",
        "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
        "--affected",
        ">=7.0.0, <7.0.12",
        "--role",
        "author=bob:core",
        "--role",
        "reviewer=carol:security",
        "--embargo-until",
        "2999-01-01T00:00:00Z",
        "--by",
        "alice",
    ];
    document(&directory, &line);
    directory
}

/// Says in the advisory in which order its versions are.
pub(crate) fn name_package(here: &Path) {
    let path = here.join("cases/redis-24834/advisory.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let package = "[program]\npackage = { ecosystem = \"Debian:12\", name = \"redis\" }\n";
    assert!(text.contains("[program]\n"), "{text}");
    std::fs::write(path, text.replace("[program]\n", package)).unwrap();
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

/// The command line and its answer as one text, the times of versions left out.
pub(crate) fn transcript(here: &Path, arguments: &[&str]) -> String {
    let output = run(here, arguments);
    let part = |name: &str, bytes: &[u8]| match String::from_utf8_lossy(bytes) {
        text if text.is_empty() => String::new(),
        text => format!("--- {name}\n{text}"),
    };
    let mut text = format!(
        "$ suture {}\n{}{}--- exit {}\n",
        arguments.join(" "),
        part("stdout", &output.stdout),
        part("stderr", &output.stderr),
        output.status.code().unwrap()
    );
    for at in times(here) {
        text = text.replace(&at, "TIME-OF-VERSION-Z---");
    }
    text
}

fn times(here: &Path) -> Vec<String> {
    let file = std::fs::read_to_string(here.join("cases/redis-24834/advisory.toml")).unwrap_or_default();
    let at = |line: &str| Some(line.strip_prefix("at = \"")?.trim_end_matches('"').to_owned());
    file.lines().filter_map(at).collect()
}
