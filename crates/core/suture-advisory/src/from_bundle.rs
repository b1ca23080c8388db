//! A bundle to an advisory: which builds it patches, and who has signed for it.
//!
//! Only what is proven comes in. Build-ids and patch ids are those of the deltas themselves, and a name is that of
//! somebody in a trust root whose statement counts. What people wrote into the advisory stays, and nobody is named twice
//! for the same deed.

use std::collections::BTreeSet;

use suture_case::values::{Digest, Line};
use suture_trust::{Accepted, Outcome, Predicate, Verified};

use crate::from_case::TooMany;
use crate::model::{Advisory, BuildId, Credit, CreditRole, HotPatch};

impl Advisory {
    /// Names the builds that `bundle` patches, each with the id of its delta. A version that is known of a build holds for
    /// all patches of it.
    ///
    /// # Errors
    /// If there are too many.
    pub fn offer_bundle(
        &mut self,
        bundle: &Digest,
        deltas: impl IntoIterator<Item = (BuildId, Digest)>,
    ) -> Result<(), TooMany> {
        for (build_id, patch) in deltas {
            let version = self
                .hot_patch
                .iter()
                .filter(|known| known.build_id == build_id)
                .find_map(|known| known.version.clone());
            self.offer(HotPatch { version, build_id, patch, bundle: Some(bundle.clone()) })?;
        }
        Ok(())
    }

    /// Thanks whoever made, read or tried what `verified` is about. The order in which they signed makes no difference.
    ///
    /// Whoever refuses it is not thanked for it, and a rehearsal that failed has verified nothing.
    ///
    /// # Errors
    /// If there are too many.
    pub fn thank_signers(&mut self, verified: &Verified) -> Result<(), TooMany> {
        let refuses = |principal: &str| verified.refusals().any(|refusal| refusal.principal == principal);
        let standing = verified.accepted.iter().filter(|accepted| !refuses(&accepted.principal));
        let deeds: BTreeSet<(CreditRole, &str, &str)> = standing
            .filter_map(|accepted| {
                Some((deed(accepted)?, accepted.principal.as_str(), accepted.team.as_str()))
            })
            .collect();
        for (role, name, team) in deeds {
            let name = Line::fitting(name);
            let is_thanked = |credit: &Credit| {
                credit.role == role && credit.name.as_str().to_lowercase() == name.as_str().to_lowercase()
            };
            if !self.credit.iter().any(is_thanked) {
                self.thank(Credit { role, name, organization: Some(Line::fitting(team)) })?;
            }
        }
        Ok(())
    }
}

/// What the signer of a statement is thanked for, if for anything.
fn deed(accepted: &Accepted) -> Option<CreditRole> {
    match &accepted.statement.predicate {
        Predicate::Authored(_) | Predicate::Built(_) => Some(CreditRole::Author),
        Predicate::Reviewed(_) | Predicate::Approved(_) => Some(CreditRole::Reviewer),
        Predicate::Rehearsed(result) if result.result == Outcome::Failed => None,
        Predicate::Reproduced(_) | Predicate::Rehearsed(_) => Some(CreditRole::Verifier),
        Predicate::Refused(_)
        | Predicate::Withdrawn(_)
        | Predicate::Passed(_)
        | Predicate::Committed(_)
        | Predicate::Laxer(_)
        | Predicate::Emergency(_) => None,
    }
}
