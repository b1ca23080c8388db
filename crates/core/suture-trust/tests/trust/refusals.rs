//! A refusal blocks until its own signer takes it back.

use suture_trust::{Envelope, IN_TOTO, Reason, Received, Role, TrustRoot};

use crate::party::{
    BOB, CAROL, CAROLS_OTHER, DAVE_EXPIRED, ERIN_REVOKED, MemoryKey, STRANGER, approved, bundle, now,
    refused, root_text, sign, time, verify, verify_at, withdrawn,
};

const MAY: &str = "2030-05-20T10:00:00Z";
const LATER: &str = "2030-05-21T10:00:00Z";

#[test]
fn it_blocks_whatever_else_is_said() {
    let refusal = sign(&refused(Role::Reviewer, MAY), BOB);
    let verified = verify(&[refusal, sign(&approved(Role::Commander, LATER), CAROL)]);
    let standing: Vec<_> = verified.refusals().map(|refusal| refusal.principal.as_str()).collect();
    assert_eq!(standing, ["bob"]);
}

#[test]
fn its_signer_withdraws_it() {
    let refusal = refused(Role::Approver, MAY);
    // With another of her keys: it is the person who counts.
    let withdrawal = sign(&withdrawn(Role::Approver, LATER, &refusal), CAROLS_OTHER);
    let verified = verify(&[withdrawal, sign(&refusal, CAROL)]);
    assert_eq!((verified.accepted.len(), verified.refusals().count()), (2, 0));
}

#[test]
fn nobody_else_does() {
    let refusal = refused(Role::Reviewer, MAY);
    let withdrawal = withdrawn(Role::Commander, LATER, &refusal);
    let verified = verify(&[sign(&refusal, BOB), sign(&withdrawal, CAROL)]);
    assert_eq!(verified.refusals().count(), 1);
    assert_eq!(verified.rejected[0].reason, Reason::NotTheirRefusal { by: "bob".to_owned() });
}

/// Nor does a withdrawal that is kept for the next refusal.
#[test]
fn an_old_withdrawal_lifts_no_new_refusal() {
    let first = refused(Role::Reviewer, MAY);
    let withdrawal = sign(&withdrawn(Role::Reviewer, LATER, &first), BOB);
    let second = refused(Role::Reviewer, "2030-05-22T10:00:00Z");
    let verified = verify(&[sign(&first, BOB), withdrawal.clone(), sign(&second, BOB)]);
    assert_eq!(verified.refusals().count(), 1);
    let verified = verify(&[withdrawal, sign(&second, BOB)]);
    assert_eq!(verified.refusals().count(), 1);
    assert_eq!(verified.rejected[0].reason.code(), "no-such-refusal");
}

#[test]
fn both_signers_of_one_refusal_have_to_withdraw() {
    let refusal = refused(Role::Operator, MAY);
    let withdrawn_by = |role, key| sign(&withdrawn(role, LATER, &refusal), key);
    let mut both = sign(&refusal, BOB);
    both.signatures.extend(sign(&refusal, CAROL).signatures);
    // Carol is no operator, as the refusal says: it is hers all the same.
    let by_bob = withdrawn_by(Role::Operator, BOB);
    let verified = verify(&[both.clone(), by_bob.clone()]);
    let standing: Vec<_> = verified.refusals().map(|refusal| refusal.principal.as_str()).collect();
    assert_eq!(standing, ["carol"]);
    let verified = verify(&[both, by_bob, withdrawn_by(Role::Approver, CAROL)]);
    assert_eq!((verified.refusals().count(), verified.rejected.len()), (0, 0));
}

/// What has become of the key since is no reason to run what its owner has refused; to withdraw takes a key that holds.
#[test]
fn expired_and_revoked_keys() {
    for (key, code) in [(DAVE_EXPIRED, "key-expired"), (ERIN_REVOKED, "key-revoked")] {
        // Before and after the end of the key: a date proves nothing, and so lifts nothing.
        for signed_on in ["2030-02-01T00:00:00Z", MAY] {
            let refusal = refused(Role::Approver, signed_on);
            assert_eq!(verify(&[sign(&refusal, key)]).refusals().count(), 1, "{code}");
            let withdrawal = sign(&withdrawn(Role::Approver, signed_on, &refusal), key);
            let verified = verify(&[sign(&refusal, key), withdrawal]);
            assert_eq!((verified.refusals().count(), verified.rejected[0].reason.code()), (1, code));
        }
    }
}

/// Whatever the owners of the trust root change but that the signer, or the key, is in it.
#[test]
fn it_stands_while_its_signer_is_in_the_root() {
    let envelope = sign(&refused(Role::Reviewer, MAY), BOB);
    let received = [Received { envelope: &envelope, known_since: None }];
    let standing = |text: &str| {
        let root = TrustRoot::parse(text).unwrap();
        suture_trust::verify(&root, bundle(), &received, now()).refusals().count()
    };
    let text = root_text();
    let bob = text.find("[[principal]]\nname = \"bob\"").unwrap();
    let carol = text.find("[[principal]]\nname = \"carol\"").unwrap();
    let (before, bob, after) = (&text[..bob], &text[bob..carol], &text[carol..]);
    let with = |bob: &str| format!("{before}{bob}{after}");
    let revoked = "revoked = { at = 2029-05-01T00:00:00Z, reason = \"copied\" }\n";
    assert_eq!(standing(&with(bob)), 1);
    assert_eq!(standing(&with(&bob.replace("2031-01-01", "2030-01-02"))), 1, "expired");
    assert_eq!(standing(&with(&bob.replace("valid_until", &format!("{revoked}valid_until")))), 1, "revoked");
    assert_eq!(standing(&with(&bob.replace("\"reviewer\", \"operator\"", "\"author\""))), 1, "other roles");
    assert_eq!(standing(&with(&bob.replace("\"reviewer\", \"operator\"", "\"witness\""))), 0, "a witness");
    assert_eq!(standing(&with("")), 0, "no longer there");
}

/// A clock that is wrong, the signer's or the reader's, lifts nothing either.
#[test]
fn the_clock_lifts_nothing() {
    let envelope = sign(&refused(Role::Reviewer, MAY), BOB);
    for now in ["2025-06-01T12:00:00Z", "2035-06-01T12:00:00Z"] {
        assert_eq!(verify_at(std::slice::from_ref(&envelope), time(now)).refusals().count(), 1, "{now}");
    }
}

/// A refusal that its signer has written in a way in which nobody here can read it.
#[test]
fn what_can_not_be_read_may_be_one() {
    let json = |statement: &suture_trust::Statement| String::from_utf8(statement.to_json()).unwrap();
    let (refusal, review) = (json(&refused(Role::Reviewer, MAY)), json(&approved(Role::Operator, MAY)));
    let subject = |json: &str, with: &str| json.replace("\"subject\":[{", &format!("\"subject\":[{with},{{"));
    let other = format!("{{\"name\":\"a\",\"digest\":{{\"sha256\":\"{}\"}}}}", "0".repeat(64));
    let many = vec![other.clone(); 300].join(",");
    let bad = "{\"name\":\"a\",\"digest\":{\"sha256\":\"none\"}}";
    let about = |json: &str| json.replace(&bundle().to_string(), &"0".repeat(64));
    let rows = [
        (refusal.replacen('{', "{\"a\":1,\"a\":2,", 1), true, "a key that stands twice"),
        (subject(&refusal, &many), true, "more subjects than are read"),
        (refusal.replace("fix.bundle", "fix\\u0007"), true, "a control character in a name"),
        (subject(&refusal, bad), true, "a second subject whose digest is none"),
        (refusal.replace("refused:v1", "refused"), true, "no version"),
        (refusal.replace("refused:v1", "refused:v2"), true, "another version"),
        ("what I said on the telephone".to_owned(), true, "no JSON"),
        (review.replacen('{', "{\"a\":1,\"a\":2,", 1), false, "an approval with a key that stands twice"),
        (review.replace("approved:v1", "approved:v2"), false, "an approval in another version"),
        (about(&refusal.replace("refused:v1", "refused:v2")), false, "about something else"),
        (
            about(&refusal.replacen('{', "{\"a\":1,\"a\":2,", 1)),
            false,
            "about something else, with a key twice",
        ),
    ];
    for (payload, is_doubtful, what) in rows {
        let sign = |key| Envelope::sign(IN_TOTO, payload.clone().into_bytes(), &MemoryKey::new(key)).unwrap();
        let verified = verify(&[sign(BOB)]);
        assert_eq!((verified.accepted.len(), verified.doubtful().count() > 0), (0, is_doubtful), "{what}");
        assert_eq!(verify(&[sign(STRANGER)]).doubtful().count(), 0, "{what}, by a stranger");
    }
    // Of another type than in-toto gives it, with the name of the key.
    for (payload, is_doubtful) in [(&refusal, true), (&review, false), (&about(&refusal), false)] {
        let sign = |key| {
            let payload = payload.clone().into_bytes();
            Envelope::sign("application/json", payload, &MemoryKey::new(key)).unwrap()
        };
        let verified = verify(&[sign(BOB)]);
        assert_eq!((verified.accepted.len(), verified.doubtful().count() > 0), (0, is_doubtful), "{payload}");
        assert_eq!(verify(&[sign(STRANGER)]).doubtful().count(), 0);
    }
}
