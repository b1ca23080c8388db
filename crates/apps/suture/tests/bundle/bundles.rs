//! `bundle create`, `show`, `verify`, `diff`, and `inspect` of a bundle.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::patch::{self, json};
use crate::transcript::{directory, run, transcript};

fn sha256sum(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

#[test]
fn the_manual() {
    let here = directory("bundle-manual");
    for command in [
        vec!["bundle", "--help"],
        vec!["bundle", "create", "--help"],
        vec!["bundle", "show", "--help"],
        vec!["bundle", "verify", "--help"],
        vec!["bundle", "diff", "--help"],
    ] {
        insta::assert_snapshot!(command[..command.len() - 1].join("_"), transcript(&here, &command));
    }
}

#[test]
fn a_bundle_is_made_shown_and_verified() {
    let here = directory("bundle-whole");
    let id = patch::bundle(&here);
    assert_eq!(sha256sum(&here.join("fix.bundle")), id);

    let shown = json(&here, 0, &["bundle", "show", "fix.bundle"]);
    assert_eq!((&shown["schema"], &shown["id"]), (&1.into(), &id.into()));
    let roles: Vec<_> =
        shown["members"].as_array().unwrap().iter().map(|member| member["role"].clone()).collect();
    assert_eq!(roles, ["delta", "dossier"]);
    let delta = &shown["deltas"][0];
    let diff = json(&here, 0, &["inspect", "fix.delta"]);
    for (shown, told) in [
        (&delta["id"], &diff["id"]),
        (&delta["old_build_id"], &diff["meta"]["old"]["build_id"]),
        (&delta["functions"][0]["line"], &diff["meta"]["report"]["changed"][0]["line"]),
        (&delta["functions"][0]["file"], &diff["meta"]["report"]["changed"][0]["file"]),
    ] {
        assert_eq!(shown, told);
    }
    assert_eq!((&delta["verdict"], &delta["functions"][0]["name"]), (&"hot".into(), &"check".into()));
    assert_eq!((&shown["dossier"]["gaps"], &shown["dossier"]["case"]), (&0.into(), &"answer to id".into()));
    let digest = sha256sum(&here.join("fix.delta"));
    assert_eq!(shown["members"][0]["sha256"], digest);

    let verified = json(&here, 0, &["bundle", "verify", "fix.bundle"]);
    let states: Vec<_> =
        verified["checks"].as_array().unwrap().iter().map(|check| check["state"].clone()).collect();
    assert_eq!((verified["ok"].as_bool(), states.last().unwrap()), (Some(true), &"not-checked".into()));

    let inspected = json(&here, 0, &["inspect", "fix.bundle"]);
    assert_eq!(inspected["inspected"][0], diff);
    assert_eq!(run(&here, &["inspect", "fix.bundle", "--disasm"]).status.code(), Some(2));
    let text = String::from_utf8(run(&here, &["bundle", "show", "fix.bundle"]).stdout).unwrap();
    assert!(text.lines().any(|line| line.contains("check") && line.contains("check.c:5")), "{text}");
}

/// Names and order of the files that it is made from are nothing to it, and its bytes are for ever the same.
#[test]
fn the_same_inputs_give_the_same_bytes() {
    let here = directory("bundle-same");
    patch::delta(&here, "server", "one", "fixed %d");
    patch::delta(&here, "a-client", "two", "mended %d");
    patch::dossier(&here, &["one.delta", "two.delta"]);
    fs::copy(here.join("one.delta"), here.join("renamed")).unwrap();
    let create = |name: &str, deltas: [&str; 2]| {
        let documents = ["--document", "check.c", "--document", "dossier.toml"];
        let rest = ["--dossier", "dossier.toml", "-o", name];
        json(&here, 0, &[&["bundle", "create"][..], &deltas, &documents, &rest].concat());
        fs::read(here.join(name)).unwrap()
    };
    let one = create("1.bundle", ["one.delta", "two.delta"]);
    assert_eq!(one, create("2.bundle", ["two.delta", "renamed"]));
    let text = String::from_utf8(run(&here, &["bundle", "diff", "1.bundle", "2.bundle"]).stdout).unwrap();
    assert!(text.starts_with("SAME:"), "{text}");
}

#[test]
fn two_bundles_are_compared() {
    let here = directory("bundle-diff");
    patch::bundle(&here);
    fs::rename(here.join("fix.bundle"), here.join("before.bundle")).unwrap();
    patch::delta(&here, "server", "fix", "fixed again %d");
    patch::dossier(&here, &["fix.delta"]);
    fs::write(here.join("fix.patch"), "+ fixed\n").unwrap();
    let arguments = ["bundle", "create", "fix.delta", "--dossier", "dossier.toml", "--document", "fix.patch"];
    json(&here, 0, &[&arguments[..], &["-o", "after.bundle"]].concat());
    let found = json(&here, 0, &["bundle", "diff", "before.bundle", "after.bundle"]);
    let members: Vec<_> = found["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| (&member["name"], &member["change"]))
        .collect();
    assert_eq!(found["same"], false);
    assert_eq!(
        members,
        [(&"documents/fix.patch".into(), &"added".into()), (&"dossier.toml".into(), &"changed".into())]
    );
    let parts = found["deltas"][0]["parts"].as_array().unwrap();
    assert!(parts.iter().all(|part| part["change"] != "removed" || part["kind"] == "object"), "{parts:?}");
    assert!(!parts.is_empty(), "{found}");
}

/// What can't be a patch does not become a bundle, and nothing is left of the attempt.
#[test]
fn what_can_not_be_used_is_refused() {
    let here = directory("bundle-unusable");
    patch::bundle(&here);
    fs::remove_file(here.join("fix.bundle")).unwrap();
    fs::write(here.join("notes.txt"), "no delta\n").unwrap();
    fs::write(here.join("-odd name"), "x").unwrap();
    let before = fs::read_dir(&here).unwrap().count();
    let with = |delta: &str, more: &[&str]| {
        let base = ["bundle", "create", delta, "--dossier", "dossier.toml", "-o", "fix.bundle"];
        transcript(&here, &[&base[..], more].concat())
    };
    insta::assert_snapshot!(with("notes.txt", &[]));
    insta::assert_snapshot!(with("fix.delta", &["--document=-odd name"]));
    insta::assert_snapshot!(with("fix.delta", &["--document", "check.c", "--document", "check.c"]));
    insta::assert_snapshot!(with("missing.delta", &[]));

    let mut cold = fs::read(here.join("fix.delta")).unwrap();
    let at = cold.windows(5).position(|window| window == b"\"hot\"").unwrap();
    // As many letters less elsewhere in the report as the other verdict has more.
    let reason = cold.windows(8).position(|window| window == b"function").unwrap();
    assert!(reason > at);
    cold.drain(reason..reason + 8);
    cold.splice(at..at + 5, *b"\"full-update\"");
    fs::write(here.join("cold.delta"), cold).unwrap();
    insta::assert_snapshot!(with("cold.delta", &[]));
    assert_eq!(fs::read_dir(&here).unwrap().count(), before + 1);
}
