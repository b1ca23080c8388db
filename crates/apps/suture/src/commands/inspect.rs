//! `suture inspect FILE`.

use serde::Serialize;
use suture_delta::Delta;
use suture_delta::format::DeltaId;
use suture_delta::inspect::{self, DisassemblyError, FunctionCode};
use suture_elf::Build;

use super::bundle;
use crate::args::InspectArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// What `--disasm --json` prints.
#[derive(Serialize)]
struct CodeDocument {
    schema: u32,
    id: String,
    functions: Vec<FunctionCode>,
}

pub(super) fn run(args: &InspectArgs, console: &Console) -> Result<Exit, Failure> {
    let bytes = files::read_perhaps_bundle(&args.file, "the delta")?;
    if suture_bundle::begins_like_a_bundle(&bytes) {
        if args.disasm.is_some() {
            return Err(Failure::usage("--disasm shows the code of one delta")
                .help("`tar -xf` unpacks the deltas of a bundle"));
        }
        return bundle::inspect(&args.file, &bytes, console);
    }
    let (delta, id) = files::parse_delta(&args.file, &bytes)?;
    match &args.disasm {
        Some(function) => show_code(args, function, &delta, &id, console)?,
        None => console.answer(&inspect::document(&delta, &id, bytes.len()), |look| {
            inspect::delta(&delta, &id, bytes.len(), look)
        })?,
    }
    Ok(Exit::Done)
}

fn show_code(
    args: &InspectArgs,
    function: &str,
    delta: &Delta,
    id: &DeltaId,
    console: &Console,
) -> Result<(), Failure> {
    let old = args.old.as_ref().map(|path| files::read(path, "the old build")).transpose()?;
    let build = old.as_ref().map(|bytes| Build::parse(bytes)).transpose();
    let build = build.map_err(|error| Failure::usage("the old build can't be read").why(&error))?;
    let functions = inspect::disassemble(delta, function, build.as_ref()).map_err(|error| {
        let help = match &error {
            DisassemblyError::NoSuchFunction { .. } => "--disasm without a name shows all functions",
            DisassemblyError::OtherBuild { .. } => "give the file that the delta was made against with --old",
        };
        Failure::usage("there is no code to show").why(&error).help(help)
    })?;
    let document = CodeDocument { schema: 1, id: id.to_string(), functions };
    console.answer(&document, |look| inspect::code(&document.functions, look))
}
