//! One file for each command. A command takes its arguments and the console, and says how it ended.

mod advisory;
mod apply;
mod build;
mod case;
mod comparison;
mod completions;
mod diff;
mod inspect;
mod leak_check;
mod operate;
mod outcomes;
mod ps;
mod revert;
mod symbols;
mod toggle;

use crate::args::Command;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

/// Does what `command` says.
pub(crate) fn run(command: &Command, console: &Console) -> Result<Exit, Failure> {
    match command {
        Command::Diff(args) => diff::run(args, console),
        Command::Build(args) => build::run(args, console),
        Command::Inspect(args) => inspect::run(args, console),
        Command::Ps(args) => ps::run(args, console),
        Command::Apply(args) => apply::run(args, console),
        Command::Toggle(args) => toggle::run(args, console),
        Command::Revert(args) => revert::run(args, console),
        Command::Advisory(args) => advisory::run(args, console),
        Command::LeakCheck(args) => leak_check::run(args, console),
        Command::Case(args) => case::run(args, console),
        Command::Completions(args) => completions::run(args),
    }
}
