//! A trust root with people in it, their keys, and what they say.

use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use suture_trust::{
    Accepted, Digest, Envelope, IN_TOTO, Predicate, PublicKey, Received, Refusal, Role, Said, SignError,
    Signer, Statement, Subject, TrustRoot, Verified, Withdrawal,
};

/// A key in memory: the same for the same number.
pub(crate) struct MemoryKey {
    secret: SigningKey,
    public: PublicKey,
}

impl MemoryKey {
    pub(crate) fn new(number: u8) -> Self {
        let secret = SigningKey::from_bytes(&[number; 32]);
        let public =
            PublicKey::from_bytes(secret.verifying_key().as_bytes(), &format!("key-{number}")).unwrap();
        Self { secret, public }
    }
}

impl Signer for MemoryKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.secret.sign(message).to_bytes())
    }
}

pub(crate) const ALICE: u8 = 1;
pub(crate) const BOB: u8 = 2;
pub(crate) const CAROL: u8 = 3;
pub(crate) const CAROLS_OTHER: u8 = 4;
pub(crate) const DAVE_EXPIRED: u8 = 5;
pub(crate) const ERIN_REVOKED: u8 = 6;
pub(crate) const CI: u8 = 7;
pub(crate) const STRANGER: u8 = 99;

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The time at which tests verify.
pub(crate) fn now() -> Timestamp {
    time("2030-06-01T12:00:00Z")
}

/// A table of a key for `root.toml`.
fn key(number: u8, until: &str, more: &str) -> String {
    let public = MemoryKey::new(number).public;
    format!(
        "[[principal.key]]\npublic = \"{public}\"\nvalid_from = 2030-01-01T00:00:00Z\nvalid_until = {until}\n{more}\n"
    )
}

/// The text of the root that tests verify by.
pub(crate) fn root_text() -> String {
    let principal = |name: &str, team: &str, roles: &str, keys: &[String]| {
        format!("[[principal]]\nname = \"{name}\"\nteam = \"{team}\"\nroles = {roles}\n{}", keys.concat())
    };
    let end = "2031-01-01T00:00:00Z";
    let revoked = "revoked = { at = 2030-05-01T00:00:00Z, reason = \"laptop stolen\" }";
    [
        "schema = 1\n".to_owned(),
        principal("alice", "core", r#"["author"]"#, &[key(ALICE, end, "")]),
        principal("bob", "security", r#"["reviewer", "operator"]"#, &[key(BOB, end, "")]),
        principal(
            "carol",
            "ops",
            r#"["approver", "commander"]"#,
            &[key(CAROL, end, ""), key(CAROLS_OTHER, end, "")],
        ),
        principal("dave", "ops", r#"["approver"]"#, &[key(DAVE_EXPIRED, "2030-03-01T00:00:00Z", "")]),
        principal("erin", "ops", r#"["approver"]"#, &[key(ERIN_REVOKED, end, revoked)]),
        principal("ci", "core", r#"["builder", "rehearser"]"#, &[key(CI, end, "")]),
    ]
    .concat()
}

pub(crate) fn root() -> TrustRoot {
    TrustRoot::parse(&root_text()).unwrap()
}

pub(crate) fn bundle() -> Digest {
    Digest::of(b"the bundle")
}

pub(crate) fn about(digest: Digest, predicate: Predicate) -> Statement {
    Statement { subjects: vec![Subject { name: "fix.bundle".to_owned(), digest }], predicate }
}

pub(crate) fn sign(statement: &Statement, key: u8) -> Envelope {
    Envelope::sign(IN_TOTO, statement.to_json(), &MemoryKey::new(key)).unwrap()
}

pub(crate) fn said(role: Role, signed_on: &str) -> Said {
    Said { signed_on: time(signed_on), role, comment: String::new() }
}

pub(crate) fn approved(role: Role, signed_on: &str) -> Statement {
    about(bundle(), Predicate::Approved(said(role, signed_on)))
}

pub(crate) fn refused(role: Role, signed_on: &str) -> Statement {
    let reason = "the loop in it has no end".to_owned();
    about(bundle(), Predicate::Refused(Refusal { signed_on: time(signed_on), role, reason }))
}

pub(crate) fn withdrawn(role: Role, signed_on: &str, refusal: &Statement) -> Statement {
    let refusal = Digest::of(&refusal.to_json());
    let signed_on = time(signed_on);
    about(bundle(), Predicate::Withdrawn(Withdrawal { signed_on, role, refusal, comment: String::new() }))
}

/// Verifies with nothing known about when the envelopes were made.
pub(crate) fn verify(envelopes: &[Envelope]) -> Verified {
    verify_at(envelopes, now())
}

pub(crate) fn verify_at(envelopes: &[Envelope], now: Timestamp) -> Verified {
    let received: Vec<_> =
        envelopes.iter().map(|envelope| Received { envelope, known_since: None }).collect();
    suture_trust::verify(&root(), bundle(), &received, now)
}

/// Verifies one that a log has had since `known_since`.
pub(crate) fn verify_logged(envelope: &Envelope, known_since: &str) -> Verified {
    let received = [Received { envelope, known_since: Some(time(known_since)) }];
    suture_trust::verify(&root(), bundle(), &received, now())
}

/// The code of the one reason for which the one envelope is rejected.
pub(crate) fn code(verified: &Verified) -> &'static str {
    assert_eq!(verified.accepted, [], "accepted");
    assert_eq!(verified.rejected.len(), 1, "{:?}", verified.rejected);
    verified.rejected[0].reason.code()
}

/// The one that is accepted.
pub(crate) fn accepted(verified: &Verified) -> &Accepted {
    assert_eq!(verified.rejected, []);
    assert_eq!(verified.accepted.len(), 1);
    &verified.accepted[0]
}
