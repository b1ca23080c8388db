//! A program, its fix, the delta between them, and a dossier in which everything is answered.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::transcript::run;

const SOURCE: &str = r#"
#include <stdio.h>
#include <unistd.h>
static int count;
__attribute__((noinline)) int check(int n) {
    count += n;
    return printf("count %d\n", count);
}
__attribute__((noinline)) int other(int n) { return n + count; }
int main(void) {
    for (;;) {
        check(other(1) > 0);
        fflush(stdout);
        usleep(1000);
    }
}
"#;

/// Who has run the build, by the dossier.
pub(crate) const BUILDER: &str = "https://ci.example.com";

/// Compiles `source` to `name`.
pub(crate) fn compile(directory: &Path, name: &str, source: &str) {
    std::fs::write(directory.join("check.c"), source).unwrap();
    let flags = "-O2 -g -ffunction-sections -fdata-sections -Wl,--emit-relocs -Wl,--build-id";
    let mut command = Command::new("gcc");
    command.args(flags.split(' ')).args(["-o", name, "check.c"]).current_dir(directory);
    assert!(command.status().unwrap().success());
}

/// Runs a command line that must end with this code; gives its document.
pub(crate) fn json(directory: &Path, exit: i32, arguments: &[&str]) -> Value {
    let output = run(directory, &[arguments, &["--json"]].concat());
    let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}\n{said}\n{why}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{said}"))
}

/// The delta `NAME.delta` of a fix of `program` that prints another text. Unless a test has marks of its own nothing is critical.
pub(crate) fn delta(directory: &Path, program: &str, name: &str, text: &str) {
    let marks = directory.join("suture.toml");
    if !marks.exists() {
        std::fs::write(marks, "[critical]\nnone = \"a server of its own\"\n").unwrap();
    }
    // Each program has a build-id of its own.
    let source = SOURCE.replace("usleep(1000)", &format!("usleep({})", 1000 + program.len()));
    compile(directory, program, &source);
    compile(directory, "new", &source.replace("count %d", text));
    let output = format!("{name}.delta");
    let document = json(directory, 0, &["diff", "--old", program, "--new", "new", "-o", &output]);
    assert_eq!(document["verdict"], "hot");
}

/// Drafts `dossier.toml` for these deltas and answers everything in it.
pub(crate) fn dossier(directory: &Path, deltas: &[&str]) {
    dossier_with(directory, deltas, &[]);
}

/// The same with more arguments.
pub(crate) fn dossier_with(directory: &Path, deltas: &[&str], more: &[&str]) {
    let mut arguments = vec!["dossier", "new"];
    arguments.extend(deltas);
    arguments.extend(more);
    let mut records = Vec::new();
    for delta in deltas {
        let id = json(directory, 0, &["inspect", delta])["id"].as_str().unwrap().to_owned();
        let path = format!("{delta}.json");
        std::fs::write(directory.join(&path), record(&id)).unwrap();
        records.push(path);
    }
    arguments.extend(records.iter().flat_map(|path| ["--provenance", path]));
    let path = directory.join("dossier.toml");
    let _ = std::fs::remove_file(&path);
    let drafted = json(directory, 0, &arguments);
    assert!(drafted["gaps"].as_u64().unwrap() > 20, "{drafted}");
    answer(&path);
}

/// Puts an answer in the place of each that is open.
pub(crate) fn answer(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some((key @ ("mixed_versions" | "forensics"), _)) => format!("{key} = \"yes\""),
        Some((key @ "consensus_class", _)) => format!("{key} = \"local\""),
        Some((key @ "builder", value)) if value.starts_with("\"??") => format!("{key} = \"{BUILDER}\""),
        Some((key, value)) if value.starts_with("\"??") => format!("{key} = \"answer to {key}\""),
        Some((key, value)) if value.starts_with("[\"??") => format!("{key} = [\"answer to {key}\"]"),
        _ => line.to_owned(),
    });
    std::fs::write(path, lines.collect::<Vec<_>>().join("\n")).unwrap();
}

/// What `suture build --json` says of the builds.
fn record(id: &str) -> String {
    let provenance = serde_json::json!({
        "source_sha256": "11".repeat(32), "patch_sha256": "22".repeat(32),
        "old_sha256": "33".repeat(32), "new_sha256": "44".repeat(32),
        "command": "make", "artifact": "check", "flags": ["-g", "-Wl,--emit-relocs", "-g"],
        "environment": {"SOURCE_DATE_EPOCH": "1"}, "tools": [{"name": "cc", "version": "gcc"}],
    });
    serde_json::json!({"schema": 1, "id": id, "provenance": provenance}).to_string()
}

/// A directory with `fix.delta`, a complete `dossier.toml` and `fix.bundle` of both; gives the bundle's id.
pub(crate) fn bundle(directory: &Path) -> String {
    delta(directory, "server", "fix", "fixed %d");
    dossier(directory, &["fix.delta"]);
    bundle_of_fix(directory)
}

/// `fix.bundle` of `fix.delta` and `dossier.toml`; gives its id.
pub(crate) fn bundle_of_fix(directory: &Path) -> String {
    let arguments = ["bundle", "create", "fix.delta", "--dossier", "dossier.toml", "-o", "fix.bundle"];
    json(directory, 0, &arguments)["id"].as_str().unwrap().to_owned()
}
