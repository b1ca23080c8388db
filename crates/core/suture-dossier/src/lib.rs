//! The dossier: the paper that goes with a patch.
//!
//! ```text
//!  facts of deltas ─┐
//!  provenance ──────┼─► draft ─► dossier.toml ─► a person answers ─► Dossier::parse ─► lint ─► gaps, or none
//!  case ────────────┘                                                      └─► render ─► dossier, runbook
//! ```
//!
//! What can be computed is computed: what each delta replaces, where the builds come from, the exact commands of the
//! runbook. What only a person knows (why, what could go wrong, which traces stay, when to turn back) is asked for in
//! place, as an answer that begins with `??`. [`lint`](lint::lint) names every answer that is still open and everything computed that no
//! longer holds; a bundle is only made of a dossier without findings.
//!
//! Pure: texts and values in, texts and values out.
#![forbid(unsafe_code)]

mod case;
mod draft;
mod lint;
mod model;
mod parse;
mod question;
mod render;
mod stated;

pub use case::CaseFacts;
pub use draft::{Draft, draft};
pub use lint::{Finding, lint};
pub use model::{
    Answers, Case, Change, Compatibility, Data, Deployment, Monitoring, Risk, Rollback, SCHEMA, Signal,
};
pub use parse::{Dossier, ParseError};
pub use render::{Format, Paper, RenderError, Rendering, render};
pub use stated::{Origin, Stated};

/// Longest dossier, in bytes.
pub const TEXT_BYTES_MAX: usize = suture_bundle::DOSSIER_BYTES_MAX;
