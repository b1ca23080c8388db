//! `suture toggle FILE|PATCH-ID on|off`.

use std::path::Path;

use suture_clearance::Use;
use suture_surgery::operation::Goal;
use suture_surgery::switch::Direction;

use super::acts::named;
use super::operate;
use crate::act::Act;
use crate::args::{Switch, ToggleArgs};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::patch_name::PatchName;
use crate::{permission, trust_dir};

pub(super) fn run(args: &ToggleArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let patch = PatchName::resolve(&args.patch)?;
    act.on(named(&patch));
    act.flag("on", args.switch == Switch::On);
    let direction = match args.switch {
        Switch::On => {
            require(args, &patch, console)?;
            Direction::On
        }
        // The way back is always open.
        Switch::Off => Direction::Off,
    };
    operate::run(Goal::Toggle(direction), &patch, &args.target, &args.patience, act, console)
}

/// To switch on is to run.
fn require(args: &ToggleArgs, patch: &PatchName, console: &Console) -> Result<(), Failure> {
    match patch {
        PatchName::File(patch) => {
            permission::require(patch, Path::new(&args.patch), &args.trust, &Use::Activate, console)
        }
        PatchName::Id(_) if trust_dir::find(args.trust.trust.as_deref()).is_none() => Ok(()),
        PatchName::Id(id) => Err(Failure::refused(format!("the policy can't be asked about {id}"))
            .why("this machine has a trust root, and an id says nothing about who approved the patch")
            .help("name the file of the patch, with its statements beside it")),
    }
}
