//! `suture diff --old FILE --new FILE`.

use super::comparison::{self, BuildFile};
use crate::args::DiffArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

pub(super) fn run(args: &DiffArgs, console: &Console) -> Result<Exit, Failure> {
    let old = files::read(&args.old, "the old build")?;
    let new = files::read(&args.new, "the new build")?;
    let old = BuildFile { path: &args.old, content: &old };
    let new = BuildFile { path: &args.new, content: &new };
    comparison::run(&old, &new, &args.comparison, args.output.as_deref(), console, None)
}
