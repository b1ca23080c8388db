//! The record of one vulnerability, and what follows from it: how severe, how urgent, which consensus class.
//!
//! ```text
//! case.toml ──► read ──► Case ──┐
//! KEV, EPSS ──► kev, epss ──────┤► classify ──► Classification
//! tables/*.toml ──► table ──────┤                    ├──► plan (steps that are owed)
//! delta's facts ──► consensus ──┘                    └──► selection (SSVC SelectionList)
//! timeline.jsonl ──► timeline ──► who owned what, when; whether a line was changed
//! ```
//!
//! Pure: texts and values come in, values and texts go out; the time comes in as a value. What can be computed is
//! never read: a case holds CVSS vectors and no scores, answers and no deadlines. Which *route* a fix takes is not
//! decided here: policies decide it (`suture-clearance` asks them).
//!
//! The formats are described in `docs/formats/case.md`.
#![forbid(unsafe_code)]

pub mod classify;
pub mod consensus;
pub mod epss;
pub mod error;
pub mod inputs;
pub mod kev;
pub mod model;
pub mod names;
pub mod plan;
pub mod read;
pub mod selection;
pub mod severity;
pub mod table;
pub mod timeline;
pub mod urgency;
pub mod values;
pub mod write;

pub use classify::{Classification, classify};
pub use error::CaseError;
pub use model::Case;
