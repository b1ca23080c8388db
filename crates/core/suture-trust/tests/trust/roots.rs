//! Trust roots: what is read, and what is refused where.

use suture_trust::TrustRoot;

use crate::party::{ALICE, MemoryKey, root, root_text};
use suture_trust::Signer as _;

#[test]
fn people_and_keys_are_found() {
    let root = root();
    let names: Vec<_> = root.principals().iter().map(|principal| principal.name.as_str()).collect();
    assert_eq!(names, ["alice", "bob", "carol", "dave", "erin", "ci"]);
    let (principal, key) = root.key(&MemoryKey::new(ALICE).public_key().id()).unwrap();
    assert_eq!((principal.name.as_str(), key.key.comment()), ("alice", "key-1"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let text = root_text();
    let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 eve";
    let key = |number| MemoryKey::new(number).public_key().to_string();
    let rows = [
        (text.replace("schema = 1", "schema = 2"), "line 1, column 10: version 2 of the format is not known"),
        (text.replace("schema = 1\n", ""), "missing field `schema`"),
        (text.replace("name = \"bob\"", "name = \"alice\""), "two principals `alice`"),
        (text.replace("\"bob\"", "\"bob the builder\""), "a name has 1 to 64"),
        (text.replace("[\"author\"]", "[]"), "line 5, column 9: `alice` has no role"),
        (text.replace("[\"author\"]", "[\"autor\"]"), "unknown variant `autor`"),
        (text.replace("team = \"core\"\n", "teem = \"core\"\n"), "unknown field `teem`"),
        (text.replace(&key(2), &key(1)), "stands twice"),
        (text.replace(&key(2), rsa), "only ssh-ed25519 is accepted"),
        (text.replace(&key(2), "hello"), "no OpenSSH public key"),
        (text.replace("2030-03-01T00:00:00Z", "2030-03-01T00:00:00"), "is no moment"),
        (text.replace("2030-03-01T00:00:00Z", "2029-03-01T00:00:00Z"), "is not after `valid_from`"),
        (text.replace("2030-03-01T00:00:00Z", "soon"), "line "),
        (text.replace("laptop stolen", "\\u001b[2J"), "control character"),
    ];
    for (wrong, expected) in rows {
        assert_ne!(wrong, text, "{expected}");
        let error = TrustRoot::parse(&wrong).unwrap_err().to_string();
        assert!(error.starts_with("line ") && error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn there_are_limits() {
    let longer = format!("schema = 1\n#{}", "x".repeat(TrustRoot::TEXT_LEN_MAX));
    assert!(TrustRoot::parse(&longer).unwrap_err().what.contains("longer than 4 MiB"));
    let principal =
        |number| format!("[[principal]]\nname = \"p{number}\"\nteam = \"t\"\nroles = [\"author\"]\n");
    let many: String = (0..=TrustRoot::PRINCIPALS_MAX).map(principal).collect();
    let error = TrustRoot::parse(&format!("schema = 1\n{many}")).unwrap_err();
    assert!(error.what.contains("more than 1024 principals"), "{error}");
}
