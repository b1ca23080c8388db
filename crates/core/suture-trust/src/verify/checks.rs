//! One function for each check of one statement.

use jiff::{SignedDuration, Timestamp};

use super::SKEW_MAX;
use super::search::Search;
use crate::digest::Digest;
use crate::envelope::{Envelope, EnvelopeSignature};
use crate::kind::Role;
use crate::reason::Reason;
use crate::root::{Principal, RootKey, TrustRoot};
use crate::statement::Statement;

/// The payload is something else; or the type of a statement was damaged, and then the signature no longer fits.
pub(super) fn foreign_payload(root: &TrustRoot, envelope: &Envelope) -> Reason {
    let pae = envelope.pae();
    let is_damaged = envelope.signatures.iter().any(|signature| {
        root.key(&signature.key).is_some_and(|(_, key)| !key.key.verifies(&pae, &signature.signature))
    });
    if is_damaged { Reason::BadSignature } else { Reason::NotAStatement(envelope.payload_type.clone()) }
}

/// Whether a key of the root that is named has signed an envelope, whatever is in it.
pub(super) fn is_signed_by_name(root: &TrustRoot, envelope: &Envelope) -> bool {
    let pae = envelope.pae();
    envelope.signatures.iter().any(|signature| {
        root.key(&signature.key).is_some_and(|(_, key)| key.key.verifies(&pae, &signature.signature))
    })
}

/// RFC 8032 §5.1.6: 64 bytes.
pub(super) fn form(signature: &EnvelopeSignature) -> Result<(), Reason> {
    match signature.signature.len() {
        64 => Ok(()),
        len => Err(Reason::WrongKeyType { len }),
    }
}

/// Who signed. DSSE calls the name of the key an unauthenticated hint, and other tools name keys in other ways: a known
/// name is taken at its word and then has to verify, any other makes every key be tried, while that is not too much.
pub(super) fn signer<'r>(
    root: &'r TrustRoot,
    search: &Search,
    pae: &[u8],
    signature: &EnvelopeSignature,
) -> Result<(&'r Principal, &'r RootKey), Reason> {
    let verifies = |key: &RootKey| key.key.verifies(pae, &signature.signature);
    match root.key(&signature.key) {
        Some((principal, key)) if verifies(key) => Ok((principal, key)),
        Some(_) => Err(Reason::BadSignature),
        None if search.tries(root, pae, signature) => {
            root.keys().find(|(_, key)| verifies(key)).ok_or(Reason::UnknownKey)
        }
        None if signature.key.is_fingerprint() => Err(Reason::UnknownKey),
        None => Err(Reason::TooMuchToTry),
    }
}

/// in-toto, `statement.md`: subjects are matched purely by digest.
pub(super) fn subject(statement: &Statement, bundle: Digest) -> Result<(), Reason> {
    if statement.is_about(bundle) {
        return Ok(());
    }
    let subjects = statement.subjects.iter().map(|subject| subject.digest).collect();
    Err(Reason::AnotherSubject { subjects })
}

/// A statement that is there can't have been signed later.
pub(super) fn clock(statement: &Statement, proven: Timestamp) -> Result<(), Reason> {
    match statement.predicate.signed_on() {
        Some(signed_on) if later(signed_on, proven) => Err(Reason::FromTheFuture { signed_on, proven }),
        _ => Ok(()),
    }
}

/// The key holds at the time at which it says it was signed, and, because whoever has an old key can write an old date,
/// also at the time at which it is proven to have been there.
pub(super) fn key_in_force(key: &RootKey, statement: &Statement, proven: Timestamp) -> Result<(), Reason> {
    let signed_on = statement.predicate.signed_on().unwrap_or(proven);
    if signed_on < key.valid_from {
        return Err(Reason::KeyNotYetValid { valid_from: key.valid_from, signed_on });
    }
    if signed_on >= key.valid_until || proven >= key.valid_until {
        return Err(Reason::KeyExpired { valid_until: key.valid_until });
    }
    Ok(())
}

/// What is proven to have been there before anybody else can have had the key stays good; the date that a statement
/// bears proves nothing.
pub(super) fn key_not_revoked(key: &RootKey, proven: Timestamp) -> Result<(), Reason> {
    match &key.revoked {
        Some(revoked) if proven >= revoked.at => {
            Err(Reason::KeyRevoked { at: revoked.at, why: revoked.reason.clone() })
        }
        _ => Ok(()),
    }
}

/// The role in which it was said, which the signer has and in which it may be said.
pub(super) fn role(principal: &Principal, statement: &Statement) -> Result<Role, Reason> {
    let kind = statement.kind();
    let allowed = kind.roles();
    let is_held = |role: &Role| principal.roles.contains(role) && allowed.contains(role);
    let role = match statement.predicate.role() {
        Some(said) => Some(said).filter(is_held),
        None => allowed.iter().copied().find(is_held),
    };
    let needed = || match statement.predicate.role() {
        Some(said) if allowed.contains(&said) => vec![said],
        _ => allowed.to_vec(),
    };
    role.ok_or_else(|| Reason::RoleNotHeld { kind, needed: needed() })
}

/// A refusal asks for nothing but that its signer is in the trust root, and no mere witness. What has become of the key or of the
/// signer's roles since, or what a clock says, is no reason to run what they have refused: else whoever changes the trust root
/// lifts refusals without knowing it. A stolen key can stop a patch, and its owner can lift that with another.
pub(super) fn refuser(principal: &Principal, statement: &Statement) -> Result<Role, Reason> {
    role(principal, statement).or_else(|reason| {
        let held = |role: &&Role| principal.roles.contains(role);
        statement.kind().roles().iter().find(held).copied().ok_or(reason)
    })
}

fn later(signed_on: Timestamp, proven: Timestamp) -> bool {
    let skew = SignedDuration::try_from(SKEW_MAX).unwrap_or_default();
    signed_on.duration_since(proven) > skew
}
