//! `suture audit receive FILE`: what witnesses elsewhere have signed.

use serde::Serialize;
use suture_delta::page::grouped;

use super::{checkpoint, directory, policy};
use crate::args::audit::ReceiveArgs;
use crate::audit::unusable;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document {
    schema: u32,
    size: u64,
    /// Names of the witnesses whose cosignatures the newest checkpoint has now.
    witnesses: Vec<String>,
}

pub(super) fn run(args: &ReceiveArgs, console: &Console) -> Result<Exit, Failure> {
    let directory = directory(args.log.directory.as_ref())?;
    let policy = policy(&args.policy)?;
    let signed = checkpoint(&args.file)?;
    let refused = || Failure::refused(format!("`{}` is not taken into the log", args.file.display()));
    // A forged line of a known witness would spoil the checkpoint for everybody.
    let acceptance = policy.judge_signatures(&signed).map_err(|error| refused().why(&error))?;
    if acceptance.witnesses.is_empty() {
        return Err(refused().why("it has no cosignature of a witness in the policy"));
    }
    let newest =
        suture_tiles::add_signatures(&directory, &signed).map_err(|error| unusable(&directory, &error))?;
    let acceptance = policy.judge_signatures(&newest).map_err(|error| refused().why(&error))?;
    let witnesses = acceptance.witnesses.into_iter().map(|(name, _)| name).collect();
    let document = Document { schema: 1, size: newest.checkpoint().size, witnesses };
    console.answer(&document, |_| {
        format!("the {} entries are witnessed by {}\n", grouped(document.size), document.witnesses.join(", "))
    })?;
    Ok(Exit::Done)
}
