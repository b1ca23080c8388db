//! `suture statements`: arguments.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use suture_trust::Digest;

/// Show who said what about a file, and what of it counts
///
/// With --trust every signature is verified, and who signed it is looked up: what counts is genuine, about this very
/// file, and from somebody who may say it. The exit code is 5 if anything that somebody of the trust root has said does not
/// count, if a line is damaged, or if a refusal stands; what strangers have signed is shown, and proves nothing.
/// Without --trust nothing is verified, and everything shown is only claimed.
///
/// What is published about a bundle before the bundle itself, such as its verification summary, is checked with
/// --digest in the place of the file.
#[derive(Debug, Args)]
pub(crate) struct StatementsArgs {
    /// What the statements are about
    #[arg(value_name = "FILE", required_unless_present = "digest", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,

    /// The SHA-256 of what they are about, for whoever does not have it
    #[arg(long, value_name = "SHA256", conflicts_with = "file", requires = "statements")]
    pub(crate) digest: Option<Digest>,

    /// Where the statements are, if not in FILE.intoto.jsonl
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) statements: Option<PathBuf>,

    /// The trust root: a directory with a `root.toml`, or that file
    #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) trust: Option<PathBuf>,

    /// Take out of the file what no key of the trust root can have signed, before it is shown
    ///
    /// Such lines decide nothing, but there can be too many to go through. Everything else stays, damage too. All keys are
    /// tried for every line, which may take minutes.
    #[arg(long, requires = "trust")]
    pub(crate) prune: bool,

    /// Whether this is an advisory that was committed to; needs its salt
    #[arg(long, value_name = "FILE", requires = "trust", value_hint = ValueHint::FilePath)]
    pub(crate) advisory: Option<PathBuf>,

    /// The salt of the commitment, if not in ADVISORY.salt
    #[arg(long, value_name = "FILE", requires = "advisory", value_hint = ValueHint::FilePath)]
    pub(crate) salt: Option<PathBuf>,
}
