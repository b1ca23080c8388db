//! The append-only record of every act: what an entry is, how entries are committed to, and how anybody who has
//! the public keys checks that nothing was changed, dropped, moved or dated back.
//!
//! ```text
//!  Draft ─► Time::after ─► Entry ─► canonical JSON ─► Hash::of_leaf ─► Frontier ─► root ─► Checkpoint
//!                                                                         │                    │ Signer (log)
//!                                         Tile, Bundle ◄─ nodes ──────────┘                    ▼
//!                                           │                                         SignedCheckpoint
//!                                           ▼                                                  │ Signer (witness)
//!                            tree::inclusion, consistency ─► ProofFile ◄───────────────────────┘
//!                                                              │
//!  keys, Policy ───────────────────────────────────────────────┴─► Auditor ─► Verdict or Finding
//! ```
//!
//! The formats are other people's, so that other people's programs check what we write: the tree of RFC 6962
//! (RFC 9162 for the way proofs are verified), and C2SP's signed-note, tlog-checkpoint, tlog-cosignature,
//! tlog-policy, tlog-proof and tlog-tiles. Only the entries and the one-file export are our own
//! (`docs/formats/audit-log.md`).
//!
//! Everything here is pure: time, bytes of files and keys come in as values, and signing goes through [`Signer`],
//! behind which a key file or an agent stands. Files are the matter of `suture-tiles`.
#![forbid(unsafe_code)]

mod audit;
mod checkpoint;
mod cosignature;
mod draft;
mod entry;
mod export;
mod finding;
mod frontier;
mod hash;
mod key;
mod lines;
mod note;
mod policy;
mod proof_file;
pub mod tile;
mod time;
pub mod tree;
pub mod verify;

pub use audit::{Auditor, CLOCK_TOLERANCE_MS, Verdict};
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use cosignature::{Cosignature, Cosigned};
pub use draft::Draft;
pub use entry::{Actor, ENTRY_BYTES_MAX, Entry, EntryError, Outcome, OutcomeResult, Subject, Value, Version};
pub use export::{
    EXPORT_HEADER, ExportError, ExportReader, ExportRecord, LINE_BYTES_MAX, write_checkpoint, write_entry,
};
pub use finding::Finding;
pub use frontier::Frontier;
pub use hash::Hash;
pub use key::{KeyError, KeyKind, SignError, Signer, VerifierKey, is_key_name};
pub use lines::TextError;
pub use note::{NOTE_BYTES_MAX, Note, SIGNATURES_MAX, SignatureLine};
pub use policy::{Acceptance, POLICY_BYTES_MAX, Policy, PolicyRefusal};
pub use proof_file::{ConsistencyFile, PROOF_BYTES_MAX, ProofFile};
pub use time::{CLOCK_STEP_MS_MAX, Time, TimeError};
