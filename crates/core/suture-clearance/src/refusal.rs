//! Refusals that stand: whose, why, and what lifts them.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use suture_trust::{Digest, Role, TrustRoot, Verified};

/// A refusal that nobody has withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Who refused.
    pub by: String,
    /// Their team.
    pub team: String,
    /// In which role.
    pub role: Role,
    /// When, by their own words.
    pub at: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// SHA-256 of the statement, by which a withdrawal names it.
    pub statement: Digest,
    /// Whether a key of theirs holds now, so that they can withdraw it.
    pub can_withdraw: bool,
}

/// The refusals that stand, with what the trust root makes of those who refused.
pub(crate) fn standing(root: &TrustRoot, verified: &Verified, now: Timestamp) -> Vec<Standing> {
    let standing = verified.refusals().map(|refusal| Standing {
        by: refusal.principal.clone(),
        team: refusal.team.clone(),
        role: refusal.role,
        at: refusal.statement.predicate.signed_on(),
        reason: refusal.statement.predicate.words().to_owned(),
        statement: refusal.id,
        can_withdraw: root.principal(&refusal.principal).is_some_and(|person| person.can_sign(now)),
    });
    let mut standing: Vec<Standing> = standing.collect();
    standing.sort_by(|a, b| (&a.by, a.at, a.statement).cmp(&(&b.by, b.at, b.statement)));
    standing
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, team, role, reason, statement, can_withdraw, .. } = self;
        write!(f, "{by} ({team}) as {role}: {reason}; ")?;
        if *can_withdraw {
            write!(f, "{by} lifts it, with any key of theirs that holds: suture sign --withdraw={statement}")
        } else {
            write!(
                f,
                "no key of {by} holds now: who owns the trust root gives {by} a new one to withdraw it, or takes {by} out"
            )
        }
    }
}
