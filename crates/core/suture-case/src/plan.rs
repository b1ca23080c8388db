//! What a case still asks for, in the order in which it has to happen.
//!
//! The steps are values: a runbook prints them, a rollout waits for them. What they say is computed; nobody can leave
//! one out by not writing it down.

use serde::Serialize;

use crate::inputs::Input;
use crate::names::Role;

/// A step that is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What kind.
    #[serde(flatten)]
    pub kind: StepKind,
    /// What it has to come before.
    pub before: Stage,
    /// What to do, for people.
    pub what: String,
    /// Why it is owed.
    pub why: String,
}

/// Kinds of steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum StepKind {
    /// Capture evidence: what is in memory is gone, or changed, once the patch is in.
    CaptureEvidence,
    /// Answer a question that a table asks.
    Answer {
        /// The question.
        input: Input,
    },
    /// Find somebody for a role.
    FillRole {
        /// The role.
        role: Role,
    },
    /// Find a reviewer who is independent of the author.
    FindIndependentReviewer,
    /// Judge an axis.
    JudgeAxis {
        /// The axis.
        axis: crate::model::Axis,
    },
    /// Declare the consensus class.
    DeclareClass,
    /// Let somebody approve a class that is laxer than the computed one.
    ApproveLaxerClass,
}

/// What a step has to come before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The decision on the route.
    Route,
    /// The approval of a bundle.
    Approval,
    /// The first process that is patched.
    Patch,
}
