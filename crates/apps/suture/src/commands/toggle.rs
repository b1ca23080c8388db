//! `suture toggle FILE|PATCH-ID on|off`.

use suture_surgery::operation::Goal;
use suture_surgery::switch::Direction;

use super::operate;
use crate::args::{Switch, ToggleArgs};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::patch_name::PatchName;

pub(super) fn run(args: &ToggleArgs, console: &Console) -> Result<Exit, Failure> {
    let direction = match args.switch {
        Switch::On => Direction::On,
        Switch::Off => Direction::Off,
    };
    let patch = PatchName::resolve(&args.patch)?;
    operate::run(Goal::Toggle(direction), &patch, &args.target, args.patience.deadline, console)
}
