//! `suture reproduce`: arguments.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use suture_trust::Role;

/// Build the deltas of a bundle again from source, and say whether the same come out
///
/// The dossier in the bundle says how they were made: the fix, the command, the path, the variables, the choices. Both builds are
/// made from a copy of your own source tree, at the path that is recorded, and compared as the author has; the tree is left as
/// it was found. This runs the command of the dossier and the code of the fix: do it where you would build what others send.
///
/// With a key, what came out the same is signed: a `reproduced` statement in BUNDLE.intoto.jsonl. If anything else came out, it is
/// said what differs, nothing is signed, and the exit code is 5.
#[derive(Debug, Args)]
pub(crate) struct ReproduceArgs {
    /// The bundle
    #[arg(value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// The source tree, without the fix: a checkout of the revision that the dossier names
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) source: PathBuf,

    /// The fix, where it is not among the documents of the bundle; may be given several times
    #[arg(long = "patch", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) patches: Vec<PathBuf>,

    /// Only this delta: its name in the bundle, its id, or the beginning of that; may be given several times
    ///
    /// Without this all are built again, and it is enough if those come out the same whose build without the fix does. A policy
    /// counts your word once you have built all of them again, each where its build can be made.
    #[arg(long = "delta", value_name = "NAME")]
    pub(crate) deltas: Vec<String>,

    /// A patch on which a delta stands, where it is not in the bundle; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) on: Vec<PathBuf>,

    /// The file of critical marks, where it is not the `suture.toml` of the source tree
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) critical: Option<PathBuf>,

    /// In which role it is signed: builder or reviewer
    #[arg(long = "as", value_name = "ROLE", default_value = "builder")]
    pub(crate) role: Role,

    #[command(flatten)]
    pub(crate) signer: super::SignerArgs,

    /// Add the statement to this file instead of BUNDLE.intoto.jsonl
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) statements: Option<PathBuf>,
}
