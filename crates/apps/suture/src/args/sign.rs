//! `suture sign`: arguments.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueHint};
use suture_trust::{Digest, DigestError, Kind, Role};

/// Say something about a file, signed: that you made it, read it, approve it, or refuse it
///
/// What is signed is an in-toto statement about the SHA-256 of the file's bytes, in a DSSE envelope, which is added
/// to FILE.intoto.jsonl. What it says follows from the role: an author has `authored` it, a builder `built`, a
/// rehearser `rehearsed`, a reviewer `reviewed`; an approver, a commander and an operator have `approved` it. Whether
/// that counts is for those to decide who verify it, by their own trust root: see `suture statements`. A bundle whose
/// container, deltas or dossier `suture bundle verify` refuses is not signed, but for a refusal, nor is a file that is called a
/// bundle and is none.
#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// What is signed
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// In which role: author, builder, rehearser, reviewer, approver, commander or operator
    #[arg(long = "as", value_name = "ROLE")]
    pub(crate) role: Role,

    /// Sign with the key in this file
    ///
    /// The passphrase of an encrypted key is typed at the terminal, or is the first line of the file that
    /// `SUTURE_PASSPHRASE_FILE` names.
    #[arg(long, value_name = "FILE", required_unless_present = "agent", conflicts_with = "agent", value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<PathBuf>,

    /// Sign with this key of the agent at `SSH_AUTH_SOCK`: its name (SHA256:…) or its comment
    #[arg(long, value_name = "KEYID")]
    pub(crate) agent: Option<String>,

    /// Add the statements to this file instead of FILE.intoto.jsonl
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) statements: Option<PathBuf>,

    /// Say something else than the role says by itself: reproduced, passed or committed, for example
    #[arg(long, value_name = "STATEMENT", value_parser = parse_kind, conflicts_with_all = ["refuse", "withdraw"])]
    pub(crate) says: Option<Kind>,

    /// Refuse: nothing that believes your key runs it until you withdraw that
    #[arg(long, requires = "reason", conflicts_with = "withdraw")]
    pub(crate) refuse: bool,

    /// Why: for a refusal, an `emergency`, and a consensus class that is `laxer` than the computed one
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,

    /// For `emergency`: how long it lasts, such as 48h or 1d12h; until then everything that was left out has to be there
    ///
    /// How long it may last is for the policy to say: by the default rules 72 hours.
    #[arg(long, value_name = "TIME", value_parser = super::duration::span)]
    pub(crate) lasts: Option<Duration>,

    /// Withdraw your refusals: those of this key that stand in the file of statements, or the one with this id
    ///
    /// Where this machine has a trust root, the id of somebody else's is refused.
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true, default_missing_value = OWN)]
    pub(crate) withdraw: Option<Withdraw>,

    /// What there is to say beyond that, for those who read the statement
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["predicate", "refuse", "advisory"])]
    pub(crate) comment: Option<String>,

    /// What is said, as JSON: SLSA provenance v1 for `built`, an in-toto test result v0.1 for `rehearsed`, a SLSA
    /// verification summary v1 for `passed`, and for `reproduced` what docs/formats/statements.md describes
    ///
    /// A bundle says itself how it was built: without this, `built` says what the dossier has on record, with a statement for each
    /// build.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) predicate: Option<PathBuf>,

    /// For `committed`: the advisory that will follow
    ///
    /// Only a salted digest of it is signed. The salt is written to ADVISORY.salt; whoever has advisory and salt can
    /// check them with `suture statements --advisory`. Keep the salt until you publish both.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) advisory: Option<PathBuf>,
}

/// Which refusals are withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withdraw {
    /// Those of the key that signs.
    Own,
    /// This one.
    One(Digest),
}

/// What stands for [`Withdraw::Own`] where no id is given.
const OWN: &str = "own";

impl FromStr for Withdraw {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        if text == OWN { Ok(Self::Own) } else { text.parse().map(Self::One) }
    }
}

/// Refusals and withdrawals have options of their own.
fn parse_kind(text: &str) -> Result<Kind, String> {
    let mut kinds = Kind::ALL.into_iter().filter(|kind| !matches!(kind, Kind::Refused | Kind::Withdrawn));
    let names = || {
        let kinds = Kind::ALL.into_iter().filter(|kind| !matches!(kind, Kind::Refused | Kind::Withdrawn));
        kinds.map(Kind::as_str).collect::<Vec<_>>().join(", ")
    };
    kinds.find(|kind| kind.as_str() == text).ok_or_else(|| format!("it is one of {}", names()))
}
