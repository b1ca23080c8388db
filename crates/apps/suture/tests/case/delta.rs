//! The consensus class, computed from a real delta.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::directory::{directory, document, run};

/// `raft_apply` judges by `check`, which the fix changes; `send_reply` calls the protocol.
const SOURCE: &str = r#"
#include <stdio.h>
static int count;
__attribute__((noinline)) int check(int n) {
#ifdef FIX_CHECK
    if (n > 100) return -1;
#endif
    count += n;
    return printf("%d\n", count);
}
__attribute__((noinline)) int raft_apply(int n) { return check(n) + 1; }
__attribute__((noinline)) int wire_write(int n) { count ^= n; return printf("w%d\n", n); }
__attribute__((noinline)) int send_reply(int n) {
#ifdef FIX_REPLY
    if (n < 0) return 0;
#endif
    return wire_write(n) + 2;
}
__attribute__((noinline)) int alone(int n) {
#ifdef FIX_ALONE
    if (n == 3) return 0;
#endif
    count |= n;
    return printf("a%d\n", n);
}
int main(int argc, char **argv) { (void)argv; return raft_apply(argc) + send_reply(argc) + alone(argc); }
"#;
pub(crate) const MARKS: &str =
    "[critical]\nfunctions = [\"raft_*\"]\n[critical.protocol]\nfunctions = [\"wire_*\"]\n";

fn build(here: &Path, name: &str, options: &[&str]) {
    let flags =
        ["-O2", "-g", "-ffunction-sections", "-fdata-sections", "-Wl,--emit-relocs", "-Wl,--build-id"];
    let mut command = Command::new("gcc");
    command.args(flags).args(options).args(["-o", name, "program.c"]).current_dir(here);
    assert!(command.status().unwrap().success());
}

/// A case, and a delta of one fix, made with marks or without.
pub(crate) fn prepared(name: &str, fix: &str, marks: Option<&str>) -> std::path::PathBuf {
    let here = directory(name);
    fs::write(here.join("program.c"), SOURCE).unwrap();
    if let Some(marks) = marks {
        fs::write(here.join("suture.toml"), marks).unwrap();
    }
    build(&here, "old", &[]);
    build(&here, "new", &[fix]);
    let output = run(&here, &["diff", "--old", "old", "--new", "new", "-o", "fix.delta"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    document(&here, &["case", "new", "one", "--title", "t", "--program", "p", "--by", "alice"]);
    here
}

fn class(here: &Path) -> Value {
    let line =
        ["case", "classify", "one", "--delta", "fix.delta", "--class", "local:a bounds check", "--by", "bob"];
    document(here, &line)["classification"]["class"].clone()
}

#[test]
fn what_consensus_depends_on_is_replicated() {
    let here = prepared("replicated", "-DFIX_CHECK", Some(MARKS));
    let class = class(&here);
    assert_eq!((&class["computed"]["class"], &class["counts"]), (&"replicated".into(), &"replicated".into()));
    assert_eq!((&class["declared"], &class["is_laxer"]), (&"local".into(), &true.into()));
    let because = class["computed"]["because"][0].as_str().unwrap();
    assert_eq!(because, "check changes and is called by raft_apply, which is marked as consensus");
    let shown = document(&here, &["case", "show", "one"]);
    let id =
        String::from_utf8(Command::new("sha256sum").arg(here.join("fix.delta")).output().unwrap().stdout)
            .unwrap();
    assert!(id.starts_with(shown["case"]["delta"]["id"].as_str().unwrap()));
    let steps = shown["classification"]["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["step"] == "approve-laxer-class" && step["before"] == "approval"));
}

#[test]
fn what_calls_the_protocol_is_wire() {
    let class = class(&prepared("wire", "-DFIX_REPLY", Some(MARKS)));
    assert_eq!((&class["computed"]["class"], &class["is_laxer"]), (&"wire".into(), &true.into()));
}

#[test]
fn what_touches_no_mark_is_local() {
    let class = class(&prepared("local", "-DFIX_ALONE", Some(MARKS)));
    assert_eq!((&class["computed"]["class"], &class["is_laxer"]), (&"local".into(), &false.into()));
}

/// A delta that was made without marks, or with a mark that marks nothing, is not taken for harmless: to ship it as less takes an
/// approval of its own.
#[test]
fn without_marks_the_strictest_is_computed() {
    let rows = [
        (None, "nothing was marked"),
        (Some("# nothing\n"), "nothing was marked"),
        (Some("[critical]\nfunctions = [\"no_such_function\"]\n"), "the pattern `no_such_function`"),
        (
            Some("[critical]\nfunctions = [\"raft_*\", \"no_such_function\"]\n"),
            "the pattern `no_such_function`",
        ),
    ];
    for (number, (marks, because)) in rows.into_iter().enumerate() {
        let class = class(&prepared(&format!("unmarked-{number}"), "-DFIX_ALONE", marks));
        assert_eq!((&class["computed"]["class"], &class["is_laxer"]), (&"replicated".into(), &true.into()));
        let told = class["computed"]["because"][0].as_str().unwrap();
        assert!(told.starts_with(because), "{told}");
    }
}

/// A project that has no consensus says so once, with its reason, which everybody sees.
#[test]
fn a_project_says_that_nothing_of_it_is_critical() {
    let here = prepared("none", "-DFIX_CHECK", Some("[critical]\nnone = \"a single server\"\n"));
    let class = class(&here);
    assert_eq!((&class["computed"]["class"], &class["is_laxer"]), (&"local".into(), &false.into()));
    let because = class["computed"]["because"][0].as_str().unwrap();
    assert!(because.ends_with("a single server"), "{because}");
    let shown = String::from_utf8(run(&here, &["inspect", "fix.delta"]).stdout).unwrap();
    assert!(shown.contains("none: a single server (by suture.toml)"), "{shown}");
}
