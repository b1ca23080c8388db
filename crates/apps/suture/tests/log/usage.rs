//! The manual, and mistakes.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::{ORIGIN, Place};

#[test]
fn the_manual() {
    let place = Place::empty("manual");
    insta::assert_snapshot!(place.transcript(&["audit", "--help"]));
    for command in ["init", "show", "verify", "export", "prove", "consistency", "witness", "receive"] {
        insta::assert_snapshot!(format!("manual_{command}"), place.transcript(&["audit", command, "--help"]));
    }
}

#[test]
fn keys_that_can_not_be_used() {
    let place = Place::empty("keys");
    let init = |key: &str| place.transcript(&["audit", "init", "log", "--origin", ORIGIN, "--key", key]);
    insta::assert_snapshot!(init("missing"));
    place.write("text", "no key\n");
    std::fs::set_permissions(place.path("text"), std::fs::Permissions::from_mode(0o600)).unwrap();
    insta::assert_snapshot!(init("text"));
    for (name, arguments) in [("locked", ["-t", "ed25519", "-N", "secret"]), ("rsa", ["-t", "rsa", "-N", ""])]
    {
        let mut command = Command::new("ssh-keygen");
        command.args(arguments).args(["-q", "-C", "", "-f", name]).current_dir(&place.directory);
        assert!(command.status().unwrap().success());
        insta::assert_snapshot!(format!("key_{name}"), init(name));
    }
    place.make_key("open");
    std::fs::set_permissions(place.path("open"), std::fs::Permissions::from_mode(0o644)).unwrap();
    insta::assert_snapshot!(init("open"));
    insta::assert_snapshot!(place.transcript(&[
        "audit",
        "init",
        "log",
        "--origin",
        "two words",
        "--key",
        "locked"
    ]));
}

#[test]
fn logs_that_can_not_be_used() {
    let place = Place::with_log("mistakes");
    insta::assert_snapshot!(
        place.transcript(&["audit", "init", "log", "--origin", ORIGIN, "--key", "log.key"])
    );
    insta::assert_snapshot!(place.transcript(&["audit", "prove", "7"]));
    insta::assert_snapshot!(place.transcript(&["audit", "show", "7..3"]));
    insta::assert_snapshot!(place.transcript(&["audit", "verify"]));
    insta::assert_snapshot!(place.transcript(&["audit", "verify", "--key", "nonsense+key"]));
    insta::assert_snapshot!(place.transcript(&["audit", "show", "--log", "missing"]));
    place.write("policy", "witness\n");
    insta::assert_snapshot!(place.transcript(&["audit", "verify", "--policy", "policy"]));
}

/// An act that could not be recorded is not begun, but for the way back, which says that nothing tells of it.
#[test]
fn without_its_log_nothing_is_done_but_the_way_back() {
    let place = Place::with_log("no-log");
    std::fs::rename(place.path("log.key"), place.path("other.key")).unwrap();
    insta::assert_snapshot!(place.transcript(&["leak-check", "other.key.pub", "--term", "secret"]));
    let revert = ["revert", "abcdef", "--pid", "2147483647", "--deadline", "0"];
    insta::assert_snapshot!(place.transcript(&revert));
    let output = place.suture(&revert).env("SUTURE_AUDIT_KEY", "other.key").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let output = place.suture(&revert).env_remove("SUTURE_AUDIT_DIR").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(place.json(&["audit", "show", "--json"])["size"], 3);
}
