//! A refusal blocks until its own signer takes it back.

use suture_trust::{Reason, Role};

use crate::party::{
    BOB, CAROL, CAROLS_OTHER, DAVE_EXPIRED, ERIN_REVOKED, approved, now, refused, sign, verify, verify_at,
    withdrawn,
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
    let by_bob = sign(&withdrawn(Role::Operator, LATER, &refusal), BOB);
    let mut both = sign(&refused(Role::Operator, MAY), BOB);
    both.signatures.extend(sign(&refusal, CAROL).signatures);
    // Carol is no operator: hers does not count, so Bob's withdrawal is enough.
    let verified = verify(&[both, by_bob]);
    assert_eq!((verified.refusals().count(), verified.rejected[0].reason.code()), (0, "role-not-held"));
}

/// That a key has expired since is no reason to run what its owner refused; a stolen key refuses nothing.
#[test]
fn expired_and_revoked_keys() {
    let refusal = refused(Role::Approver, "2030-02-01T00:00:00Z");
    let verified = verify(&[sign(&refusal, DAVE_EXPIRED)]);
    assert_eq!(verified.refusals().count(), 1);
    let withdrawal = withdrawn(Role::Approver, "2030-02-02T00:00:00Z", &refusal);
    let verified = verify(&[sign(&refusal, DAVE_EXPIRED), sign(&withdrawal, DAVE_EXPIRED)]);
    assert_eq!((verified.refusals().count(), verified.rejected[0].reason.code()), (1, "key-expired"));
    let verified = verify_at(&[sign(&refusal, ERIN_REVOKED)], now());
    assert_eq!(verified.rejected[0].reason.code(), "key-revoked");
}
