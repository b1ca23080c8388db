//! What the world is told about a vulnerability and its hot patch, when, and what it must not be told before.
//!
//! ```text
//! Case ──► begin, take ──────┐
//! advisory.toml ──► read ────┤
//! bundle, what was signed ───┤► Advisory ──► csaf, osv, openvex      (for programs)
//! revised(Update) ──────────►┘       └─────► content ──► markdown, html (for people)
//!
//! case, delta, fix ──► leak::Secrets ──► leak::Watch ──► findings in any public text
//! ```
//!
//! Pure: texts and values come in, texts and values go out; the time comes in as a value, and the same advisory gives
//! the same bytes. An advisory is a value of its own and not a view of the case: what was published must not change
//! because somebody edits the case.
//!
//! A process that was patched while it runs still reports the version of the files that it was started from. So the
//! renderings tell three things apart (affected, fixed, hot-patched), and each says how a reader can tell: by the
//! build-id and the patch's id, which `suture ps` reads from the process itself.
//!
//! The format of `advisory.toml` is described in `docs/formats/advisory.md`.
#![forbid(unsafe_code)]

pub mod content;
pub mod csaf;
pub mod error;
pub mod from_bundle;
pub mod from_case;
pub mod html;
pub mod leak;
pub mod links;
pub mod markdown;
pub mod model;
pub mod openvex;
pub mod osv;
pub mod products;
pub mod read;
pub mod revision;
pub mod scores;
pub mod stage;
pub mod versions;
pub mod weakness;

pub use error::AdvisoryError;
pub use model::Advisory;
pub use revision::{Update, Version};
pub use stage::{Refusal, Stage};
