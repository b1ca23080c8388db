//! `suture audit witness`: C2SP tlog-witness, by hand instead of over the network.

use serde::Serialize;
use suture_delta::page::grouped;
use suture_log::{Cosigned, KeyKind, Policy, SignedCheckpoint, Signer as _, VerifierKey, tree, verify};
use suture_tiles::Reader;

use super::{checkpoint, directory, log_key};
use crate::args::audit::WitnessArgs;
use crate::audit::unusable;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::log_key::LogKey;

#[derive(Serialize)]
struct Document {
    schema: u32,
    origin: String,
    size: u64,
    /// Entries of what was signed before.
    since: u64,
    /// Public key of the witness, for policies.
    vkey: String,
}

pub(super) fn run(args: &WitnessArgs, console: &Console) -> Result<Exit, Failure> {
    let directory = directory(args.log.directory.as_ref())?;
    let failed = |error| unusable(&directory, &error);
    let key = LogKey::of_witness(&args.key, &args.name)?;
    let vkey = VerifierKey::new(key.name(), KeyKind::Cosignature, &key.public_key()).map_err(|error| {
        Failure::usage(format!("`{}` can't be the name of a witness", args.name)).why(&error)
    })?;
    let policy = Policy::of_log(log_key(&args.log_key)?);

    let reader = Reader::open(&directory).map_err(failed)?;
    let mut newest = reader.checkpoint().clone();
    policy.judge_signatures(&newest).map_err(|error| {
        Failure::refused("the newest checkpoint can't be witnessed")
            .why(&error)
            .help("give the key of this log")
    })?;
    let since = goes_on(args, &vkey, &newest, &reader)?;
    let now_s = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    newest.cosign(&key, now_s).map_err(|error| Failure::unexpected("nothing was signed").why(&error))?;
    // First what was signed is remembered, then it is given away.
    files::write(&args.state, newest.to_string().as_bytes())?;
    match &args.output {
        Some(path) => files::write(path, newest.to_string().as_bytes())?,
        None => drop(suture_tiles::add_signatures(&directory, &newest).map_err(failed)?),
    }

    let tree = newest.checkpoint();
    let document =
        Document { schema: 1, origin: tree.origin.clone(), size: tree.size, since, vkey: vkey.to_string() };
    console.answer(&document, |_| {
        let size = grouped(tree.size);
        format!(
            "{} has witnessed {size} entries of {}\nin policies its key is\n  {vkey}\n",
            args.name, tree.origin
        )
    })?;
    Ok(Exit::Done)
}

/// Checks that `newest` goes on from what this witness has signed before, and gives the size of that.
fn goes_on(
    args: &WitnessArgs,
    vkey: &VerifierKey,
    newest: &SignedCheckpoint,
    reader: &Reader,
) -> Result<u64, Failure> {
    if !args.state.exists() {
        return Ok(0);
    }
    let state = checkpoint(&args.state)?;
    let (old, new) = (state.checkpoint(), newest.checkpoint());
    if !matches!(state.cosignature_of(vkey), Cosigned::At(_)) || old.origin != new.origin {
        return Err(Failure::usage(format!(
            "`{}` is not the state of this witness for this log",
            args.state.display()
        ))
        .why("it has no cosignature of its key, or is of another log")
        .help("each witness keeps a state of its own for each log"));
    }
    let refused = |why: &dyn std::fmt::Display| {
        let what =
            format!("the log does not go on from the {} entries that were witnessed", grouped(old.size));
        Failure::refused(what)
            .why(&why)
            .help("keep the state file and a copy of the log: together they prove it")
    };
    if old.size > new.size {
        return Err(refused(&format!("it has {} entries now", grouped(new.size))));
    }
    let hashes = tree::consistency(old.size, new.size, &mut reader.nodes())
        .map_err(|error| Failure::usage("the log can't be read").why(&error).help(error.help()))?;
    verify::consistency((old.size, old.root), (new.size, new.root), &hashes)
        .map_err(|error| refused(&error))?;
    Ok(old.size)
}
