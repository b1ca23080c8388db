//! How it ends when it does not succeed: 5 for want of trust, 2 for bad input, each with the reason in words.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::desk::{Desk, RULE};

/// Refused, with these words, and with the same exit code in JSON.
fn refused(desk: &Desk, more: &[&str], words: &str) {
    let outcome = desk.fetch(more);
    assert_eq!(outcome.exit, 5, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    let document = desk.fetch(&[more, &["--json"]].concat()).json();
    assert_eq!((&document["schema"], &document["error"]["exit"]), (&1.into(), &5.into()));
    assert!(!document["error"]["help"].as_str().unwrap().is_empty());
}

/// The first file of the channel's targets whose name has this end.
fn target(desk: &Desk, end: &str) -> PathBuf {
    let entries =
        fs::read_dir(desk.path("channel/public/targets")).unwrap().flatten().map(|entry| entry.path());
    entries.into_iter().find(|path| path.to_string_lossy().ends_with(end)).unwrap()
}

#[test]
fn a_channel_that_nobody_has_refreshed() {
    let desk = Desk::new();
    desk.publish_first(&["--at", "2020-01-01T00:00:00Z"]);
    refused(&desk, &[], "freeze: the root metadata expired at 2020-12-31T00:00:00Z");
}

#[test]
fn tampering() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let timestamp = desk.path("channel/public/metadata/timestamp.json");
    let old = fs::read(&timestamp).unwrap();
    desk.does("channel publish channel --key machine", &[]);
    assert_eq!(desk.fetch(&[]).exit, 0);
    let new = fs::read(&timestamp).unwrap();
    fs::write(&timestamp, old).unwrap();
    refused(&desk, &[], "rollback: version 1 of the timestamp metadata is offered");
    fs::write(
        &timestamp,
        String::from_utf8(new.clone()).unwrap().replace("\"version\": 2", "\"version\": 3"),
    )
    .unwrap();
    refused(&desk, &[], "0 good signatures by keys of that role, and 1 are needed");
    fs::write(&timestamp, new).unwrap();
    fs::write(target(&desk, ".policy.1.cedar"), "permit(principal, action, anything);\n").unwrap();
    refused(&desk, &[], "is not what was signed");
    assert_eq!(desk.read("got/trust/policy/1.cedar"), RULE);
}

#[test]
fn another_root() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let root = desk.read("pinned.json").replace("\"version\": 1", "\"version\": 2");
    fs::write(desk.path("pinned.json"), root).unwrap();
    refused(&desk, &[], "the pinned root can't be trusted");
}

/// One memory for two channels would be none for either.
#[test]
fn another_channel() {
    let desk = Desk::new();
    // In the same second the same keys would found the same channel.
    let earlier = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(10);
    desk.publish_first(&["--at", &earlier.to_string()]);
    assert_eq!(desk.fetch(&[]).exit, 0);
    let seen = desk.read("seen/trusted.json");
    fs::rename(desk.path("channel"), desk.path("first")).unwrap();
    desk.publish_first(&[]);
    refused(&desk, &[], "the datastore `seen` is of another channel");
    assert_eq!(desk.read("seen/trusted.json"), seen);
    fs::remove_dir_all(desk.path("seen")).unwrap();
    refused(&desk, &[], "what is in `got` is of another channel");
    fs::remove_dir_all(desk.path("got")).unwrap();
    assert_eq!(desk.fetch(&[]).exit, 0);
}

#[test]
fn keys_that_are_not_there() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    desk.bundle();
    desk.does("channel add channel --bundle fix.bundle", &[]);
    let outcome = desk.run("channel publish channel --key machine", &[]);
    assert_eq!(outcome.exit, 5);
    assert!(
        outcome.stderr.contains("1 of the keys of the patches role is missing, one of: SHA256:"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn bad_input() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    desk.bundle();
    fs::create_dir_all(desk.path("stray")).unwrap();
    fs::write(desk.path("stray/root.toml"), desk.root()).unwrap();
    fs::write(desk.path("stray/1.cedar"), RULE).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(desk.path("pipe")).status().unwrap().success());
    fs::write(desk.path("open"), "text").unwrap();
    fs::write(desk.path("text"), "text").unwrap();
    fs::set_permissions(desk.path("text"), fs::Permissions::from_mode(0o600)).unwrap();
    std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ecdsa", "-N", "", "-f", "other"])
        .current_dir(desk.path(""))
        .status()
        .unwrap();
    let rows = [
        ("channel show nowhere", "there is no channel in it"),
        ("channel add channel", "--bundle"),
        ("channel add channel --bundle nothing", "can't be read"),
        ("channel add channel --policy channel", "is no part of one"),
        ("channel add channel --policy stray", "`1.cedar` is no part of one"),
        ("policy check fix.bundle --trust stray", "would not hold where they are"),
        ("channel add channel --bundle fix.delta", "is no bundle"),
        ("channel add channel --bundle check.c", "is no bundle"),
        ("channel add channel --bundle fix.bundle --embargo-until 2999-01-01T00:00:00Z", "there are none"),
        (
            "channel add channel --bundle fix.bundle --embargo-until 2999-01-01T00:00:00Z --to bob",
            "neither an age nor",
        ),
        ("channel add channel --bundle fix.bundle --embargo-until tomorrow --to bob", "tomorrow"),
        ("channel publish channel --key text", "it is no private key"),
        ("channel publish channel --agent SHA256:nobody", "there is no agent"),
        ("channel publish channel --key other", "only ssh-ed25519"),
        ("channel reveal channel fix.bundle", "nothing of that name is under embargo"),
        ("channel rotate channel --key ada", "no key is to be changed"),
        ("channel rotate channel --timestamp-key text", "no OpenSSH public key"),
        ("channel init channel --root-key ada", "there are none"),
        ("channel init other --root-key ada --root-threshold 2", "2 of 1"),
        ("channel init other --expires timestamp=soon", "no time span"),
        // It would wait for whoever writes to it, for ever.
        ("fetch file:///x --root pipe --datastore seen --out got", "it is no file"),
        ("fetch nowhere --root pinned.json --datastore seen --out got", "no URL"),
        ("fetch ftp://x --root pinned.json --datastore seen --out got", "neither https, http nor file"),
        ("fetch file:///x --root text --datastore seen --out got", "no TUF root"),
        ("fetch file:///x --root pinned.json --datastore seen --out rules", "no fetch has written"),
        (
            "fetch file:///x --root pinned.json --datastore seen --out got --identity open",
            "others can read it",
        ),
    ];
    for (line, words) in rows {
        let outcome = desk.run(line, &[]);
        assert_eq!(outcome.exit, 2, "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{line}: {}", outcome.stderr);
    }
}
