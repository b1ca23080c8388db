//! `suture bundle create|show|verify|diff`, and what `inspect` says of a bundle.

mod create;
mod diff;
mod show;
mod verify;

use std::path::Path;

use suture_bundle::{Bundle, Contents};

use crate::act::Act;
use crate::args::{BundleArgs, BundleCommand};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) use create::{DeltaFile, read_deltas};
pub(super) use show::inspect;

pub(super) fn run(args: &BundleArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        BundleCommand::Create(args) => create::run(args, act, console),
        BundleCommand::Show(args) => show::run(args, console),
        BundleCommand::Verify(args) => verify::run(args, console),
        BundleCommand::Diff(args) => diff::run(args, console),
    }
}

/// The bundle with this content, and what is in it. A file of another kind is a mistake on the command line; a bundle in
/// which something is not as it must be is refused.
pub(super) fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<(Bundle<'a>, Contents<'a>), Failure> {
    let bundle = Bundle::read(bytes).map_err(|error| {
        let failure = if error.is_foreign() {
            Failure::usage(format!("`{}` is no bundle that can be used", path.display()))
        } else {
            refused(path)
        };
        failure.why(&error).help(error.help())
    })?;
    let contents = Contents::read(&bundle).map_err(|error| refused(path).why(&error).help(error.help()))?;
    Ok((bundle, contents))
}

/// Refuses a bundle that `bundle verify` refuses, whoever has signed it.
pub(super) fn require_sound(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let (_, contents) = open(path, bytes)?;
    match verify::dossier_fault(&contents) {
        None => Ok(()),
        Some(fault) => Err(refused(path)
            .why(&fault)
            .help("complete the dossier, and make the bundle again with `suture bundle create`")),
    }
}

fn refused(path: &Path) -> Failure {
    Failure::refused(format!("the bundle `{}` is refused", path.display()))
}
