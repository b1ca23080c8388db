//! Each reason for which a statement does not count.

use suture_trust::{Digest, Envelope, IN_TOTO, Kind, Predicate, Reason, Role};

use crate::party::{
    ALICE, BOB, CAROL, CAROLS_OTHER, DAVE_EXPIRED, ERIN_REVOKED, MemoryKey, STRANGER, about, accepted,
    approved, bundle, code, now, said, sign, time, verify, verify_at, verify_logged,
};

const MAY: &str = "2030-05-20T10:00:00Z";

#[test]
fn a_statement_counts_with_its_signers_name_team_and_role() {
    let verified = verify(&[sign(&approved(Role::Commander, MAY), CAROL)]);
    let accepted = accepted(&verified);
    assert_eq!((accepted.principal.as_str(), accepted.team.as_str()), ("carol", "ops"));
    assert_eq!((accepted.role, accepted.statement.kind()), (Role::Commander, Kind::Approved));
}

#[test]
fn an_unknown_key() {
    let verified = verify(&[sign(&approved(Role::Approver, MAY), STRANGER)]);
    assert_eq!(code(&verified), "unknown-key");
    assert_eq!(verified.rejected[0].principal, None);
    assert_eq!(verified.rejected[0].kind, None, "nothing is read before the signature is known to be good");
}

#[test]
fn a_key_of_a_wrong_type() {
    for len in [0, 63, 65, 256] {
        let mut envelope = sign(&approved(Role::Approver, MAY), CAROL);
        envelope.signatures[0].signature = vec![1; len];
        assert_eq!(verify(&[envelope]).rejected[0].reason, Reason::WrongKeyType { len });
    }
}

#[test]
fn a_revoked_key() {
    let verified = verify(&[sign(&approved(Role::Approver, MAY), ERIN_REVOKED)]);
    let reason = Reason::KeyRevoked { at: time("2030-05-01T00:00:00Z"), why: "laptop stolen".to_owned() };
    assert_eq!(verified.rejected[0].reason, reason);
    assert_eq!(verified.rejected[0].principal.as_deref(), Some("erin"));
}

/// Whoever has stolen a key writes any date; only a log can tell that a statement is older than the theft.
#[test]
fn a_revoked_key_with_an_old_date() {
    let envelope = sign(&approved(Role::Approver, "2030-02-01T00:00:00Z"), ERIN_REVOKED);
    assert_eq!(code(&verify(std::slice::from_ref(&envelope))), "key-revoked");
    assert_eq!(code(&verify_logged(&envelope, "2030-05-01T00:00:00Z")), "key-revoked");
    accepted(&verify_logged(&envelope, "2030-04-30T23:59:59Z"));
}

#[test]
fn an_expired_key() {
    let late = sign(&approved(Role::Approver, MAY), DAVE_EXPIRED);
    assert_eq!(code(&verify(&[late])), "key-expired");
    let in_time = sign(&approved(Role::Approver, "2030-02-28T23:59:59Z"), DAVE_EXPIRED);
    assert_eq!(code(&verify(std::slice::from_ref(&in_time))), "key-expired");
    assert_eq!(code(&verify_logged(&in_time, "2030-03-01T00:00:00Z")), "key-expired");
    accepted(&verify_logged(&in_time, "2030-02-28T23:59:59Z"));
}

#[test]
fn a_key_that_did_not_hold_yet() {
    let early = sign(&approved(Role::Approver, "2029-12-31T23:59:59Z"), CAROL);
    assert_eq!(code(&verify(&[early])), "key-not-yet-valid");
    accepted(&verify(&[sign(&approved(Role::Approver, "2030-01-01T00:00:00Z"), CAROL)]));
}

#[test]
fn a_role_that_its_signer_has_not() {
    let verified = verify(&[sign(&approved(Role::Approver, MAY), ALICE)]);
    let needed = vec![Role::Approver];
    assert_eq!(verified.rejected[0].reason, Reason::RoleNotHeld { kind: Kind::Approved, needed });
}

/// Bob is a reviewer, and reviewers have written nothing.
#[test]
fn a_role_in_which_that_can_not_be_said() {
    let statement = about(bundle(), Predicate::Authored(said(Role::Reviewer, MAY)));
    let verified = verify(&[sign(&statement, BOB)]);
    let needed = vec![Role::Author];
    assert_eq!(verified.rejected[0].reason, Reason::RoleNotHeld { kind: Kind::Authored, needed });
}

/// The file was changed after it was signed: what is verified has another digest.
#[test]
fn a_right_signature_on_a_wrong_digest() {
    let other = Digest::of(b"the bundle, one byte later");
    let statement = about(other, Predicate::Approved(said(Role::Approver, MAY)));
    let verified = verify(&[sign(&statement, CAROL)]);
    assert_eq!(verified.rejected[0].reason, Reason::AnotherSubject { subjects: vec![other] });
}

/// An approval of another bundle, beside this one, under this one's name: names say nothing.
#[test]
fn a_replayed_statement_of_another_bundle() {
    let mut statement = about(Digest::of(b"another bundle"), Predicate::Approved(said(Role::Approver, MAY)));
    statement.subjects[0].name = bundle().to_string();
    assert_eq!(code(&verify(&[sign(&statement, CAROL)])), "another-subject");
}

/// The digest of this bundle put into the statement about another: the signature no longer fits.
#[test]
fn a_changed_statement() {
    let statement = about(Digest::of(b"another bundle"), Predicate::Approved(said(Role::Approver, MAY)));
    let mut envelope = sign(&statement, CAROL);
    envelope.payload = approved(Role::Approver, MAY).to_json();
    assert_eq!(code(&verify(std::slice::from_ref(&envelope))), "bad-signature");
    // Nor is it found under no name.
    envelope.signatures[0].key = String::new().into();
    assert_eq!(code(&verify(&[envelope])), "unknown-key");
}

/// The hint names one key, another has signed.
#[test]
fn a_signature_under_the_name_of_another_key() {
    let mut envelope = sign(&approved(Role::Approver, MAY), STRANGER);
    envelope.signatures[0].key = sign(&approved(Role::Approver, MAY), CAROL).signatures[0].key.clone();
    assert_eq!(code(&verify(&[envelope])), "bad-signature");
}

/// A signature over the bare payload, or over another type, is none over an in-toto statement.
#[test]
fn a_signature_in_another_context() {
    let mut envelope =
        Envelope::sign("text/plain", approved(Role::Approver, MAY).to_json(), &MemoryKey::new(CAROL))
            .unwrap();
    assert_eq!(code(&verify(std::slice::from_ref(&envelope))), "not-a-statement");
    envelope.payload_type = IN_TOTO.to_owned();
    assert_eq!(code(&verify(&[envelope])), "bad-signature");
}

#[test]
fn a_statement_from_the_future() {
    let now = now();
    let at = |signed_on: &str| verify_at(&[sign(&approved(Role::Approver, signed_on), CAROL)], now);
    accepted(&at("2030-06-01T12:05:00Z"));
    assert_eq!(code(&at("2030-06-01T12:05:01Z")), "from-the-future");
    // A log can't have had it before it was signed.
    let envelope = sign(&approved(Role::Approver, MAY), CAROL);
    assert_eq!(code(&verify_logged(&envelope, "2030-05-20T09:00:00Z")), "from-the-future");
}

#[test]
fn a_clock_that_is_five_years_off() {
    let envelopes = [sign(&approved(Role::Approver, MAY), CAROL)];
    assert_eq!(code(&verify_at(&envelopes, time("2025-06-01T12:00:00Z"))), "from-the-future");
    assert_eq!(code(&verify_at(&envelopes, time("2035-06-01T12:00:00Z"))), "key-expired");
}

#[test]
fn the_same_twice() {
    let approval = approved(Role::Approver, MAY);
    let verified = verify(&[sign(&approval, CAROL), sign(&approval, CAROL)]);
    assert_eq!((verified.accepted.len(), verified.rejected.len()), (1, 1));
    assert_eq!(verified.rejected[0].reason, Reason::Duplicate);
}

/// Two keys are not two people, in one envelope or in two.
#[test]
fn the_same_with_two_keys_of_one_person() {
    let approval = approved(Role::Approver, MAY);
    let (mut first, second) = (sign(&approval, CAROL), sign(&approval, CAROLS_OTHER));
    let apart = verify(&[first.clone(), second.clone()]);
    first.signatures.extend(second.signatures);
    for verified in [apart, verify(&[first])] {
        assert_eq!(verified.of(Kind::Approved).count(), 1);
        assert_eq!(verified.rejected[0].reason, Reason::Duplicate);
    }
}

#[test]
fn an_unknown_version_of_a_predicate() {
    let json = String::from_utf8(approved(Role::Approver, MAY).to_json()).unwrap();
    let rows = [
        (json.replace("approved:v1", "approved:v2"), "unknown-version"),
        (json.replace("Statement/v1", "Statement/v0.1"), "unknown-version"),
        (
            json.replace("urn:suture:statement:approved:v1", "https://slsa.dev/provenance/v0.2"),
            "unknown-version",
        ),
        (json.replace("statement:approved", "statement:applauded"), "unknown-predicate"),
        (json.replace("Statement/v1", "Statement"), "malformed-statement"),
        (json.replace("\"role\"", "\"onlyOnTuesdays\":true,\"role\""), "bad-predicate"),
        // Whichever of its keys comes first.
        (json.replace("\"role\":\"approver\",", "").replace(",\"role\":\"approver\"", ""), "bad-predicate"),
        (json.replace("\"role\"", "\"role\":\"operator\",\"role\""), "malformed-statement"),
        (json.replace("sha256", "sha512"), "malformed-statement"),
    ];
    for (payload, expected) in rows {
        assert_ne!(payload, json);
        let envelope = Envelope::sign(IN_TOTO, payload.clone().into_bytes(), &MemoryKey::new(CAROL)).unwrap();
        let verified = verify(&[envelope]);
        assert_eq!(code(&verified), expected, "{payload}");
        assert_eq!(verified.rejected[0].principal.as_deref(), Some("carol"));
    }
}

/// Keys are tried for signatures that name none of them, within a limit that does not depend on their order.
#[test]
fn too_much_to_try() {
    let mut unnamed = sign(&approved(Role::Approver, MAY), CAROL);
    unnamed.signatures[0].key = "some other tool's name".to_owned().into();
    accepted(&verify(std::slice::from_ref(&unnamed)));
    let named = sign(&approved(Role::Commander, MAY), CAROL);
    let mut flood = vec![unnamed; 20_000 / 7];
    flood.push(named);
    let verified = verify(&flood);
    assert_eq!(verified.accepted.len(), 1, "what names its key is still read");
    assert!(verified.rejected.iter().all(|rejected| rejected.reason == Reason::TooMuchToTry));
}
