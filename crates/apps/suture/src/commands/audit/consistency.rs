//! `suture audit consistency OLD [NEW]`.

use std::path::Path;

use serde::Serialize;
use suture_delta::page::grouped;
use suture_log::{ConsistencyFile, Hash, tree, verify};
use suture_tiles::Reader;

use super::{checkpoint, open};
use crate::args::audit::ConsistencyArgs;
use crate::audit::unusable;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

#[derive(Serialize)]
struct Document {
    schema: u32,
    consistent: bool,
    old: State,
    new: State,
    /// Hashes of the proof, from the bottom upwards.
    proof: Vec<String>,
}

#[derive(Serialize)]
struct State {
    size: u64,
    root: String,
}

pub(super) fn run(args: &ConsistencyArgs, console: &Console) -> Result<Exit, Failure> {
    let (directory, reader) = open(&args.log)?;
    let failed = |error| unusable(&directory, &error);
    let old = state(&args.old, &reader).map_err(|why| why.unwrap_or_else(failed))?;
    let newest = reader.size().to_string();
    let new =
        state(args.new.as_deref().unwrap_or(&newest), &reader).map_err(|why| why.unwrap_or_else(failed))?;
    if old.0 > new.0 {
        return Err(Failure::usage(format!(
            "the earlier state has {} entries, the later one {}",
            old.0, new.0
        ))
        .help("name the earlier one first"));
    }
    let hashes = tree::consistency(old.0, new.0, &mut reader.nodes()).map_err(failed)?;
    verify::consistency(old, new, &hashes).map_err(|error| {
        Failure::refused(format!(
            "the log did not go on from {} to {} entries",
            grouped(old.0),
            grouped(new.0)
        ))
        .why(&error)
        .help("keep both checkpoints, and compare the log with a copy of it")
    })?;
    if let Some(path) = &args.output {
        if new.0 != reader.size() {
            return Err(Failure::usage("the proof goes with the newest checkpoint").help("leave NEW away"));
        }
        let checkpoint = reader.checkpoint().clone();
        let proof = ConsistencyFile { old_size: old.0, hashes: hashes.clone(), checkpoint };
        files::write(path, proof.to_string().as_bytes())?;
    }
    let of = |(size, root): (u64, Hash)| State { size, root: root.to_string() };
    let proof = hashes.iter().map(Hash::to_string).collect();
    let document = Document { schema: 1, consistent: true, old: of(old), new: of(new), proof };
    console.answer(&document, |_| {
        format!(
            "the log went on from {} to {} entries; none of the earlier ones has changed\n",
            grouped(old.0),
            grouped(new.0)
        )
    })?;
    Ok(Exit::Done)
}

/// A number of entries, whose root is the log's own, or a checkpoint that was kept.
fn state(text: &str, reader: &Reader) -> Result<(u64, Hash), Result<Failure, suture_tiles::Error>> {
    let size = reader.size();
    let too_large = |found: u64| {
        Failure::usage(format!("`{text}` is a state of {found} entries, and the log has {size}"))
            .help("if the log had more entries once, it was cut off: keep that checkpoint")
    };
    if let Ok(number) = text.parse::<u64>() {
        if number > size {
            return Err(Ok(too_large(number)));
        }
        return tree::root(number, &mut reader.nodes()).map(|root| (number, root)).map_err(Err);
    }
    let kept = checkpoint(Path::new(text)).map_err(Ok)?;
    let (kept, own) = (kept.checkpoint(), reader.checkpoint().checkpoint());
    if kept.origin != own.origin {
        return Err(Ok(Failure::usage(format!(
            "`{text}` is a checkpoint of `{}`, not of `{}`",
            kept.origin, own.origin
        ))));
    }
    if kept.size > size { Err(Ok(too_large(kept.size))) } else { Ok((kept.size, kept.root)) }
}
