//! `suture dossier …`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use suture_case::names::CaseId;

use super::case::PlaceArgs;

/// Write, check and print the paper that goes with a patch
///
/// A dossier is one TOML file. What can be computed is computed from the deltas and the record of their build; what only
/// a person knows is asked for in place, as an answer that begins with `??`.
#[derive(Debug, Args)]
pub(crate) struct DossierArgs {
    #[command(subcommand)]
    pub(crate) command: DossierCommand,
}

/// What to do with a dossier.
#[derive(Debug, Subcommand)]
pub(crate) enum DossierCommand {
    New(DossierNewArgs),
    Lint(DossierLintArgs),
    Render(DossierRenderArgs),
}

/// Draft a dossier: what is known filled in, what is not asked for in its place
#[derive(Debug, Args)]
pub(crate) struct DossierNewArgs {
    /// The deltas, one for each build of the program
    #[arg(value_name = "DELTA", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) deltas: Vec<PathBuf>,

    /// The document that `suture build --json` printed when it made one of the deltas; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) provenance: Vec<PathBuf>,

    /// The case that the patch is for: severity, due day, consensus class and forensics are taken from its record
    #[arg(long, value_name = "ID")]
    pub(crate) case: Option<CaseId>,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    /// An earlier dossier, whose answers are taken over: for deltas that were made again
    ///
    /// Its own comments are not. It may be the output file too, which is then replaced.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from: Option<PathBuf>,

    /// Where to write it; a file that is there is not replaced
    #[arg(short, long, value_name = "FILE", default_value = "dossier.toml", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

/// Name every gap of a dossier: where it is, what is asked, who usually knows
///
/// Exit code 5 if there is one: no bundle can then be made of it.
#[derive(Debug, Args)]
pub(crate) struct DossierLintArgs {
    /// The dossier, or a bundle with one
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// The deltas that it is about: what it states of them is compared
    #[arg(value_name = "DELTA", value_hint = ValueHint::FilePath)]
    pub(crate) deltas: Vec<PathBuf>,
}

/// Print dossier and runbook, to be read on a screen or on paper
///
/// The runbook has the exact commands for this patch. Gaps are shown as such.
#[derive(Debug, Args)]
pub(crate) struct DossierRenderArgs {
    /// The dossier, or a bundle with one
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// Which paper; without it both
    #[arg(long, value_enum, value_name = "dossier|runbook", hide_possible_values = true)]
    pub(crate) paper: Option<PaperName>,

    /// In which form; without it both
    #[arg(long, value_enum, value_name = "markdown|html", hide_possible_values = true)]
    pub(crate) format: Option<FormatName>,

    /// The directory to write to, as PAPER.md and PAPER.html; without it the one --paper in the one --format is printed
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,

    /// How the runbook calls the bundle, if it is not made from one
    #[arg(long, value_name = "NAME", default_value = "fix.bundle")]
    pub(crate) bundle: String,
}

/// Which paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PaperName {
    /// What was decided and why.
    Dossier,
    /// What is typed and watched.
    Runbook,
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// `CommonMark` with tables.
    Markdown,
    /// A page without anything from elsewhere.
    Html,
}
