//! Time and memory of `suture diff`, and what it gives.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

use crate::Failure;

const RUNS: usize = 5;
/// Most functions that are named.
const NAMED: usize = 5;

/// Prints the fastest of some runs and the most memory that one had; how large the delta is, and what it replaces.
pub(crate) fn measure(suture: &Path, old: &Path, new: &Path) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let delta = directory.path().join("delta");
    let mut fastest = f64::INFINITY;
    let mut report = Value::Null;
    for _ in 0..RUNS {
        let begun = Instant::now();
        let mut command = Command::new(suture);
        command.args(["--json", "diff", "--old"]).arg(old).arg("--new").arg(new).arg("-o").arg(&delta);
        let output = command.output()?;
        fastest = fastest.min(begun.elapsed().as_secs_f64());
        report = serde_json::from_slice(&output.stdout)?;
    }
    let memory_mib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() >> 10;
    let size_mib = std::fs::metadata(old)?.len() >> 20;
    println!(
        "diff of {} ({size_mib} MiB): {fastest:.2} s, {memory_mib} MiB, {}",
        old.display(),
        report["verdict"].as_str().unwrap_or("no verdict")
    );
    match std::fs::metadata(&delta) {
        Ok(file) => println!("  delta of {:.1} KiB: replaces {}", file.len() as f64 / 1024.0, names(&report)),
        Err(_) => println!("  no delta: {}", report["refusals"]),
    }
    Ok(())
}

fn names(report: &Value) -> String {
    let changed = report["changed"].as_array().map_or(&[][..], Vec::as_slice);
    let mut names: Vec<&str> =
        changed.iter().take(NAMED).map(|function| function["name"].as_str().unwrap_or("?")).collect();
    let more = format!("{} more", changed.len().saturating_sub(NAMED));
    if changed.len() > NAMED {
        names.push(&more);
    }
    names.join(", ")
}
