//! Which refusals are withdrawn: those of the key that signs, or the one that is named, if it is not somebody else's.

use suture_trust::{Digest, Envelope, Predicate, PublicKey, Statement, Subject};

use crate::args::Withdraw;
use crate::failure::Failure;
use crate::statement_file::{self, StatementFile};
use crate::trust_dir;

/// The refusals to withdraw: the one that is named, or all of this key that stand.
pub(super) fn refusals(
    withdraw: Option<Withdraw>,
    subject: &Subject,
    file: &StatementFile,
    key: &PublicKey,
) -> Result<Vec<Digest>, Failure> {
    let named = match withdraw {
        Some(Withdraw::One(named)) => Some(named),
        Some(Withdraw::Own) | None => None,
    };
    let is_own = |envelope: &Envelope| {
        let pae = envelope.pae();
        envelope.signatures.iter().any(|signature| key.verifies(&pae, &signature.signature))
    };
    let mut refusals = Vec::new();
    let mut lifted = Vec::new();
    let mut envelopes = Vec::new();
    file.each(|envelope| {
        let Some(envelope) = envelope.filter(|envelope| named.is_some() || is_own(envelope)) else { return };
        let id = Digest::of(&envelope.payload);
        match Statement::parse(&envelope.payload) {
            Ok(statement) if statement.is_about(subject.digest) => match statement.predicate {
                Predicate::Refused(_) if named.is_none_or(|named| named == id) => {
                    refusals.push(id);
                    envelopes.push(envelope.clone());
                }
                Predicate::Withdrawn(withdrawal) => lifted.push(withdrawal.refusal),
                _ => {}
            },
            _ => {}
        }
    })?;
    if named.is_none() {
        refusals.retain(|refusal| !lifted.contains(refusal));
    }
    refusals.sort_unstable();
    refusals.dedup();
    if refusals.is_empty() {
        return Err(nothing(named, file, key));
    }
    if named.is_some() && !envelopes.iter().any(is_own) {
        refuse_others(&envelopes, key)?;
    }
    Ok(refusals)
}

fn nothing(named: Option<Digest>, file: &StatementFile, key: &PublicKey) -> Failure {
    let path = file.path().display();
    let why = match named {
        Some(named) => format!("`{path}` has no refusal {named} of this file"),
        None => format!("no refusal of this file by the key {} stands in `{path}`", key.id()),
    };
    let help =
        "`suture statements FILE` shows who refused; if it was another key of yours, give --withdraw=ID";
    Failure::usage("there is nothing to withdraw").why(&why).help(help)
}

/// Refuses to withdraw what only others have refused, by the trust root of this machine. Where there is none nobody can say whose
/// another key is.
fn refuse_others(refusals: &[Envelope], key: &PublicKey) -> Result<(), Failure> {
    let Some(directory) = trust_dir::find(None) else { return Ok(()) };
    let root = statement_file::read_root(&directory)?;
    let own = root.key(&key.id()).map(|(principal, _)| principal.name.as_str());
    let mut signers: Vec<&str> = Vec::new();
    for refusal in refusals {
        let pae = refusal.pae();
        let verifies = |key: &PublicKey| {
            refusal.signatures.iter().any(|signature| key.verifies(&pae, &signature.signature))
        };
        let by = root.keys().filter(|(_, known)| verifies(&known.key));
        signers.extend(by.map(|(principal, _)| principal.name.as_str()));
    }
    match signers.first() {
        Some(other) if !signers.iter().any(|signer| Some(*signer) == own) => {
            let whose =
                own.map_or_else(|| "of nobody in the trust root".to_owned(), |own| format!("of {own}"));
            Err(Failure::usage("that refusal is somebody else's")
                .why(&format!("{other} has refused, and the key {} is {whose}: it would not count", key.id()))
                .help("let who refused withdraw it"))
        }
        _ => Ok(()),
    }
}
