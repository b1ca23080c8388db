//! Keys of OpenSSH's own tools on our command line, and ours on theirs.

use std::path::Path;
use std::process::Command;

use crate::agent::Agent;
use crate::office::{BUNDLE, Office};

fn output(program: &str, arguments: &[&str], directory: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn ssh_keygen_calls_keys_by_the_same_name() {
    let office = Office::open();
    let (document, _) = office.json(&["key", "show", "alice"]);
    let printed = output("ssh-keygen", &["-lf", "alice"], office.here());
    assert!(printed.contains(document["keys"][0]["id"].as_str().unwrap()), "{printed}");
    assert!(printed.contains("alice@example") && printed.contains("(ED25519)"), "{printed}");
    let public = output("ssh-keygen", &["-yf", "alice"], office.here());
    assert_eq!(public.trim(), office.public("alice"));
}

#[test]
fn keys_of_ssh_keygen_sign() {
    let office = Office::open();
    for secret in ["", "correct horse"] {
        let _ = std::fs::remove_file(office.path("alice"));
        let _ = std::fs::remove_file(office.path("alice.pub"));
        let keygen = ["-q", "-t", "ed25519", "-N", secret, "-C", "alice", "-f", "alice"];
        output("ssh-keygen", &keygen, office.here());
        office.trust("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "");
        let passphrase = office.path("passphrase");
        let _ = std::fs::remove_file(&passphrase);
        std::fs::write(&passphrase, secret).unwrap();
        output("chmod", &["600", "passphrase"], office.here());
        let mut command = office.suture(&["sign", "--as", "author", "--key", "alice", BUNDLE]);
        assert!(command.env("SUTURE_PASSPHRASE_FILE", &passphrase).status().unwrap().success());
        assert_eq!(office.rejected(BUNDLE), (vec![], 0));
        std::fs::remove_file(office.path("fix.delta.intoto.jsonl")).unwrap();
    }
}

#[test]
fn keys_of_an_agent_sign() {
    let office = Office::open();
    let agent = Agent::start();
    let socket = agent.socket();
    agent.add(&office.path("bob"));

    let listed =
        office.suture(&["key", "show", "--trust", "trust"]).env("SSH_AUTH_SOCK", &socket).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains(&office.id("bob")) && listed.contains("bob of security (reviewer)"), "{listed}");
    for asked in [office.id("bob"), "bob@example".to_owned()] {
        let mut command = office.suture(&["sign", "--as", "reviewer", "--agent", &asked, BUNDLE]);
        assert!(command.env("SSH_AUTH_SOCK", &socket).status().unwrap().success());
    }
    assert_eq!(office.rejected(BUNDLE).1, 0);
    let mut command = office.suture(&["sign", "--as", "reviewer", "--agent", "carol", BUNDLE]);
    let output = command.env("SSH_AUTH_SOCK", &socket).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains(&office.id("bob")),
        "it says what the agent has"
    );
}

#[test]
fn a_key_that_others_can_read() {
    let office = Office::open();
    output("chmod", &["640", "alice"], office.here());
    let output = office.run(&["sign", "--as", "author", "--key", "alice", BUNDLE]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("others can read it (mode 0640)") && told.contains("chmod 600 alice"), "{told}");
}

#[test]
fn an_rsa_key() {
    let office = Office::open();
    output("ssh-keygen", &["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "old"], office.here());
    for arguments in [&["sign", "--as", "author", "--key", "old", BUNDLE][..], &["key", "show", "old.pub"]] {
        let output = office.run(arguments);
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("ssh-rsa") && told.contains("only ssh-ed25519"), "{told}");
    }
}
