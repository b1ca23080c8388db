//! Where the keys of a log and of its witnesses are: in encrypted files and with an agent.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use crate::agent::Agent;
use crate::support::{ORIGIN, Place};

const ACT: [&str; 4] = ["leak-check", "log.key.pub", "--term", "a secret"];

/// The program with a variable set.
fn with(place: &Place, (name, value): (&str, &str), arguments: &[&str]) -> Output {
    place.suture(arguments).env(name, value).output().unwrap()
}

/// Ends with this code, and says so.
fn ends(output: &Output, code: i32, words: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(told.contains(words), "{told}");
}

/// A log with an encrypted key, and a file with its passphrase.
fn encrypted(name: &str) -> Place {
    let place = Place::empty(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "correct horse", "-C", "log", "-f", "log.key"]);
    assert!(keygen.current_dir(&place.directory).status().unwrap().success());
    place.write("words", "correct horse\n");
    std::fs::set_permissions(place.path("words"), std::fs::Permissions::from_mode(0o600)).unwrap();
    place
}

#[test]
fn an_encrypted_key_signs_with_the_passphrase_of_a_file() {
    let place = encrypted("encrypted-key");
    let words = ("SUTURE_PASSPHRASE_FILE", "words");
    let init = ["audit", "init", "log", "--origin", ORIGIN, "--key", "log.key", "--json"];
    let made = with(&place, words, &init);
    let document: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    ends(&with(&place, words, &ACT), 0, "");
    place.done(&["audit", "verify", "--key", document["vkey"].as_str().unwrap()]);
    // Nobody is asked: without the passphrase the act is not begun.
    ends(&place.run(&ACT), 2, "nobody is there to be asked for its passphrase");
    assert_eq!(place.json(&["audit", "show", "--json"])["size"], 2);
}

#[test]
fn the_key_of_an_agent_signs() {
    let place = encrypted("agent-key");
    place.make_key("plain.key");
    let agent = Agent::start();
    agent.add(&place.path("plain.key"));
    let listed = Command::new("ssh-add").arg("-l").env("SSH_AUTH_SOCK", agent.socket()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let key = format!("agent:{}", listed.split(' ').nth(1).unwrap());
    let socket = ("SSH_AUTH_SOCK", agent.socket());
    let socket = (socket.0, socket.1.to_str().unwrap());

    let init = ["audit", "init", "log", "--origin", ORIGIN, "--key", &key, "--json"];
    let made = with(&place, socket, &init);
    let document: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let vkey = document["vkey"].as_str().unwrap();
    assert!(place.read("log/log.toml").contains(&format!("key_file = \"{key}\"")));
    ends(&with(&place, socket, &ACT), 0, "");
    ends(&place.run(&ACT), 2, "there is no agent");
    // The same key in its file, and one that is not the log's.
    ends(&with(&place, ("SUTURE_AUDIT_KEY", "plain.key"), &ACT), 0, "");
    let mut command = place.suture(&ACT);
    command.env(socket.0, socket.1).env("SUTURE_AUDIT_KEY", "agent:nobody");
    ends(&command.output().unwrap(), 2, "no Ed25519 key `nobody`");
    assert_eq!(place.json(&["audit", "verify", "--key", vkey, "--json"])["size"], 3);

    let witness = ["audit", "witness", "--log-key", vkey, "--key", &key, "--name", "witness.example/w"];
    ends(&with(&place, socket, &[&witness[..], &["--state", "state"]].concat()), 0, "");
    assert!(place.read("log/public/checkpoint").contains("— witness.example/w "));
}
