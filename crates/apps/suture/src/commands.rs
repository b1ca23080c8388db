//! One file for each command. A command takes its arguments and the console, and says how it ended.

mod acts;
mod advisory;
mod advisory_salt;
mod apply;
mod audit;
mod build;
mod bundle;
mod case;
mod channel;
mod comparison;
mod completions;
mod diff;
mod dossier;
mod fetch;
mod inspect;
mod key;
mod leak_check;
mod operate;
mod outcomes;
mod policy;
mod ps;
mod reproduce;
mod revert;
mod sign;
mod statements;
mod symbols;
mod toggle;

pub(crate) use acts::subject;

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
        Command::Policy(args) => policy::run(args, console),
        Command::Key(args) => key::run(args, console),
        Command::Sign(args) => sign::run(args, console),
        Command::Statements(args) => statements::run(args, console),
        Command::Dossier(args) => dossier::run(args, console),
        Command::Bundle(args) => bundle::run(args, console),
        Command::Reproduce(args) => reproduce::run(args, console),
        Command::Audit(args) => audit::run(args, console),
        Command::Channel(args) => channel::run(args, console),
        Command::Fetch(args) => fetch::run(args, console),
        Command::Completions(args) => completions::run(args),
    }
}
