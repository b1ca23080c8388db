//! `suture bundle …`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// Put deltas and dossier into the one file that is signed and shipped, and look into such files
///
/// A bundle is a tar archive in exactly one spelling: the same inputs give the same bytes on any machine, and its SHA-256
/// is its name. `tar -tf` lists it, `tar -xf` unpacks it, `manifest.json` in it has the SHA-256 of each member.
#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    #[command(subcommand)]
    pub(crate) command: BundleCommand,
}

/// What to do with a bundle.
#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    Create(BundleCreateArgs),
    Show(BundleShowArgs),
    Verify(BundleVerifyArgs),
    Diff(BundleDiffArgs),
}

/// Make a bundle of deltas, a dossier and documents
///
/// Names of files and their order on the command line count for nothing but for documents, which keep their names. It is
/// refused, with exit code 5 and the list, while the dossier has gaps or speaks of other deltas; with 3 if a delta is no
/// hot patch, with 2 if a file can't be used.
#[derive(Debug, Args)]
pub(crate) struct BundleCreateArgs {
    /// The deltas, one for each build of the program
    #[arg(value_name = "DELTA", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) deltas: Vec<PathBuf>,

    /// The dossier, as `suture dossier new` drafted it and people completed it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) dossier: PathBuf,

    /// A document that goes along, such as the source fix; may be given several times
    #[arg(long = "document", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) documents: Vec<PathBuf>,

    /// Where to write the bundle; one about which statements lie beside it is not replaced by another
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

/// Show what is in a bundle
///
/// What is said of a delta is read from the delta. Places in the source, reasons and call paths to marked code come from
/// the report that its author's `suture diff` put into it.
#[derive(Debug, Args)]
pub(crate) struct BundleShowArgs {
    /// The bundle
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
}

/// Check a bundle: container, digests, deltas, dossier, who said what about it, and whether it may run here
///
/// The last two need somebody to believe: where no trust directory is named and this machine has none, they are not checked, and
/// that is said. Exit code 5 and the reason if something is not as it must be, if a statement is a refusal or may have been one
/// before it was damaged, or if the rules would not let it run here. Other statements that do not count are told: whether the rest
/// is enough is what the rules say, as for `apply`.
#[derive(Debug, Args)]
pub(crate) struct BundleVerifyArgs {
    /// The bundle
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) trust: super::TrustArgs,

    /// Where the statements are, if not in FILE.intoto.jsonl
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) statements: Option<PathBuf>,

    /// Ask whether it may be put in place with its code off, as `suture apply --dark` does
    #[arg(long)]
    pub(crate) dark: bool,
}

/// Show what differs between two bundles: member by member, and in the deltas function by function
///
/// Deltas are compared with those for the same build.
#[derive(Debug, Args)]
pub(crate) struct BundleDiffArgs {
    /// The one
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) one: PathBuf,

    /// The other
    #[arg(value_name = "OTHER", value_hint = ValueHint::FilePath)]
    pub(crate) other: PathBuf,
}
