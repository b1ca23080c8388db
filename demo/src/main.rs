//! The demo: a real redis with a known hole, under load, is patched, switched back and forth, and restored.
//!
//! ```text
//!  server (vulnerable build) ◄── redis-benchmark           load
//!        ▲   ▲         ▲────── open connections            must survive
//!        │   └──────────────── one client, timing itself   latency
//!  suture diff, apply, toggle, revert                      as a user runs it
//! ```
//!
//! Everything that is told is checked; what does not hold ends the demo with an error.

#![expect(clippy::cast_precision_loss, reason = "times and counts that people read have no 53 bits")]

mod figures;
mod latency;
mod plot;
mod resp;
mod server;
mod story;
mod surgery;
mod watched;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Patches a real security fix into a redis under load, and takes it back.
#[derive(Debug, Parser)]
struct Arguments {
    /// The `suture` program.
    #[arg(long)]
    suture: PathBuf,
    /// Directory in which `demo/build-redis` has built redis.
    #[arg(long)]
    redis: PathBuf,
    /// Where figures and plot go.
    #[arg(long)]
    out: PathBuf,
    /// Fewer keys and shorter waits; the same checks.
    #[arg(long)]
    short: bool,
}

/// Why the demo ended: something did not hold, or could not be done.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match story::tell(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("demo: {failure}");
            ExitCode::FAILURE
        }
    }
}
