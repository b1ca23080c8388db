//! Who said what about a bundle, and is it genuine?
//!
//! ```text
//!  FILE.intoto.jsonl ─► envelope ─┐
//!  root.toml ─────────► root ─────┼─► verify(root, bundle, received, now) ─► Verified
//!  digest of the bundle ──────────┘        │ signature, then statement,       accepted: principal, team, role
//!                                          │ subject, time, key, role         rejected: a typed reason
//!                                          └ settle: duplicates, refusals
//!  said now ──► Statement ─► Envelope::sign(Signer) ─► one more line
//! ```
//!
//! Pure: bytes and the time come in as values, signatures are made by a [`Signer`] that lives elsewhere. What is
//! accepted is genuine and from somebody who may say it; whether it is *enough* is a question for the policy.
//!
//! Specifications: DSSE 1.0.2, in-toto Statement v1, SLSA provenance v1 and verification summary v1, in-toto
//! test-result v0.1, RFC 8032. Formats: `docs/formats/statements.md`, `docs/formats/trust-root.md`.
#![forbid(unsafe_code)]

mod commitment;
mod digest;
mod envelope;
mod glimpse;
mod json;
mod keys;
mod kind;
mod lines;
mod predicate;
mod reason;
mod root;
mod statement;
mod summary;
#[cfg(test)]
mod testing;
mod text;
mod verify;

pub use commitment::commit;
pub use digest::{Digest, DigestError};
pub use envelope::{ENVELOPE_LEN_MAX, Envelope, EnvelopeError, EnvelopeSignature, IN_TOTO};
pub use keys::{KeyError, KeyId, PublicKey, SignError, Signer};
pub use kind::{Kind, Role};
pub use lines::{
    ENVELOPES_MAX, FILE_LEN_MAX, Lines, TooMuch, WRITTEN_LEN_MAX, lines, read_lines, read_lines_for,
    read_lines_for_any,
};
pub use predicate::{
    Acceptance, Commitment, Emergency, Outcome, Predicate, PredicateError, Product, Provenance, Refusal,
    Reproduction, Said, Sha256Only, TestResult, Withdrawal,
};
pub use reason::Reason;
pub use root::{Principal, Revocation, RootError, RootKey, TrustRoot};
pub use statement::{Statement, StatementError, Subject};
pub use summary::{Summary, Verdict};
pub use verify::{Accepted, Received, Rejected, SKEW_MAX, Verified, is_strangers, verify};
