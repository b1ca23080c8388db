//! `suture revert FILE|PATCH-ID`.

use suture_surgery::operation::Goal;

use super::acts::named;
use super::operate;
use crate::act::Act;
use crate::args::RevertArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::patch_name::PatchName;

pub(super) fn run(args: &RevertArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let patch = PatchName::resolve(&args.patch)?;
    act.on(named(&patch));
    operate::run(Goal::Revert, &patch, &args.target, &args.patience, act, console)
}
