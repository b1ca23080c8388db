//! Mistakes on the command line, and files that can't be used.

use crate::transcript::{directory, run, transcript};

#[test]
fn the_manual() {
    let here = directory("manual");
    insta::assert_snapshot!(transcript(&here, &["--help"]));
    for command in ["diff", "inspect", "ps", "apply", "toggle", "revert"] {
        insta::assert_snapshot!(format!("manual_{command}"), transcript(&here, &[command, "--help"]));
    }
}

#[test]
fn mistakes() {
    let here = directory("mistakes");
    insta::assert_snapshot!(transcript(&here, &["patch"]));
    insta::assert_snapshot!(transcript(&here, &["diff", "--old", "a"]));
    insta::assert_snapshot!(transcript(&here, &["diff", "--old", "a", "--new", "b", "--data", "table=drop"]));
    insta::assert_snapshot!(transcript(&here, &["apply", "fix.delta"]));
    insta::assert_snapshot!(transcript(&here, &["apply", "fix.delta", "--pid", "1", "--all"]));
    insta::assert_snapshot!(transcript(&here, &["revert", "abcd", "--all", "--deadline", "10"]));
    insta::assert_snapshot!(transcript(&here, &["toggle", "abcd", "maybe", "--pid", "0"]));
}

#[test]
fn files_that_can_not_be_used() {
    let here = directory("files");
    std::fs::write(here.join("notes.txt"), "no delta\n").unwrap();
    std::fs::copy("/bin/true", here.join("program")).unwrap();
    std::fs::write(here.join("short"), b"\x7fELF\x02\x01\x01").unwrap();
    for file in ["missing.delta", ".", "notes.txt", "program", "short"] {
        insta::assert_snapshot!(transcript(&here, &["inspect", file]));
    }
    insta::assert_snapshot!(transcript(&here, &["diff", "--old", "notes.txt", "--new", "program"]));
}

/// With `--json` a script gets one document on stdout, whatever goes wrong.
#[test]
fn a_mistake_is_a_document_too() {
    let here = directory("mistake-document");
    let rows: [&[&str]; 4] = [
        &["inspect", "--json"],
        &["inspect", "--json", "missing.delta"],
        &["diff", "--json", "--old", "missing", "--new", "missing"],
        &["--json", "nonsense"],
    ];
    for arguments in rows {
        let output = run(&here, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&document["schema"], &document["error"]["exit"]), (&1.into(), &2.into()));
        assert!(document["error"]["what"].as_str().is_some_and(|what| !what.is_empty()), "{arguments:?}");
    }
}
