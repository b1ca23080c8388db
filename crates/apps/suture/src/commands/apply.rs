//! `suture apply FILE`.

use suture_clearance::Use;
use suture_surgery::operation::Goal;

use super::{operate, subject};
use crate::act::Act;
use crate::args::ApplyArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::patch_name::PatchName;
use crate::permission;

pub(super) fn run(args: &ApplyArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let patch = permission::read_patch(&args.file)?;
    act.on(subject(&patch));
    act.flag("dark", args.dark);
    let wanted = Use::Run { dark: args.dark };
    permission::require(&patch, &args.file, &args.trust, &wanted, console)?;
    let patch = PatchName::File(Box::new(patch));
    operate::run(Goal::Apply { dark: args.dark }, &patch, &args.target, &args.patience, act, console)
}
