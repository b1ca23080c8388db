//! `suture key`: makes keys, and says what they are called and whether they are trusted.

mod new;
mod show;

use crate::act::Act;
use crate::args::{KeyArgs, KeyCommand};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) fn run(args: &KeyArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        KeyCommand::New(args) => new::run(args, act, console),
        KeyCommand::Show(args) => show::run(args, console),
    }
}
