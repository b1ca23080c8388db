//! Statements and trust roots: what strangers send, and what operators write.

use suture_trust::{
    Digest, Received, Statement, TrustRoot, is_strangers, read_lines, read_lines_for, verify,
};

use crate::check_sentence;

/// A root with one key, that of the secret of 32 bytes 1.
const ROOT: &str = "schema = 1
[[principal]]
name = \"alice\"
team = \"core\"
roles = [\"author\", \"approver\"]
[[principal.key]]
public = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\"
valid_from = 2020-01-01T00:00:00Z
valid_until = 2040-01-01T00:00:00Z
";

/// Any file: every line is an envelope or is told, every signature is judged, and what is read is written again alike.
///
/// # Panics
/// If one of that does not hold.
pub fn statements(file: &[u8]) {
    let lines = match read_lines(file) {
        Ok(lines) => lines,
        Err(error) => return check_sentence(&error.to_string()),
    };
    lines.unread.iter().for_each(|error| check_sentence(&error.to_string()));
    let mut signatures = 0;
    for (_, envelope) in &lines.envelopes {
        let again = read_lines(envelope.to_json().as_bytes()).expect("one line is no file too long");
        assert_eq!(again.envelopes[..], [(1, envelope.clone())]);
        let is_statement = envelope.payload_type == suture_trust::IN_TOTO;
        signatures += if is_statement { envelope.signatures.len() } else { 1 };
        match Statement::parse(&envelope.payload) {
            Ok(statement) => assert_eq!(Statement::parse(&statement.to_json()), Ok(statement)),
            Err(error) => check_sentence(&error.to_string()),
        }
    }
    let root = TrustRoot::parse(ROOT).expect("it is one");
    let kept = read_lines_for(file, &root).expect("it has no more lines than are kept");
    assert_eq!((&kept, kept.left_out), (&lines, 0));
    let received: Vec<_> =
        lines.envelopes.iter().map(|(_, envelope)| Received { envelope, known_since: None }).collect();
    let now = "2030-01-01T00:00:00Z".parse().expect("a time");
    let verified = verify(&root, Digest::of(b"the bundle"), &received, now);
    assert_eq!(verified.accepted.len() + verified.rejected.len(), signatures);
    for rejected in verified.doubtful() {
        assert!(!is_strangers(&root, received[rejected.index].envelope), "strangers are no doubt");
    }
    for rejected in &verified.rejected {
        check_sentence(&rejected.reason.to_string());
    }
}

/// Any text: it is a trust root whose keys are all found, or there is one error with its place.
///
/// # Panics
/// If one of that does not hold.
pub fn trust_root(file: &[u8]) {
    match TrustRoot::parse(&String::from_utf8_lossy(file)) {
        Ok(root) => {
            for (principal, key) in root.keys() {
                assert_eq!(root.key(&key.key.id()), Some((principal, key)));
                assert!(key.valid_from < key.valid_until);
            }
        }
        Err(error) => {
            assert!(error.line > 0 && error.column > 0);
            check_sentence(&error.to_string());
        }
    }
}
