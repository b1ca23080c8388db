//! `suture completions SHELL`: hidden, for packages.

use clap::CommandFactory as _;

use crate::args::{Arguments, CompletionsArgs};
use crate::console;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "suture", &mut script);
    console::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
