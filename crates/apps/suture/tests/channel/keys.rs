//! Where the keys of roles are: in encrypted files and with an agent.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::agent::Agent;
use crate::desk::Desk;

const INIT: &str = "channel init channel --root-key ada.pub --targets-key policy.pub --patches-key team.pub \
                    --snapshot-key machine.pub --timestamp-key machine.pub";

/// Makes the key of `name` anew, encrypted.
fn encrypt(desk: &Desk, name: &str, passphrase: &str) {
    fs::remove_file(desk.path(name)).unwrap();
    desk.key(name, passphrase);
}

fn variable(path: &Path) -> [(&'static str, &Path); 1] {
    [("SUTURE_PASSPHRASE_FILE", path)]
}

#[test]
fn encrypted_keys_sign() {
    let desk = Desk::new();
    encrypt(&desk, "ada", "correct horse");
    let words = desk.passphrase("words", "correct horse");
    let other = desk.passphrase("other", "battery staple");
    desk.does(&format!("{INIT} --key ada --passphrase-file words"), &[]);
    let sign = "channel rotate channel --key ada";
    let signed = desk.run_with(sign, &[], &variable(&words));
    assert!(signed.exit == 0 && signed.stdout.contains("it is signed"), "{}", signed.stderr);
    // The file that is named comes before that of the environment.
    let signed = desk.run_with(sign, &["--passphrase-file", "words"], &variable(&other));
    assert_eq!(signed.exit, 0, "{}", signed.stderr);
    let refused = desk.run_with(sign, &[], &variable(&other));
    assert!(refused.exit == 2 && refused.stderr.contains("not the right one"), "{}", refused.stderr);
    fs::set_permissions(&words, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = desk.run_with(sign, &[], &variable(&words));
    assert!(refused.exit == 2 && refused.stderr.contains("can be read by others"), "{}", refused.stderr);
}

#[test]
fn keys_of_an_agent_sign_for_every_role() {
    let desk = Desk::new();
    let agent = Agent::start();
    for name in ["ada", "policy", "team", "machine"] {
        agent.add(&desk.path(name));
        fs::remove_file(desk.path(name)).unwrap();
    }
    let socket: &Path = &agent.socket();
    let with_agent = |line: &str| {
        let outcome = desk.run_with(line, &[], &[("SSH_AUTH_SOCK", socket)]);
        assert_eq!(outcome.exit, 0, "{line}: {}", outcome.stderr);
        outcome.stdout
    };
    let waits = with_agent(INIT);
    assert!(waits.contains("1 more signature is needed"), "{waits}");
    assert!(with_agent("channel rotate channel --agent ada").contains("it is signed"));
    desk.does("channel add channel --policy rules", &[]);
    with_agent("channel publish channel --agent policy --agent team --agent machine");
    with_agent("channel refresh channel --agent machine");
    // A file beside an agent, for one act.
    desk.key("next", "");
    with_agent("channel rotate channel --timestamp-key next.pub --agent ada --key bob");
    with_agent("channel publish channel --agent policy --agent machine --key next");
    fs::copy(desk.path("channel/public/metadata/1.root.json"), desk.path("pinned.json")).unwrap();
    let fetched = desk.fetch(&["--json"]).json();
    assert_eq!((&fetched["versions"]["root"], &fetched["versions"]["timestamp"]), (&2.into(), &3.into()));

    let unknown = desk.run_with("channel refresh channel --agent bob", &[], &[("SSH_AUTH_SOCK", socket)]);
    assert!(unknown.exit == 2 && unknown.stderr.contains("no Ed25519 key `bob`"), "{}", unknown.stderr);
}

#[test]
fn a_key_that_others_can_read_signs_nothing() {
    let desk = Desk::new();
    fs::set_permissions(desk.path("ada"), fs::Permissions::from_mode(0o640)).unwrap();
    for line in [INIT.replace("ada.pub", "ada"), format!("{INIT} --key ada")] {
        let refused = desk.run(&line, &[]);
        assert_eq!(refused.exit, 2);
        assert!(refused.stderr.contains("others can read it (mode 0640)"), "{}", refused.stderr);
        assert!(!desk.path("channel").exists());
    }
}
