//! `suture revert FILE|PATCH-ID`.

use suture_surgery::operation::Goal;

use super::operate;
use crate::args::RevertArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::patch_name::PatchName;

pub(super) fn run(args: &RevertArgs, console: &Console) -> Result<Exit, Failure> {
    let patch = PatchName::resolve(&args.patch)?;
    operate::run(Goal::Revert, &patch, &args.target, args.patience.deadline, console)
}
