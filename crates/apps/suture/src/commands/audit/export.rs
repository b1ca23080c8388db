//! `suture audit export -o FILE`.

use std::io::{BufWriter, Write as _};

use serde::Serialize;
use suture_delta::page::grouped;
use suture_log::{EXPORT_HEADER, ExportRecord, write_checkpoint, write_entry};
use suture_tiles::{Reader, Walk};

use super::open;
use crate::args::audit::ExportArgs;
use crate::audit::unusable;
use crate::console::{Console, Progress};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

#[derive(Serialize)]
struct Document {
    schema: u32,
    origin: String,
    size: u64,
    root: String,
}

pub(super) fn run(args: &ExportArgs, console: &Console) -> Result<Exit, Failure> {
    let (directory, reader) = open(&args.log)?;
    let progress = Progress::start("writing every entry");
    let written = files::write_with(&args.output, |file| {
        let mut output = BufWriter::new(file);
        write(&reader, &mut output)?;
        Ok(output.flush()?)
    });
    drop(progress);
    written.map_err(|error| match error {
        WriteError::Log(error) => unusable(&directory, &error),
        WriteError::Io(error) => files::unwritable(&args.output, &error),
    })?;
    let tree = reader.checkpoint().checkpoint();
    let document =
        Document { schema: 1, origin: tree.origin.clone(), size: tree.size, root: tree.root.to_string() };
    console.answer(&document, |_| {
        format!("{} entries of {} are in {}\n", grouped(tree.size), tree.origin, args.output.display())
    })?;
    Ok(Exit::Done)
}

enum WriteError {
    Log(suture_tiles::Error),
    Io(std::io::Error),
}

impl From<suture_tiles::Error> for WriteError {
    fn from(error: suture_tiles::Error) -> Self {
        Self::Log(error)
    }
}

impl From<std::io::Error> for WriteError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

fn write(reader: &Reader, output: &mut impl std::io::Write) -> Result<(), WriteError> {
    writeln!(output, "{EXPORT_HEADER}")?;
    let mut walk = Walk::new(reader)?;
    let mut line = Vec::new();
    while let Some(record) = walk.next_record()? {
        line.clear();
        match record {
            ExportRecord::Entry { index, leaf, entry } => write_entry(index, leaf, &entry, &mut line),
            ExportRecord::Checkpoint(signed) => line.extend(write_checkpoint(&signed).into_bytes()),
        }
        output.write_all(&line)?;
    }
    Ok(())
}
