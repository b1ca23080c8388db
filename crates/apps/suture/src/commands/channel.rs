//! `suture channel`: what its keepers do with a channel.

mod add;
mod failures;
mod gate;
mod keys;
mod publish;
mod rotate;
mod show;

pub(super) use failures::failure;
pub(super) use keys::{passphrase, read_key_file};

use crate::args::channel::{ChannelArgs, ChannelCommand};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) fn run(args: &ChannelArgs, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        ChannelCommand::Init(args) => rotate::init(args, console),
        ChannelCommand::Add(args) => add::add(args, console),
        ChannelCommand::Reveal(args) => add::reveal(args, console),
        ChannelCommand::Publish(args) => publish::publish(args, console),
        ChannelCommand::Refresh(args) => publish::refresh(args, console),
        ChannelCommand::Rotate(args) => rotate::rotate(args, console),
        ChannelCommand::Show(args) => show::run(args, console),
    }
}
