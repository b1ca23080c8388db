//! Logs go to stderr: warnings by default, more with each `-v`, exactly what `SUTURE_LOG` says if it is set.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

const VARIABLE: &str = "SUTURE_LOG";

/// Starts logging. `verbose` is how often `-v` was given.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(verbose > 1)
        .init();
}
