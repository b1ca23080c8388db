//! One file for each command. A command takes its arguments and the console, and says how it ended.

mod comparison;
mod completions;
mod diff;
mod inspect;
mod outcomes;

use crate::args::Command;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

/// Does what `command` says.
pub(crate) fn run(command: &Command, console: &Console) -> Result<Exit, Failure> {
    match command {
        Command::Diff(args) => diff::run(args, console),
        Command::Inspect(args) => inspect::run(args, console),
        Command::Completions(args) => completions::run(args),
    }
}
