//! One file for each command. A command takes its arguments and the console, and says how it ended; one that is an act of
//! the audit log says on its [`Act`] what it acts on.

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
mod secrets;
mod sign;
mod statements;
mod symbols;
mod toggle;

pub(crate) use acts::subject;
pub(crate) use case::for_rules as case_for_rules;

use crate::act::Act;
use crate::args::Command;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

/// Does what `command` says.
pub(crate) fn run(command: &Command, act: &Act, console: &Console) -> Result<Exit, Failure> {
    match command {
        Command::Diff(args) => diff::run(args, console),
        Command::Build(args) => build::run(args, console),
        Command::Inspect(args) => inspect::run(args, console),
        Command::Ps(args) => ps::run(args, console),
        Command::Apply(args) => apply::run(args, act, console),
        Command::Toggle(args) => toggle::run(args, act, console),
        Command::Revert(args) => revert::run(args, act, console),
        Command::Advisory(args) => advisory::run(args, act, console),
        Command::LeakCheck(args) => leak_check::run(args, act, console),
        Command::Case(args) => case::run(args, act, console),
        Command::Policy(args) => policy::run(args, act, console),
        Command::Key(args) => key::run(args, act, console),
        Command::Sign(args) => sign::run(args, act, console),
        Command::Statements(args) => statements::run(args, act, console),
        Command::Dossier(args) => dossier::run(args, act, console),
        Command::Bundle(args) => bundle::run(args, act, console),
        Command::Reproduce(args) => reproduce::run(args, act, console),
        Command::Audit(args) => audit::run(args, console),
        Command::Channel(args) => channel::run(args, act, console),
        Command::Fetch(args) => fetch::run(args, act, console),
        Command::Completions(args) => completions::run(args),
    }
}
