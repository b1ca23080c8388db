//! Time and memory of `suture diff`.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

use crate::Failure;

const RUNS: usize = 5;

/// Prints the fastest of some runs, and the most memory that one had.
pub(crate) fn measure(suture: &Path, old: &Path, new: &Path) -> Result<(), Failure> {
    let mut fastest = f64::INFINITY;
    let mut report = Value::Null;
    for _ in 0..RUNS {
        let begun = Instant::now();
        let output =
            Command::new(suture).args(["--json", "diff", "--old"]).arg(old).arg("--new").arg(new).output()?;
        fastest = fastest.min(begun.elapsed().as_secs_f64());
        report = serde_json::from_slice(&output.stdout)?;
    }
    let memory_mib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() >> 10;
    let size_mib = std::fs::metadata(old)?.len() >> 20;
    let changed = report["changed"].as_array().map_or(0, Vec::len);
    println!(
        "diff of {} ({size_mib} MiB): {fastest:.2} s, {memory_mib} MiB, {}, {changed} changed functions",
        old.display(),
        report["verdict"].as_str().unwrap_or("no verdict")
    );
    Ok(())
}
