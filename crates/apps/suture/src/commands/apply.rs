//! `suture apply FILE`.

use suture_surgery::operation::Goal;

use super::operate;
use crate::args::ApplyArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::patch_name::PatchName;

pub(super) fn run(args: &ApplyArgs, console: &Console) -> Result<Exit, Failure> {
    let (delta, id, _) = files::read_delta(&args.file)?;
    let patch = PatchName::File(Box::new(delta), id);
    operate::run(Goal::Apply { dark: args.dark }, &patch, &args.target, args.patience.deadline, console)
}
