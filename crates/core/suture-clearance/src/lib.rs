//! May this patch run here?
//!
//! ```text
//!  file (bundle or bare delta) ─► Patch ─► facts, recomputed ──────┐
//!  FILE.intoto.jsonl ─► lines ─► suture_trust::verify ─► doubts? ──┼─► suture_policy::decide ─► Clearance
//!  case.toml ─► CaseView ─► facts, and what nobody has said ────────┤
//!  root.toml, *.cedar, node.toml ─► Authority ─► people, rules ────┘
//! ```
//!
//! `suture-trust` knows what is genuine, `suture-policy` what is enough; neither knows of the other. Here a patch, what was
//! said of it and the operator's own files become one question, the same for the command line, an agent and an auditor
//! who replays the log.
//!
//! What a bundle claims about its deltas is never asked: all facts about a patch come from the deltas themselves. Only
//! the declared consensus class is the author's word, and it can only make things stricter unless it is accepted by
//! somebody else.
//!
//! Pure: bytes and the time come in as values.
#![forbid(unsafe_code)]

mod authority;
mod case;
mod clear;
mod doubt;
mod facts;
mod patch;
mod refusal;
mod said;

pub use authority::{Authority, AuthorityError, AuthorityFiles, NODE_BYTES_MAX, rules_digest};
pub use case::{CaseView, Routed, Rules, route_of, view};
pub use clear::{ClearError, Clearance, Use, clear};
pub use doubt::Doubts;
pub use facts::{because, class, touches, unseen};
pub use patch::{Gaps, Patch, PatchError};
pub use refusal::Standing;
