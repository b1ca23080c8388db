//! `suture inspect FILE`.

use suture_delta::inspect;

use crate::args::InspectArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

pub(super) fn run(args: &InspectArgs, console: &Console) -> Result<Exit, Failure> {
    let (delta, id, bytes) = files::read_delta(&args.file)?;
    console.answer(&inspect::document(&delta, &id, bytes.len()), |look| {
        inspect::delta(&delta, &id, bytes.len(), look)
    })?;
    Ok(Exit::Done)
}
