//! Where statements meet: the same said twice, refusals and their withdrawals.

use std::collections::{BTreeMap, BTreeSet};

use super::{Accepted, Rejected, Verified};
use crate::digest::Digest;
use crate::predicate::Predicate;
use crate::reason::Reason;

/// The same statement of the same principal counts once, however often and with whichever of its keys it is signed.
pub(super) fn duplicates(verified: &mut Verified) {
    let mut seen = BTreeSet::new();
    keep(verified, |accepted| {
        let is_new = seen.insert((accepted.principal.clone(), accepted.id));
        if is_new { Ok(()) } else { Err(Reason::Duplicate) }
    });
}

/// A refusal is lifted by its own signer, and by naming it: an older withdrawal does not lift a later refusal.
pub(super) fn withdrawals(verified: &mut Verified) {
    let mut refusals: BTreeMap<Digest, BTreeSet<String>> = BTreeMap::new();
    for accepted in &verified.accepted {
        if matches!(accepted.statement.predicate, Predicate::Refused(_)) {
            refusals.entry(accepted.id).or_default().insert(accepted.principal.clone());
        }
    }
    let mut lifted = BTreeSet::new();
    keep(verified, |accepted| {
        let Predicate::Withdrawn(withdrawal) = &accepted.statement.predicate else { return Ok(()) };
        let refusal = withdrawal.refusal;
        let by = refusals.get(&refusal).ok_or(Reason::NoSuchRefusal { refusal })?;
        if !by.contains(&accepted.principal) {
            let by = by.iter().next().cloned().unwrap_or_default();
            return Err(Reason::NotTheirRefusal { by });
        }
        lifted.insert((accepted.principal.clone(), refusal));
        Ok(())
    });
    for accepted in &mut verified.accepted {
        accepted.is_withdrawn = lifted.contains(&(accepted.principal.clone(), accepted.id));
    }
}

/// Moves what `judge` is against to the rejected.
fn keep(verified: &mut Verified, mut judge: impl FnMut(&Accepted) -> Result<(), Reason>) {
    for accepted in std::mem::take(&mut verified.accepted) {
        match judge(&accepted) {
            Ok(()) => verified.accepted.push(accepted),
            Err(reason) => verified.rejected.push(Rejected {
                index: accepted.index,
                key: Some(accepted.key),
                principal: Some(accepted.principal),
                kind: Some(accepted.statement.kind()),
                reason,
                may_be_refusal: false,
            }),
        }
    }
}
