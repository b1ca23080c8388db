//! `bundle verify` with a trust directory: who said what, and whether the bundle may run here.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::office::{Server, done, open, sign, sign_all};
use crate::patch::{self, json};
use crate::transcript::{run, suture, transcript};

const VERIFY: [&str; 5] = ["bundle", "verify", "fix.bundle", "--trust", "trust"];

/// State of the rows about people, and what they rest on.
fn rows(here: &Path, exit: i32) -> [(String, Vec<String>); 2] {
    let told = json(here, exit, &VERIFY);
    assert_eq!(told["ok"], exit == 0, "{told}");
    let rows = told["checks"].as_array().unwrap();
    ["statements", "policy"].map(|name| {
        let row = rows.iter().find(|row| row["check"] == name).unwrap_or_else(|| panic!("{told}"));
        let details = row["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&row["state"]), details.iter().map(text).collect())
    })
}

/// The transcript, with ids and keys called by name.
fn shown(here: &Path, id: &str) -> String {
    let key = fs::read_to_string(here.join("ann.pub")).unwrap();
    let text = transcript(here, &VERIFY).replace(id, "[id]").replace(key.trim(), "[ann]");
    match text.split_once("--withdraw=") {
        Some((before, after)) => format!("{before}--withdraw=[refusal]{}", &after[64..]),
        None => text,
    }
}

#[test]
fn from_nobody_to_a_refusal() {
    let here = open("verify-story");
    let id = patch::bundle(&here);
    let [statements, policy] = rows(&here, 5);
    assert_eq!((statements.0.as_str(), policy.0.as_str()), ("not-checked", "fail"));
    assert!(policy.1.iter().any(|line| line.contains("(patch-has-author)")), "{policy:?}");
    let mut story = shown(&here, &id);

    sign_all(&here, "fix.bundle");
    let [statements, policy] = rows(&here, 0);
    assert_eq!((statements.0.as_str(), policy.0.as_str()), ("pass", "pass"));
    story += &shown(&here, &id);

    sign(&here, "fix.bundle", "cora", "commander", &["--refuse", "--reason", "it breaks the cache"]);
    let [statements, policy] = rows(&here, 5);
    assert_eq!((statements.0.as_str(), policy.0.as_str()), ("fail", "fail"));
    story += &shown(&here, &id);
    insta::assert_snapshot!(story);
}

/// Each statement that does not count is told with its line; what may be a refusal leaves the policy without an answer.
#[test]
fn what_does_not_count_is_told_and_fails() {
    let here = open("verify-rejected");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    // Said in a role that its signer does not have, of another bundle, and no statement at all.
    sign(&here, "fix.bundle", "bot", "operator", &[]);
    fs::write(here.join("other"), "another file\n").unwrap();
    sign(&here, "other", "rob", "reviewer", &[]);
    let path = here.join("fix.bundle.intoto.jsonl");
    let other = fs::read_to_string(here.join("other.intoto.jsonl")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{other}nothing\n")).unwrap();
    let [statements, policy] = rows(&here, 5);
    assert_eq!((statements.0.as_str(), policy.0.as_str()), ("fail", "fail"));
    let lines: Vec<&str> = statements.1.iter().map(|line| &line[..7]).collect();
    assert_eq!(lines, ["line 1:", "line 2:", "line 3:", "line 4:", "line 5:", "line 6:"]);
    let not = |line: &String| line.contains("does not count") || line.contains("is no statement");
    assert_eq!(statements.1.iter().map(not).collect::<Vec<_>>(), [false, false, false, true, true, true]);
}

/// Anybody can add a line: what no key of the trust root has signed is told, and all commands end as they did without it. So does
/// what a known person has said in vain, as long as the rest is enough.
#[test]
fn what_a_stranger_has_signed_stops_nothing() {
    let here = open("verify-stranger");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    done(&here, &["key", "new", "-o", "eve", "--no-passphrase", "--comment", "eve"]);
    sign(&here, "fix.bundle", "eve", "commander", &["--refuse", "--reason", "because"]);
    let [statements, policy] = rows(&here, 0);
    assert_eq!((statements.0.as_str(), policy.0.as_str()), ("pass", "pass"));
    assert!(
        statements.1[3].starts_with("line 4: does not count: no key of the trust root"),
        "{statements:?}"
    );
    json(&here, 0, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    let told = json(&here, 0, &["statements", "fix.bundle", "--trust", "trust"]);
    assert_eq!((&told["refused"], &told["statements"][3]["counts"]), (&false.into(), &false.into()));
    let server = Server::start(&here, "server");
    server.operate(&here, 0, &["apply", "fix.bundle", "--trust", "trust"]);
    server.awaits("fixed");

    sign(&here, "fix.bundle", "bot", "operator", &[]);
    let [statements, policy] = rows(&here, 0);
    assert_eq!((statements.0.as_str(), policy.0.as_str()), ("pass", "pass"));
    assert!(statements.1[4].contains("its signer is no operator"), "{statements:?}");
}

/// A file that somebody has named must be there, whether there is somebody to believe or not.
#[test]
fn a_file_of_statements_that_is_named_must_be_there() {
    let here = open("verify-named");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let rows = [
        &["bundle", "verify", "fix.bundle"][..],
        &["bundle", "verify", "fix.bundle", "--trust", "trust"],
        &["policy", "check", "fix.bundle", "--trust", "trust"],
    ];
    for row in rows {
        let told = json(&here, 2, &[row, &["--statements", "nope.jsonl"]].concat());
        assert_eq!(told["error"]["what"], "there is no file of statements `nope.jsonl`", "{told}");
    }
}

/// The trust directory of the environment counts as it does for `apply`; one that can't be used is an error.
#[test]
fn the_environment_names_a_trust_directory() {
    let here = open("verify-environment");
    patch::bundle(&here);
    let asked = |directory: &str| {
        suture(&here, &["bundle", "verify", "fix.bundle"])
            .env("SUTURE_TRUST_DIR", directory)
            .output()
            .unwrap()
    };
    assert_eq!(asked("trust").status.code(), Some(5));
    assert_eq!(asked("nowhere").status.code(), Some(2));
    let unasked = run(&here, &["bundle", "verify", "fix.bundle"]);
    assert_eq!(unasked.status.code(), Some(0));
    assert!(String::from_utf8(unasked.stdout).unwrap().matches("not checked").count() == 2);
}
