//! `suture audit prove ENTRY`.

use serde::Serialize;

use super::open;
use crate::args::audit::ProveArgs;
use crate::audit::unusable;
use crate::console::{self, Console};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

#[derive(Serialize)]
struct Document {
    schema: u32,
    index: u64,
    size: u64,
    /// The proof, as the file would have it.
    proof: String,
}

pub(super) fn run(args: &ProveArgs, console: &Console) -> Result<Exit, Failure> {
    let (directory, reader) = open(&args.log)?;
    let proof = reader.prove(args.entry).map_err(|error| unusable(&directory, &error))?.to_string();
    let size = reader.size();
    if let Some(path) = &args.output {
        files::write(path, proof.as_bytes())?;
    } else if !console.is_json() {
        console::print(&proof)?;
        return Ok(Exit::Done);
    }
    let document = Document { schema: 1, index: args.entry, size, proof };
    console.answer(&document, |_| {
        let path = args.output.as_deref().unwrap_or_else(|| std::path::Path::new("-"));
        format!(
            "{} proves that entry {} is among the {size} entries of the log\n",
            path.display(),
            args.entry
        )
    })?;
    Ok(Exit::Done)
}
