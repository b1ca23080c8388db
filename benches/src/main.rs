//! Measures what the documents quote. Every figure stands beside its baseline from the same run, because the
//! machine is not ours alone; no figure is asserted. What must not grow (`cycles`) is.
#![expect(clippy::cast_precision_loss, reason = "times that people read have no 53 bits")]

mod audit;
mod bundles;
mod calls;
mod clearance;
mod cycles;
mod diffs;
mod pauses;
mod program;
mod statements;
mod stats;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures what the documents quote.
#[derive(Debug, Parser)]
struct Arguments {
    /// The `suture` program.
    #[arg(long)]
    suture: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How long threads of a target are kept from running by apply and revert
    Pauses {
        /// Operations of each kind for each row of the table
        #[arg(long, default_value_t = 10)]
        rounds: usize,
        /// Only rows of this mode, `paced` or `spin`
        #[arg(long)]
        mode: Option<String>,
    },
    /// What a call through a patched function costs
    Calls,
    /// Time to read and check a bundle of ten megabytes
    Bundle,
    /// Time to verify a bundle with ten statements and to decide by the default policy
    Clearance,
    /// Time and memory of `suture diff` on a pair of builds
    Diff {
        /// The two builds
        #[arg(num_args = 2)]
        builds: Vec<PathBuf>,
    },
    /// What it costs to verify the statements about a bundle
    Statements,
    /// Appending to the audit log, proofs out of it, and its audit
    Audit {
        /// A directory on the disk that is to be measured
        #[arg(long, default_value = ".")]
        directory: PathBuf,
    },
    /// Apply and revert again and again on a loaded target, and see that nothing is lost
    Cycles {
        /// How often
        #[arg(long, default_value_t = 10_000)]
        count: usize,
        /// Only the target of this mode, `paced` or `spin`
        #[arg(long)]
        mode: Option<String>,
    },
}

/// Why a measurement could not be made.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let suture = &arguments.suture;
    let measured = match &arguments.what {
        What::Pauses { rounds, mode } => pauses::measure(suture, *rounds, mode.as_deref()),
        What::Calls => calls::measure(suture),
        What::Bundle => bundles::measure(suture),
        What::Clearance => clearance::measure(suture),
        What::Diff { builds } => diffs::measure(suture, &builds[0], &builds[1]),
        What::Statements => statements::measure(),
        What::Audit { directory } => audit::measure(suture, directory),
        What::Cycles { count, mode } => cycles::measure(suture, *count, mode.as_deref()),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}
