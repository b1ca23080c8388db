//! `suture channel`: what its keepers do with a channel.

mod add;
mod failures;
mod gate;
mod keys;
mod leaks;
mod publish;
mod record;
mod remove;
mod rotate;
mod show;

pub(crate) use failures::failure;

use crate::act::Act;
use crate::args::channel::{ChannelArgs, ChannelCommand};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) fn run(args: &ChannelArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        ChannelCommand::Init(args) => rotate::init(args, act, console),
        ChannelCommand::Add(args) => add::add(args, act, console),
        ChannelCommand::Reveal(args) => add::reveal(args, act, console),
        ChannelCommand::Remove(args) => remove::run(args, act, console),
        ChannelCommand::Publish(args) => publish::publish(args, act, console),
        ChannelCommand::Refresh(args) => publish::refresh(args, act, console),
        ChannelCommand::Rotate(args) => rotate::rotate(args, act, console),
        ChannelCommand::Show(args) => show::run(args, console),
    }
}
