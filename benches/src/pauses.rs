//! How long the threads of a target are kept from running: by apply, by revert, and by nothing but the machine.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::Failure;
use crate::program::{Operation, Pair, median};
use crate::stats::Gaps;

/// Rows of the table: threads, how they work, how deep their stacks are.
const ROWS: [(&str, &str, u32); 8] = [
    ("16", "paced", 0),
    ("256", "paced", 0),
    ("64", "spin", 0),
    ("256", "spin", 0),
    ("16", "paced", 64),
    ("256", "paced", 64),
    ("64", "spin", 64),
    ("256", "spin", 64),
];
/// Time between operations: long enough that each of 256 threads on two processors has had its turn, so that
/// gaps that an operation caused are over and recorded.
const QUIET_PACED: Duration = Duration::from_millis(400);
const QUIET_SPIN: Duration = Duration::from_secs(3);

/// Prints the table; all times in milliseconds, medians of `rounds` operations.
pub(crate) fn measure(suture: &Path, rounds: usize, only: Option<&str>) -> Result<(), Failure> {
    let pair = Pair::build(suture)?;
    println!("longest gap of any thread, ms (median of {rounds} windows of the command's length)");
    println!("threads        frames   no patching      apply     revert     ratio   stopped by surgeon");
    for (threads, mode, depth) in
        ROWS.into_iter().filter(|(_, mode, _)| only.is_none_or(|only| only == *mode))
    {
        row(&pair, threads, mode, depth, rounds)?;
    }
    Ok(())
}

fn row(pair: &Pair, threads: &str, mode: &str, depth: u32, rounds: usize) -> Result<(), Failure> {
    let stats = pair.path("stats");
    let _ = std::fs::remove_file(&stats);
    let target = pair.start(&[threads, mode, &stats.display().to_string(), "quiet"], depth, Stdio::null())?;
    while !stats.exists() || Gaps::read(&stats)?.is_none() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let quiet = if mode == "paced" { QUIET_PACED } else { QUIET_SPIN };
    let (mut applied, mut reverted) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for (verb, operations) in [("apply", &mut applied), ("revert", &mut reverted)] {
            std::thread::sleep(quiet);
            operations.push(pair.operate(verb, target.child.id())?);
        }
    }
    std::thread::sleep(quiet);
    let gaps = Gaps::read(&stats)?.ok_or("the target's figures are gone")?;
    let longest = |operations: &[Operation], shift: u64| {
        let gap = |op: &Operation| gaps.longest_ns(op.begin_ns - shift, op.end_ns - shift);
        median(operations.iter().map(gap).collect()) as f64 / 1e6
    };
    // The same windows, half a quiet time earlier.
    let half = quiet.as_nanos() as u64 / 2;
    let all: Vec<Operation> = applied.iter().chain(&reverted).copied().collect();
    let (baseline, apply, revert) = (longest(&all, half), longest(&applied, 0), longest(&reverted, 0));
    let stopped = median(all.iter().map(|operation| operation.pause_us).collect()) as f64 / 1e3;
    println!(
        "{threads:>4} {mode:<8} {depth:>6} {baseline:>12.2} {apply:>12.2} {revert:>10.2} {:>9.2} {stopped:>12.2}",
        apply.max(revert) / baseline
    );
    Ok(())
}
