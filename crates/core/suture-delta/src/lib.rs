//! Two linked builds in, one delta out.
//!
//! ```text
//!  old build ─┐                                    ┌─► report  (what changed, what it touches, hot or not)
//!             ├─► pair ─► normalise ─► compare ─► emit ─► Delta ─► format::write ─► FILE.delta
//!  new build ─┘      types, impact ────┘             └─► refusals
//! ```
//!
//! The comparison works on the files that the linker wrote, never on objects or sources, so that it
//! holds for any language, build system, static library and link-time optimisation. What it may not
//! miss is a change: when in doubt a function counts as changed, because one too many is harmless
//! and one too few is a hole that stays open.
//!
//! Pure: bytes and values in, values out.
#![forbid(unsafe_code)]

pub mod classify;
pub mod compare;
pub mod critical;
pub mod format;
pub mod frames;
pub mod impact;
pub mod inspect;
pub mod model;
pub mod options;
pub mod page;
pub mod refusal;
pub mod report;
pub mod types;

mod bounds;
mod emit;
mod fields;
mod flow;
mod names;
mod objects;
mod pair;
mod readers;
mod same;
mod side;
mod site;
mod stack;
mod target;
mod unseen;

pub use compare::{Comparison, Debug, compare};
pub use model::Delta;
pub use names::demangle;
pub use options::{DataAction, Options};
pub use refusal::{Refusal, RefusalCode};
pub use report::Report;
pub use stack::Earlier;
