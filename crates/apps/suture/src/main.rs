//! The `suture` command line: parse, wire, print.
//!
//! ```text
//!  argv ─► args ─► act ─► commands::NAME ─► document or text on stdout ─► exit code
//!                   │          └─► Failure ─► what, why, how to go on on stderr
//!                   └─► audit: the log before, the outcome after
//! ```
//!
//! stdout is data, stderr is talk. Everything that decides anything is in the crates below.
#![forbid(unsafe_code)]

mod act;
mod args;
mod audit;
mod commands;
mod console;
mod exit;
mod failure;
mod files;
mod freshness;
mod log_key;
mod logging;
mod patch_name;
mod permission;
mod signer;
mod statement_file;
mod trust_dir;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use args::Arguments;
use console::Console;
use exit::Exit;
use failure::Failure;

fn main() -> ExitCode {
    if means_surgery() {
        // Before anything else: to read the arguments alone takes longer than the pause.
        suture_process::be_modest();
    } else {
        suture_process::be_as_usual();
    }
    if cfg!(linked_statically) {
        suture_process::leave_out_name_services();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return explain_usage(&error).into(),
    };
    logging::start(arguments.verbose);
    let console = Console::new(arguments.json, arguments.color);
    let command = &arguments.command;
    let exit = match act::recorded(command, &console, |act| commands::run(command, act, &console)) {
        Ok(exit) => exit,
        Err(failure) => console.fail(&failure),
    };
    exit.into()
}

/// Whether the command is one that works on processes, which may be waiting for this processor. Where the word is something else,
/// a file perhaps, nothing is lost.
fn means_surgery() -> bool {
    std::env::args_os().skip(1).any(|word| ["apply", "toggle", "revert"].iter().any(|name| word == *name))
}

/// Help and version are answers, everything else is a mistake. `--json` may be in the arguments that could
/// not be parsed, and its promise of one document holds for mistakes too.
fn explain_usage(error: &clap::Error) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader that has gone away needs no help.
        let _ = error.print();
        return Exit::Done;
    }
    if std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json") {
        let text = error.to_string();
        let paragraph = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
        let what = paragraph.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned();
        let failure = Failure::usage(what).help("`suture --help` shows the commands and their options");
        return Console::new(true, clap::ColorChoice::Auto).fail(&failure);
    }
    let _ = error.print();
    Exit::Usage
}
