//! A channel's life, typed.

use std::fs;

use crate::desk::{Desk, RULE};

#[test]
fn from_founding_to_fetching() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let bundle = desk.bundle();
    desk.does("channel add channel --bundle fix.bundle", &[]);
    let published = desk.does("--json channel publish channel --key team --key machine", &[]).json();
    assert_eq!(
        published["added"],
        serde_json::json!(["bundle.fix.bundle", "bundle.fix.bundle.intoto.jsonl"])
    );
    let fetched = desk.fetch(&[]);
    assert_eq!(fetched.exit, 0, "{}", fetched.stderr);
    assert!(fetched.stdout.contains("bundles/fix.bundle\n"), "{}", fetched.stdout);
    assert_eq!(fs::read(desk.path("got/bundles/fix.bundle")).unwrap(), bundle);
    assert_eq!(desk.read("got/trust/root.toml"), desk.root());
    assert_eq!(desk.read("got/trust/policy/1.cedar"), RULE);
    assert!(!desk.path("got/trust/node.toml").exists(), "that is about one machine");
    // The rules that came are the rules that hold.
    let answer = desk.does("--json policy check got/bundles/fix.bundle --trust got/trust", &[]).json();
    assert_eq!(answer["rules"][0]["rule"], "all");
    let shown = desk.does("--json channel show channel", &[]).json();
    let versions: Vec<_> = shown["roles"].as_array().unwrap().iter().map(|role| &role["version"]).collect();
    assert_eq!(versions, [1, 1, 2, 2, 2]);
    desk.does("channel refresh channel --key machine", &[]);
    let document = desk.fetch(&["--json"]).json();
    assert_eq!((&document["schema"], &document["versions"]["timestamp"]), (&1.into(), &3.into()));
}

#[test]
fn root_is_signed_by_one_person_after_the_other() {
    let desk = Desk::new();
    let init = "channel init channel --root-key ada --root-key bob.pub --root-key cleo.pub --root-threshold 2 \
                --targets-key policy.pub --patches-key team.pub --snapshot-key machine.pub --timestamp-key machine.pub";
    let waits = desk.does(init, &[]).stdout;
    assert!(waits.contains("1 more signature is needed, by: SHA256:"), "{waits}");
    desk.does("channel add channel --policy rules", &[]);
    let refused = desk.run("channel publish channel --key policy --key team --key machine", &[]);
    assert_eq!(refused.exit, 5);
    assert!(refused.stderr.contains("1 of the keys of the root role is missing"), "{}", refused.stderr);
    assert!(desk.does("channel show channel", &[]).stdout.contains("root waits for signatures"));
    let signed = desk.does("channel rotate channel --key bob", &[]).stdout;
    assert!(signed.contains("it is signed"), "{signed}");
    desk.does("channel publish channel --key policy --key team --key machine", &[]);
}

#[test]
fn an_embargo_from_its_beginning_to_its_end() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let bundle = desk.bundle();
    desk.key("node", "words of a node");
    desk.passphrase("words", "words of a node");
    let until = "2999-01-01T00:00:00Z";
    desk.does("channel add channel --bundle fix.bundle --to-file node.pub --embargo-until", &[until]);
    desk.does("channel publish channel --key team --key machine", &[]);
    let others = desk.fetch(&[]);
    assert!(others.stdout.contains("encrypted for others: "), "{}{}", others.stdout, others.stderr);
    assert!(!others.stdout.contains("fix.bundle"));
    let ours = desk.fetch(&["--identity", "node", "--passphrase-file", "words"]);
    assert!(ours.stdout.contains("bundles/fix.bundle, under embargo"), "{}{}", ours.stdout, ours.stderr);
    assert_eq!(fs::read(desk.path("got/bundles/fix.bundle")).unwrap(), bundle);
    let early = desk.run("channel reveal channel fix.bundle", &[]);
    assert_eq!(early.exit, 5);
    assert!(early.stderr.contains("is under embargo until 2999-01-01T00:00:00Z"), "{}", early.stderr);
    desk.does("channel reveal channel fix.bundle --early", &[]);
    desk.does("channel publish channel --key team --key machine", &[]);
    assert!(desk.fetch(&[]).stdout.contains("bundles/fix.bundle\n"));
}

#[test]
fn keys_are_changed() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    assert_eq!(desk.fetch(&[]).exit, 0);
    desk.key("machine2", "");
    desk.does("channel rotate channel --timestamp-key machine2.pub --key ada --key bob", &[]);
    desk.does("channel rotate channel --patches-key ada.pub", &[]);
    desk.does("channel publish channel --key policy --key ada --key machine --key machine2", &[]);
    let document = desk.fetch(&["--json"]).json();
    assert_eq!((&document["versions"]["root"], &document["versions"]["patches"]), (&2.into(), &2.into()));
}

/// Before a root is trusted its keys are looked at; one that was changed is no root.
#[test]
fn a_root_file_is_looked_at() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let shown = desk.does("--json channel show pinned.json", &[]).json();
    let roles = shown["roles"].as_array().unwrap();
    let names: Vec<_> = roles.iter().map(|role| role["role"].as_str().unwrap()).collect();
    assert_eq!(names, ["root", "targets", "snapshot", "timestamp"]);
    assert_eq!((&roles[0]["version"], &roles[0]["threshold"]), (&1.into(), &2.into()));
    let output =
        std::process::Command::new("ssh-keygen").arg("-lf").arg(desk.path("ada.pub")).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    let fingerprint = line.split(' ').nth(1).unwrap();
    assert!(roles[0]["keys"].as_array().unwrap().iter().any(|key| key == fingerprint), "{shown} {line}");
    let text = desk.does("channel show pinned.json", &[]).stdout;
    assert!(text.contains("named by this root") && text.contains(fingerprint), "{text}");
    let changed = desk.read("pinned.json").replace("\"version\": 1", "\"version\": 2");
    fs::write(desk.path("changed.json"), changed).unwrap();
    let refused = desk.run("channel show changed.json", &[]);
    assert_eq!(refused.exit, 5, "{}", refused.stderr);
    let foreign = desk.run("channel show ada.pub", &[]);
    assert_eq!(foreign.exit, 2, "{}", foreign.stderr);
    assert!(foreign.stderr.contains("N.root.json"), "{}", foreign.stderr);
}

#[test]
fn the_manual() {
    let desk = Desk::new();
    let commands = ["init", "add", "reveal", "remove", "publish", "refresh", "rotate", "show"]
        .map(|name| format!("channel {name}"));
    for command in commands.into_iter().chain(["channel".to_owned(), "fetch".to_owned()]) {
        let manual = desk.does(&command, &["--help"]).stdout;
        insta::assert_snapshot!(format!("manual_{}", command.replace(' ', "_")), manual);
    }
}
