//! What was said, in the words of rules.

use std::collections::BTreeSet;

use jiff::Timestamp;
use suture_policy::{Emergency, Kind, Moment, Statement};
use suture_trust::{Accepted, Digest, Outcome, Predicate, Verified};

use crate::Patch;

/// Everything that counts. What says nothing that rules ask for is left out, and so is a refusal that has been withdrawn: a
/// withdrawal names it by its digest, so that nothing has to be concluded from the times of both. That somebody has built it
/// again says nothing as long as they have not built all of it.
pub(crate) fn statements(verified: &Verified, patch: &Patch, now: Timestamp) -> Vec<Statement> {
    let standing = verified.accepted.iter().filter(|accepted| !accepted.is_withdrawn);
    let whole = standing.filter(|accepted| {
        accepted.statement.kind() != suture_trust::Kind::Reproduced
            || has_built_all(verified, &accepted.principal, patch)
    });
    whole.filter_map(|accepted| statement(accepted, patch.digest, now)).collect()
}

/// Whether the same as each delta of the patch came out when this principal built it again, in one statement or in several:
/// a bundle has deltas for several platforms, and which one a process gets is not for its author to choose.
fn has_built_all(verified: &Verified, principal: &str, patch: &Patch) -> bool {
    let products: BTreeSet<String> = verified
        .accepted
        .iter()
        .filter(|accepted| accepted.principal == principal)
        .filter_map(|accepted| match &accepted.statement.predicate {
            Predicate::Reproduced(reproduction) => Some(&reproduction.products),
            _ => None,
        })
        .flatten()
        .map(|product| product.digest.sha256.to_string())
        .collect();
    patch.deltas.iter().all(|(_, facts)| products.contains(&facts.id))
}

/// The emergency that was declared first. That it is declared again does not extend it.
pub(crate) fn emergency(verified: &Verified) -> Option<Emergency> {
    let declared = verified.accepted.iter().filter_map(|accepted| match &accepted.statement.predicate {
        Predicate::Emergency(declared) => {
            Some(Emergency { started: moment(declared.signed_on), ends: moment(declared.ends) })
        }
        _ => None,
    });
    declared.min_by_key(|emergency| (emergency.started, emergency.ends))
}

pub(crate) fn moment(at: Timestamp) -> Moment {
    Moment::nearest(at.as_second())
}

fn statement(accepted: &Accepted, digest: Digest, now: Timestamp) -> Option<Statement> {
    let predicate = &accepted.statement.predicate;
    let kind = match predicate {
        Predicate::Authored(_) => Kind::Authored,
        Predicate::Built(_) => Kind::Built,
        Predicate::Reproduced(_) => Kind::Reproduced,
        Predicate::Rehearsed(_) => Kind::Rehearsed,
        Predicate::Reviewed(_) => Kind::Reviewed,
        Predicate::Approved(_) => Kind::Approved,
        Predicate::Refused(_) => Kind::Refused,
        Predicate::Laxer(_) => Kind::AcceptedLaxer,
        Predicate::Emergency(_) => Kind::DeclaredEmergency,
        Predicate::Withdrawn(_) | Predicate::Passed(_) | Predicate::Committed(_) => return None,
    };
    let passed = match predicate {
        Predicate::Rehearsed(result) => Some(result.result == Outcome::Passed),
        _ => None,
    };
    let words = predicate.words();
    Some(Statement {
        by: accepted.principal.clone(),
        team: Some(accepted.team.clone()),
        role: Some(accepted.role.as_str().to_owned()),
        kind,
        // What others' tools sign may carry no time; it is there now.
        at: moment(predicate.signed_on().unwrap_or(now)),
        key: accepted.key.to_string(),
        digest: digest.to_string(),
        reason: (!words.is_empty()).then(|| words.to_owned()),
        passed,
    })
}
