//! May it? Facts, statements and a question in as values; Cedar decides; a decision with its reasons out.
//!
//! ```text
//!  *.cedar ─► Pack ─┐                       ┌─► Decision: allowed, every rule that spoke, what is asked,
//!                   │                       │             there, missing and owed, and who could give it
//!  Facts ───────────┼─► count ─► decide ────┤
//!  Statements ──────┤  (who may sign what)  │
//!  Principals ──────┘                       └─► RouteDecision: hot patch, toggle or full update; due; roles
//! ```
//!
//! Rules are written in [Cedar](https://www.cedarpolicy.com) and may speak of what `policies/suture.cedarschema`
//! names and of nothing else. Three things are decided by asking Cedar again with something changed, so that the
//! rules need not say them twice: what is *asked* (what forbids without any signature), what is *owed* (what
//! would forbid if there were no emergency), and who could *give* it (whose signature would silence the rule).
//!
//! What can't be evaluated denies: Cedar skips a rule that fails, and a `forbid` that is skipped would be a hole.
//!
//! Statements come in verified: that signatures are genuine and keys belong to whom is the business of others.
//! A patch that is switched off or reverted is never asked about: the way back is always open.
#![forbid(unsafe_code)]

mod bounds;
mod candidates;
mod cedar;
mod count;
mod decide;
mod default_pack;
mod error;
pub mod example;
mod model;
mod moment;
mod pack;
mod route;
mod rule;

pub use count::{SetAside, Why};
pub use decide::{Decision, Requirement, Spoken, State, decide, may_sign};
pub use default_pack::{DEFAULT_EXAMPLES, DEFAULT_PACK, SCHEMA, default_pack};
pub use error::{PackError, QuestionError};
pub use model::{
    Ask, CaseFacts, Class, Emergency, Facts, Impact, Impacts, Kind, Node, PatchFacts, Principal, Question,
    Score, Severity, Statement, Switch, Verdict,
};
pub use moment::Moment;
pub use pack::{Pack, Source, Stranger};
pub use route::{Role, Route, RouteDecision, RouteVerdict, route};
pub use rule::{Effect, Rule};

/// What bounds the work that a stranger's input can cause.
pub mod limits {
    pub use crate::count::{CLOCK_AHEAD_S_MAX, NAME_BYTES_MAX, NAMES_MAX, PRINCIPALS_MAX, STATEMENTS_MAX};
    pub use crate::pack::{FILE_BYTES_MAX, FILES_MAX, NESTING_MAX, RULE_BYTES_MAX, RULES_MAX};
}
