//! What holds for whatever is said by whomever in whichever order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use suture_trust::{Envelope, Predicate, Role, Said, Statement, Verified, read_lines};

use crate::party::{about, approved, bundle, now, refused, said, sign, time, verify, verify_at, withdrawn};

fn statement() -> impl Strategy<Value = Statement> {
    let role = prop::sample::select(Role::ALL.to_vec());
    let date =
        prop::sample::select(vec!["2030-02-01T00:00:00Z", "2030-05-20T10:00:00Z", "2033-01-01T00:00:00Z"]);
    (role, date, 0..5_u8).prop_map(|(role, date, what)| match what {
        0 => about(bundle(), Predicate::Authored(said(role, date))),
        1 => about(bundle(), Predicate::Reviewed(said(role, date))),
        2 => approved(role, date),
        3 => refused(role, date),
        _ => withdrawn(role, date, &refused(role, date)),
    })
}

fn envelopes() -> impl Strategy<Value = Vec<Envelope>> {
    prop::collection::vec((statement(), 1..9_u8), 0..12)
        .prop_map(|said| said.iter().map(|(statement, key)| sign(statement, *key)).collect())
}

/// What was found, without the places where it was found.
fn findings(verified: &Verified) -> (BTreeSet<String>, Vec<String>) {
    let accepted = verified
        .accepted
        .iter()
        .map(|found| format!("{} {} {}", found.principal, found.id, found.is_withdrawn));
    let mut rejected: Vec<_> =
        verified.rejected.iter().map(|found| format!("{:?} {}", found.principal, found.reason)).collect();
    rejected.sort();
    (accepted.collect(), rejected)
}

proptest! {
    #[test]
    fn order_does_not_matter(envelopes in envelopes().prop_shuffle(), seed in any::<prop::sample::Index>()) {
        let mut turned = envelopes.clone();
        if !turned.is_empty() {
            let at = seed.index(turned.len());
            turned.rotate_left(at);
            turned.reverse();
        }
        prop_assert_eq!(findings(&verify(&envelopes)), findings(&verify(&turned)));
    }

    #[test]
    fn every_signature_is_judged_once(envelopes in envelopes()) {
        let verified = verify(&envelopes);
        prop_assert_eq!(verified.accepted.len() + verified.rejected.len(), envelopes.len());
    }

    /// Taking an envelope away never makes another one count that did not, but for withdrawals, which need theirs.
    #[test]
    fn less_is_never_more(envelopes in envelopes(), out in any::<prop::sample::Index>()) {
        prop_assume!(!envelopes.is_empty());
        let mut fewer = envelopes.clone();
        fewer.remove(out.index(envelopes.len()));
        let ids = |verified: &Verified| -> BTreeSet<_> {
            verified.accepted.iter().map(|found| (found.principal.clone(), found.id)).collect()
        };
        prop_assert!(ids(&verify(&fewer)).is_subset(&ids(&verify(&envelopes))));
    }

    #[test]
    fn a_statement_is_read_as_it_was_written(
        comment in "[ -~äöü\n]{0,80}", name in "[ -~äöü]{0,40}", seconds in 0_i64..4_000_000_000,
    ) {
        let signed_on = jiff::Timestamp::from_second(seconds).unwrap();
        let mut statement = about(bundle(), Predicate::Approved(Said { signed_on, role: Role::Operator, comment }));
        statement.subjects[0].name = name;
        prop_assert_eq!(Statement::parse(&statement.to_json()), Ok(statement.clone()));
        let envelope = sign(&statement, 1);
        let lines = read_lines(envelope.to_json().as_bytes()).unwrap();
        prop_assert_eq!(lines.envelopes, vec![(1, envelope)]);
    }

    /// One bit anywhere in what is signed, or in the signature, and it does not count.
    #[test]
    fn no_bit_can_be_changed(place in any::<prop::sample::Index>(), bit in 0..8_u8, in_payload: bool) {
        let mut envelope = sign(&approved(Role::Approver, "2030-05-20T10:00:00Z"), 3);
        let bytes =
            if in_payload { &mut envelope.payload } else { &mut envelope.signatures[0].signature };
        let at = place.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert_eq!(verify(&[envelope]).rejected[0].reason.code(), "bad-signature");
    }

    /// Whatever the clock says, it says no more than that a statement counts or does not.
    #[test]
    fn any_clock(seconds in i64::from(i32::MIN)..253_402_207_200) {
        let at = jiff::Timestamp::from_second(seconds).unwrap();
        let envelope = sign(&approved(Role::Approver, "2030-05-20T10:00:00Z"), 3);
        let counts = !verify_at(&[envelope], at).accepted.is_empty();
        let skew = 5 * 60;
        let from = time("2030-05-20T10:00:00Z").as_second() - skew;
        prop_assert_eq!(counts, (from..time("2031-01-01T00:00:00Z").as_second()).contains(&seconds));
        prop_assert!(now().as_second() > from);
    }
}
