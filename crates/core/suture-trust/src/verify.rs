//! Which statements about a bundle count.
//!
//! Each check is a function of its own in `checks`, in the order of the DSSE specification (`protocol.md`, "Signing
//! and verification"): nothing inside an envelope is read before its signature is known to be good. What is left is
//! settled in `settle`, where statements meet each other.
//!
//! The result does not depend on the order of what was received (in-toto, `bundle.md`).

use std::time::Duration;

use jiff::Timestamp;

use crate::digest::Digest;
use crate::envelope::{Envelope, EnvelopeSignature, IN_TOTO};
use crate::glimpse;
use crate::keys::KeyId;
use crate::kind::{Kind, Role};
use crate::predicate::Predicate;
use crate::reason::Reason;
use crate::root::TrustRoot;
use crate::statement::Statement;

mod checks;
mod search;
mod settle;

use search::Search;

/// How much later than now a statement may say that it was signed: clocks differ.
pub const SKEW_MAX: Duration = Duration::from_mins(5);

/// An envelope, and since when it is known to exist.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The envelope.
    pub envelope: &'a Envelope,
    /// When a log whose witnesses are trusted has had it, proven; without such a proof it may have been made a
    /// moment ago, whatever it says itself.
    pub known_since: Option<Timestamp>,
}

/// What counts and what does not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verified {
    /// Genuine, about this bundle, and from somebody who may say it.
    pub accepted: Vec<Accepted>,
    /// All others.
    pub rejected: Vec<Rejected>,
}

/// A statement that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// Which of those received.
    pub index: usize,
    /// SHA-256 of the signed statement; a withdrawal names a refusal by it.
    pub id: Digest,
    /// Who said it.
    pub principal: String,
    /// The team of its signer.
    pub team: String,
    /// In which role.
    pub role: Role,
    /// The key.
    pub key: KeyId,
    /// What was said.
    pub statement: Statement,
    /// Whether it is a refusal that its signer has withdrawn.
    pub is_withdrawn: bool,
}

/// A signature that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which of those received.
    pub index: usize,
    /// The key; only said, not proven, where the reason is about the signature.
    pub key: Option<KeyId>,
    /// Whose key it is, if that is proven.
    pub principal: Option<String>,
    /// What was said, if its signature is good and it could be read.
    pub kind: Option<Kind>,
    /// Why not.
    pub reason: Reason,
    /// Whether it may be a refusal of the bundle by somebody in the root: one that was damaged, or that only others can read.
    pub may_be_refusal: bool,
}

impl Verified {
    /// Refusals that block.
    pub fn refusals(&self) -> impl Iterator<Item = &Accepted> {
        self.of(Kind::Refused).filter(|accepted| !accepted.is_withdrawn)
    }

    /// What counts of one kind. The same principal may be there more than once: count principals or teams.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Accepted> {
        self.accepted.iter().filter(move |accepted| accepted.statement.kind() == kind)
    }

    /// What may be a refusal of somebody in the root, and can't be judged: nobody can tell then that there is none.
    pub fn doubtful(&self) -> impl Iterator<Item = &Rejected> {
        // Under another signature of the same envelope it may have been read after all.
        let is_read = |index: usize| {
            self.accepted.iter().any(|accepted| accepted.index == index)
                || self.rejected.iter().any(|other| other.index == index && other.kind.is_some())
        };
        self.rejected.iter().filter(move |rejected| rejected.may_be_refusal && !is_read(rejected.index))
    }

    /// The commitment to an advisory that `salt` and `text` open, if there is one.
    pub fn opened(&self, salt: &[u8; 32], text: &[u8]) -> Option<&Accepted> {
        let asked = crate::commit(salt, text);
        self.of(Kind::Committed).find(|accepted| {
            matches!(&accepted.statement.predicate, Predicate::Committed(committed) if committed.commitment == asked)
        })
    }
}

impl Rejected {
    /// Whether nobody in `root` has signed it: then it says nothing, neither for a bundle nor against it.
    pub fn is_strangers(&self, root: &TrustRoot) -> bool {
        match &self.reason {
            Reason::UnknownKey => true,
            Reason::NotAStatement(_) | Reason::TooMuchToTry => !self.may_be_refusal,
            Reason::WrongKeyType { .. } => !self.names_key_of(root),
            _ => false,
        }
    }

    fn names_key_of(&self, root: &TrustRoot) -> bool {
        self.key.as_ref().is_some_and(|key| root.key(key).is_some())
    }
}

/// Whether no key in `root` has signed an envelope, and none is said to have: such a line decides nothing. All keys are tried,
/// however long that takes.
///
/// A line that was damaged and names no key is one as well. To stop a patch for it would let everybody stop every patch with a
/// line of their own; what `suture sign` writes always names its key, and is found.
pub fn is_strangers(root: &TrustRoot, envelope: &Envelope) -> bool {
    let pae = envelope.pae();
    envelope.signatures.iter().all(|signature| {
        root.key(&signature.key).is_none()
            && !root.keys().any(|(_, key)| key.key.verifies(&pae, &signature.signature))
    })
}

/// Judges what was received about the bundle with the digest `bundle`, by the rules of `root`, at the time `now`.
pub fn verify(root: &TrustRoot, bundle: Digest, received: &[Received<'_>], now: Timestamp) -> Verified {
    let mut verified = Verified::default();
    let question = Question { root, bundle, now, search: Search::plan(root, received) };
    for (index, received) in received.iter().enumerate() {
        if received.envelope.payload_type != IN_TOTO {
            let reason = checks::foreign_payload(root, received.envelope);
            let may_be_refusal = reason == Reason::BadSignature
                || checks::is_signed_by_name(root, received.envelope)
                    && glimpse::look(&received.envelope.payload, bundle).reads_as_refusal();
            verified.rejected.push(Rejected {
                index,
                key: None,
                principal: None,
                kind: None,
                reason,
                may_be_refusal,
            });
            continue;
        }
        // The same for every signature of an envelope.
        let pae = received.envelope.pae();
        for signature in &received.envelope.signatures {
            match question.judge(index, *received, &pae, signature) {
                Ok(accepted) => verified.accepted.push(accepted),
                Err(rejected) => verified.rejected.push(*rejected),
            }
        }
    }
    settle::duplicates(&mut verified);
    settle::withdrawals(&mut verified);
    verified
}

/// What is asked of every statement.
struct Question<'a> {
    root: &'a TrustRoot,
    bundle: Digest,
    now: Timestamp,
    search: Search,
}

impl Question<'_> {
    fn judge(
        &self,
        index: usize,
        received: Received<'_>,
        pae: &[u8],
        signature: &EnvelopeSignature,
    ) -> Result<Accepted, Box<Rejected>> {
        let said = (!signature.key.as_str().is_empty()).then(|| signature.key.clone());
        let mut rejected = Rejected {
            index,
            key: said,
            principal: None,
            kind: None,
            reason: Reason::UnknownKey,
            may_be_refusal: false,
        };
        let reject = |rejected: &Rejected, reason| {
            let may_be_refusal = self.may_be_refusal(rejected, &reason, &received.envelope.payload);
            Box::new(Rejected { reason, may_be_refusal, ..rejected.clone() })
        };

        checks::form(signature).map_err(|reason| reject(&rejected, reason))?;
        let (principal, key) = checks::signer(self.root, &self.search, pae, signature)
            .map_err(|reason| reject(&rejected, reason))?;
        rejected.key = Some(key.key.id());
        rejected.principal = Some(principal.name.clone());

        let statement = Statement::parse(&received.envelope.payload)
            .map_err(|error| reject(&rejected, Reason::Statement(error)))?;
        rejected.kind = Some(statement.kind());

        let proven = received.known_since.unwrap_or(self.now);
        let role = checks::subject(&statement, self.bundle)
            .and_then(|()| match statement.kind() {
                Kind::Refused => checks::refuser(principal, &statement),
                _ => checks::clock(&statement, proven)
                    .and_then(|()| checks::key_in_force(key, &statement, proven))
                    .and_then(|()| checks::key_not_revoked(key, proven))
                    .and_then(|()| checks::role(principal, &statement)),
            })
            .map_err(|reason| reject(&rejected, reason))?;
        Ok(Accepted {
            index,
            id: Digest::of(&received.envelope.payload),
            principal: principal.name.clone(),
            team: principal.team.clone(),
            role,
            key: key.key.id(),
            statement,
            is_withdrawn: false,
        })
    }

    /// What none of the keys in the root has signed is no refusal, whoever has written it. What one has signed may be one if it can't
    /// be read, and so may what says that it is one where there was too much to try.
    fn may_be_refusal(&self, rejected: &Rejected, reason: &Reason, payload: &[u8]) -> bool {
        match reason {
            Reason::BadSignature => true,
            Reason::WrongKeyType { .. } => rejected.names_key_of(self.root),
            Reason::TooMuchToTry => glimpse::look(payload, self.bundle).reads_as_refusal(),
            Reason::Statement(error) => {
                error.is_of_another_layout() || glimpse::look(payload, self.bundle).may_refuse()
            }
            _ => false,
        }
    }
}
