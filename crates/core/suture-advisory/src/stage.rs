//! How far an advisory has got, and what it takes to get farther.
//!
//! ```text
//! draft ──► embargoed ──► published
//!   └───────────────────────►┘
//! ```
//!
//! There is no way back: copies of what was passed on are with others.

use std::fmt;

use serde::{Deserialize, Serialize};
use suture_case::model::Tlp;
use suture_case::values::Moment;
use thiserror::Error;

use crate::model::Advisory;
use crate::revision::Update;

/// How far an advisory has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Being written; for those who write it.
    Draft,
    /// Passed on to named others, who keep it to themselves until a time.
    Embargoed,
    /// For everyone.
    Published,
}

impl Stage {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Embargoed => "embargoed",
            Self::Published => "published",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why there is no next version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It says what the last version said.
    #[error("nothing has changed since version {0}")]
    NothingChanged(crate::Version),
    /// What is called editorial is not.
    #[error("products have changed since version {0}, and that is no editorial change")]
    NotEditorial(crate::Version),
    /// A stage before the one that it has.
    #[error("it is {from}, and can't become {to} again: others have copies")]
    Backwards {
        /// The stage that it has.
        from: Stage,
        /// The stage that was asked for.
        to: Stage,
    },
    /// It is too early.
    #[error("it is not to be public before {0}")]
    TooEarly(Moment),
    /// Nobody has agreed on a time.
    #[error("an embargo needs an end, and it has none")]
    NoDisclosureTime,
    /// An embargo is to end sooner than recipients were told.
    #[error("recipients were told that it is under embargo until {told}, and it says {says} now")]
    Shortened {
        /// What they were told.
        told: Moment,
        /// What it says now.
        says: Moment,
    },
    /// Who may read it does not fit the stage.
    #[error("TLP:{} is too open for an advisory under embargo", .0.name().to_uppercase())]
    TooOpen(Tlp),
    /// Readers could not do anything with it.
    #[error("it does not say {0}")]
    Incomplete(&'static str),
    /// A reason was given where none is needed, so that it would be on record for nothing.
    #[error("nothing stands against it, so there is nothing to force")]
    NothingToForce,
    /// It can't grow any more.
    #[error("it has the most revisions that one advisory has; begin another and refer to this one")]
    Full,
}

impl Refusal {
    /// How to go on.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NothingChanged(_) => "edit advisory.toml first, or give options that change it",
            Self::NotEditorial(_) => {
                "leave --editorial out: readers have to compare with what they run again"
            }
            Self::Backwards { .. } => "leave --stage out; a later version can correct what is wrong",
            Self::TooEarly(_) => {
                "wait, or say with --force REASON why it can't wait; the reason stays on record"
            }
            Self::NoDisclosureTime => "set disclose_at in advisory.toml, or give --disclose-at TIME",
            Self::Shortened { .. } => "say with --force REASON why; the reason stays on record",
            Self::TooOpen(_) => "use amber, amber+strict or red",
            Self::Incomplete(_) => "say it in advisory.toml",
            Self::NothingToForce => "leave --force out",
            Self::Full => "begin another advisory",
        }
    }

    /// Whether it is a rule that stands against it, and not the command line or the content.
    pub fn is_rule(&self) -> bool {
        matches!(self, Self::TooEarly(_) | Self::Shortened { .. } | Self::Backwards { .. } | Self::TooOpen(_))
    }
}

/// Whether `update` may bring `advisory` to the stage `to`. What a reason can overrule comes last.
pub(crate) fn permits(advisory: &Advisory, to: Stage, update: &Update) -> Result<(), Refusal> {
    if to < advisory.stage {
        return Err(Refusal::Backwards { from: advisory.stage, to });
    }
    match to {
        Stage::Draft => Ok(()),
        Stage::Embargoed => embargo(advisory),
        Stage::Published if advisory.stage == Stage::Published => Ok(()),
        Stage::Published => publication(advisory, update),
    }
}

fn embargo(advisory: &Advisory) -> Result<(), Refusal> {
    if advisory.tlp < Tlp::Amber {
        return Err(Refusal::TooOpen(advisory.tlp));
    }
    let says = advisory.disclose_at.ok_or(Refusal::NoDisclosureTime)?;
    match promised(advisory) {
        Some(told) if says < told => Err(Refusal::Shortened { told, says }),
        _ => Ok(()),
    }
}

fn publication(advisory: &Advisory, update: &Update) -> Result<(), Refusal> {
    if advisory.summary.is_none() {
        return Err(Refusal::Incomplete("what the vulnerability is (summary)"));
    }
    let program = &advisory.program;
    if program.affected.is_empty() && program.fixed.is_empty() && advisory.hot_patch.is_empty() {
        return Err(Refusal::Incomplete("which versions are affected or fixed (program)"));
    }
    match advisory.disclose_at.max(promised(advisory)).max(update.case_until) {
        Some(until) if update.at < until => Err(Refusal::TooEarly(until)),
        _ => Ok(()),
    }
}

/// Until when those who were told last have to keep it to themselves.
fn promised(advisory: &Advisory) -> Option<Moment> {
    advisory.revision.last().filter(|last| last.stage == Stage::Embargoed).and_then(|last| last.held_until)
}
