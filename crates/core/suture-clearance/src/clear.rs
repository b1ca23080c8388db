//! The question, put together and asked.

use jiff::Timestamp;
use suture_policy::{Ask, CaseFacts, Decision, Facts, PatchFacts, Question, QuestionError, Switch, decide};
use suture_trust::{Lines, Received, Verified, verify};
use thiserror::Error;

use crate::doubt::{Doubts, doubts};
use crate::refusal::{Standing, standing};
use crate::{Authority, Gaps, Patch, facts, said};

/// What is to happen with a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// It is put into processes of this node; its code runs at once unless it stays dark.
    Run {
        /// Whether its code stays off.
        dark: bool,
    },
    /// A patch that is there is switched on.
    Activate,
    /// It is put into the channel by somebody of the trust root.
    Publish {
        /// Who.
        by: String,
        /// Whether only its recipients can read it there.
        encrypted: bool,
        /// What the leak check has found.
        leaks: u64,
    },
}

/// The answer and what it rests on.
#[derive(Debug)]
pub struct Clearance {
    /// Who said what.
    pub verified: Verified,
    /// Lines of strangers that were too many to be looked at.
    pub left_out: usize,
    /// The refusals that stand.
    pub refusals: Vec<Standing>,
    /// What the patch is.
    pub facts: PatchFacts,
    /// What they were asked.
    pub ask: Ask,
    /// What the rules say.
    pub decision: Decision,
}

/// Why there is no answer; that is never a permission.
#[derive(Debug, Error)]
pub enum ClearError {
    /// Among what was said there may be a refusal that can't be read.
    #[error("{0}")]
    Doubtful(Doubts),
    /// Nobody has said what the patch does and how it is taken back.
    #[error("{0}")]
    Incomplete(Gaps),
    /// The rules can't be asked.
    #[error(transparent)]
    Question(#[from] QuestionError),
}

/// Asks the rules of `authority` whether `patch` may be used so, with what was said about it, at the time `now`. What the
/// case is comes from who asks, never from the patch; rules that speak of a case are silent where it is not known.
///
/// # Errors
/// When the question can't be asked.
pub fn clear(
    authority: &Authority,
    patch: &Patch,
    lines: &Lines,
    wanted: &Use,
    case: Option<&CaseFacts>,
    now: Timestamp,
) -> Result<Clearance, ClearError> {
    patch.gaps.clone().map_or(Ok(()), |gaps| Err(ClearError::Incomplete(gaps)))?;
    let received: Vec<Received<'_>> =
        lines.envelopes.iter().map(|(_, envelope)| Received { envelope, known_since: None }).collect();
    let verified = verify(&authority.root, patch.digest, &received, now);
    doubts(&verified, lines).map_or(Ok(()), |doubts| Err(ClearError::Doubtful(doubts)))?;
    let mut patch_facts = facts::of(patch);
    if let Use::Publish { encrypted, leaks, .. } = wanted {
        patch_facts.encrypted = *encrypted;
        patch_facts.leaks = *leaks;
    }
    let facts = Facts {
        now: said::moment(now),
        case: case.cloned(),
        patch: Some(patch_facts.clone()),
        emergency: said::emergency(&verified),
        authors: Vec::new(),
    };
    let statements = said::statements(&verified, patch, now);
    let ask = ask(authority, wanted);
    let principals = authority.principals(now);
    let question = Question { ask: &ask, facts: &facts, statements: &statements, principals: &principals };
    let decision = decide(&authority.pack, &question)?;
    let refusals = standing(&authority.root, &verified, now);
    Ok(Clearance { verified, left_out: lines.left_out, refusals, facts: patch_facts, ask, decision })
}

fn ask(authority: &Authority, wanted: &Use) -> Ask {
    let node = authority.node.clone();
    match wanted {
        Use::Run { dark } => Ask::Run { node, switch: if *dark { Switch::Dark } else { Switch::On } },
        // Nobody can have agreed on a point with one machine alone.
        Use::Activate => Ask::Activate { node, agreed_point: false },
        Use::Publish { by, .. } => Ask::Publish { by: by.clone() },
    }
}
