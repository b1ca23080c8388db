//! What a call through a patched function costs.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Stdio};

use crate::Failure;
use crate::program::Pair;

/// Measurements of twenty million calls each; the fastest counts, because everything else is the machine.
const MEASUREMENTS: usize = 8;

/// Prints nanoseconds for each call, without the patch and with it.
pub(crate) fn measure(suture: &Path) -> Result<(), Failure> {
    let pair = Pair::build(suture)?;
    let mut target = pair.start(&["0", "call"], 0, Stdio::piped())?;
    let mut lines = BufReader::new(target.child.stdout.take().ok_or("the target has no output")?);
    let before = fastest(&mut lines, "v1")?;
    pair.operate("apply", target.child.id())?;
    let patched = fastest(&mut lines, "v2")?;
    pair.operate("revert", target.child.id())?;
    let after = fastest(&mut lines, "v1")?;
    println!("ns for each call: {before:.2} before, {patched:.2} patched, {after:.2} after revert");
    Ok(())
}

fn fastest(lines: &mut BufReader<ChildStdout>, version: &str) -> Result<f64, Failure> {
    let mut fastest = f64::INFINITY;
    let mut measured = 0;
    while measured <= MEASUREMENTS {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err("the target has ended".into());
        }
        let Some(rest) = line.strip_prefix(version) else { continue };
        // The first after a change has calls of both kinds.
        if measured > 0 {
            let ns = rest.split_whitespace().next().ok_or("a line without a figure")?.parse::<f64>()?;
            fastest = fastest.min(ns);
        }
        measured += 1;
    }
    Ok(fastest)
}
