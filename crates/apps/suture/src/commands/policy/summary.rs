//! "This bundle passed", signed so that it can be published before anything about the fix is.
//!
//! All that goes into it is digests, a time, and two URIs that say nothing of the bundle. Its file is one of its own, since the
//! statements beside the bundle are not for everybody yet.

use jiff::Timestamp;
use serde::Serialize;
use suture_clearance::{Authority, Clearance, Patch};
use suture_trust::{Digest, KeyId, Kind, Predicate, Signer, Statement, Subject, Summary, Verdict};

use crate::act::{Act, content};
use crate::args::PolicyCheckArgs;
use crate::commands::sign;
use crate::failure::Failure;
use crate::signer::{self, BoxedSigner};
use crate::statement_file;

/// A summary that was signed.
#[derive(Serialize)]
pub(super) struct Signed {
    /// Where it was added.
    pub(super) file: String,
    /// SHA-256 of the statement.
    id: Digest,
    key: KeyId,
    verifier: String,
    policy: String,
}

/// The key that signs. One whose word would not count here is refused: it would be published in vain.
pub(super) fn signer(args: &PolicyCheckArgs, authority: &Authority) -> Result<Option<BoxedSigner>, Failure> {
    let signer = signer::named(args.signer.key.as_deref(), args.signer.agent.as_deref())?;
    if signer.is_some() && !args.summary {
        return Err(Failure::usage("there is nothing to sign").help("give --summary, or leave the key out"));
    }
    let Some(key) = signer.as_ref().map(|signer| signer.public_key().id()) else { return Ok(None) };
    let may = authority
        .root
        .key(&key)
        .is_some_and(|(principal, _)| Kind::Passed.roles().iter().any(|role| principal.roles.contains(role)));
    if may {
        return Ok(signer);
    }
    let roles: Vec<&str> = Kind::Passed.roles().iter().map(|role| role.as_str()).collect();
    Err(Failure::usage(format!("a summary by the key {key} would not count"))
        .why("the trust root does not know it as that of somebody who may say it")
        .help(format!("it is said as {}: sign with the key of one", roles.join(" or "))))
}

/// Signs that the patch passed.
pub(super) fn sign(
    args: &PolicyCheckArgs,
    authority: &Authority,
    patch: &Patch,
    clearance: &Clearance,
    signer: &dyn Signer,
    act: &Act,
) -> Result<Signed, Failure> {
    let key = signer.public_key().id();
    act.by(key.as_str());
    let verifier = args.verifier.clone().unwrap_or_else(|| format!("urn:suture:key:{key}"));
    if !is_uri(&verifier) {
        return Err(Failure::usage(format!("`{}` is no URI", verifier.escape_debug()))
            .help("give --verifier such as https://ops.example.com or urn:example:ops"));
    }
    let policy = format!("urn:suture:policy:{}", authority.rules);
    let now = Timestamp::now();
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let rules = (policy.as_str(), authority.rules);
    let summary = Summary::of(patch.digest, &clearance.verified, Verdict::Passed, &verifier, rules, now)
        .map_err(|error| {
            Failure::usage("no summary can be made").why(&error).help("give another --verifier")
        })?;
    // What the bundle's file is called may tell what is in it.
    let subject = Subject { name: String::new(), digest: patch.digest };
    let statement = Statement { subjects: vec![subject], predicate: Predicate::Passed(summary) };
    let envelope = sign::sign(&statement, signer)?;
    let file = args.output.clone().unwrap_or_else(|| statement_file::summary_beside(&args.file));
    let id = Digest::of(&envelope.payload);
    act.on(content("statement", &envelope.payload));
    statement_file::append(&file, &[envelope])?;
    Ok(Signed { file: file.display().to_string(), id, key, verifier, policy })
}

/// A scheme, a colon, and something behind it without spaces (RFC 3986).
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme && !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_a_scheme() {
        for uri in ["https://ops.example.com", "urn:suture:key:SHA256:a+b/c"] {
            assert!(is_uri(uri), "{uri}");
        }
        for other in ["", "ops", "the ops:team", "urn:", "1a:b", "urn:two words"] {
            assert!(!is_uri(other), "{other}");
        }
    }
}
