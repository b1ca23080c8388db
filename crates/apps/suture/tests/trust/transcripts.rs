//! What a person sees.

use crate::office::{BUNDLE, Office};

#[test]
fn the_manual() {
    let office = Office::open();
    for command in [&["key"][..], &["key", "new"], &["key", "show"], &["sign"], &["statements"]] {
        let arguments = [command, &["--help"]].concat();
        insta::assert_snapshot!(format!("manual_{}", command.join("_")), office.transcript(&arguments));
    }
}

/// From nobody to a refusal that is withdrawn.
#[test]
fn a_story() {
    let office = Office::open();
    let mut story = String::new();
    for line in [
        "key show bob --trust trust",
        "statements fix.delta --trust trust",
        "sign --as author --key alice fix.delta",
        "sign --as reviewer --key bob --comment looks-good fix.delta",
        "statements fix.delta",
        "statements fix.delta --trust trust",
        "sign --as commander --key carol --refuse --reason not-now fix.delta",
        "statements fix.delta --trust trust",
        "sign --as commander --key bob --withdraw fix.delta",
        "sign --as commander --key carol --withdraw fix.delta",
        "sign --as operator --key alice fix.delta",
        "statements fix.delta --trust trust",
    ] {
        story += &office.transcript(&line.split(' ').collect::<Vec<_>>());
        story.push('\n');
    }
    insta::assert_snapshot!(story);
}

#[test]
fn mistakes() {
    let office = Office::open();
    std::fs::write(office.path("notes.json"), "[]").unwrap();
    std::fs::write(office.path("short.json"), r#"{"result":"PASSED"}"#).unwrap();
    let mut mistakes = String::new();
    for line in [
        "sign --as reviewer fix.delta",
        "sign --as tester --key bob fix.delta",
        "sign --as witness --key bob fix.delta",
        "sign --as author --says approved --key alice fix.delta",
        "sign --as builder --key alice fix.delta",
        "sign --as author --predicate notes.json --key alice fix.delta",
        "sign --as rehearser --predicate notes.json --key alice fix.delta",
        "sign --as rehearser --predicate short.json --key alice fix.delta",
        "sign --as reviewer --key bob --refuse fix.delta",
        "sign --as reviewer --key bob --withdraw --refuse --reason x fix.delta",
        "sign --as reviewer --key bob missing.bundle",
        "sign --as reviewer --key missing fix.delta",
        "sign --as reviewer --key bob.pub fix.delta",
        "sign --as reviewer --key fix.delta fix.delta",
        "sign --as reviewer --agent bob fix.delta",
        "sign --as commander --says committed --key carol fix.delta",
        "statements fix.delta --trust nowhere",
        "statements fix.delta --trust fix.delta",
        "key new -o alice --no-passphrase",
        "key new -o eve",
        "key show fix.delta",
        "key show",
    ] {
        mistakes += &office.transcript(&line.split(' ').collect::<Vec<_>>());
        mistakes.push('\n');
    }
    insta::assert_snapshot!(mistakes);
    assert!(!office.path("fix.delta.intoto.jsonl").exists(), "nothing was written by mistake");
}

#[test]
fn scripts_see_the_documented_keys() {
    let office = Office::open();
    let (signed, exit) = office.json(&["sign", "--as", "author", "--key", "alice", BUNDLE]);
    assert_eq!((exit, &signed["schema"]), (0, &1.into()));
    let (document, exit) = office.json(&["statements", BUNDLE, "--trust", "trust"]);
    assert_eq!((exit, &document["verified"], &document["refused"]), (0, &true.into(), &false.into()));
    assert_eq!(document["digest"], signed["signed"][0]["digest"]);
    let row = &document["statements"][0];
    assert_eq!(
        (&row["principal"], &row["team"], &row["role"]),
        (&"alice".into(), &"core".into(), &"author".into())
    );
    assert_eq!((&row["kind"], &row["counts"], &row["line"]), (&"authored".into(), &true.into(), &1.into()));
    assert_eq!((&row["id"], &row["key"]), (&signed["signed"][0]["id"], &office.id("alice").into()));
    let (document, _) = office.json(&["key", "show", "alice", "--trust", "trust"]);
    assert_eq!(
        (&document["keys"][0]["id"], &document["keys"][0]["trust"]["state"]),
        (&row["key"], &"valid".into())
    );
}
