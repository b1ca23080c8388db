//! Patch frames in other people's tools: gdb, perf, and the program's own backtrace.

use std::process::Command;

use crate::support::{Pair, Target};

/// A program that spins in a patched function, and its symbols.
fn spinning() -> (Pair, Target) {
    let pair = Pair::build("c/spin.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    assert_eq!(target.ask("once"), "old");
    let ran = pair.operate(&["apply"], &target, &[]);
    assert_eq!(ran.outcome(), "done", "{ran:?}");
    assert_eq!(target.ask("once"), "new");
    target.send("spin");
    assert_eq!(target.hear(), "spinning");
    let symbols = pair.directory().join("symbols");
    let mut command = pair.suture();
    command.args(["ps", "--pid", &target.pid().to_string(), "--symbols"]).arg(symbols);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (pair, target)
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn gdb_names_patch_frames_and_unwinds_through_them() {
    let (pair, target) = spinning();
    let script = pair.directory().join("symbols/patches.gdb");
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-p", &target.pid().to_string(), "-x"]).arg(script).args(["-ex", "bt"]);
    let text = output(&mut gdb);
    let frames: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    let at = |name: &str| frames.iter().position(|frame| frame.contains(name));
    let (inner, outer, main) = (at(" brought_along"), at(" work "), at(" main "));
    assert!(inner.is_some() && inner < outer && outer < main, "{text}");
}

#[test]
fn perf_names_patch_frames() {
    let (pair, target) = spinning();
    let data = pair.directory().join("perf.data");
    let mut trial = Command::new("perf");
    trial.args(["record", "-q", "-e", "cpu-clock", "-o"]).arg(&data).args(["--", "true"]);
    if !trial.output().expect("perf").status.success() {
        eprintln!("perf may not record here");
        return;
    }
    let mut perf = Command::new("perf");
    perf.args(["record", "-q", "-e", "cpu-clock", "-o"]).arg(&data);
    let recorded = output(perf.args(["-p", &target.pid().to_string(), "--", "sleep", "1"]));
    let mut perf = Command::new("perf");
    perf.args(["report", "--stdio", "--symfs"]).arg(pair.directory().join("symbols")).arg("-i").arg(&data);
    let text = output(&mut perf);
    assert!(text.contains("brought_along"), "{recorded}{text}");
}
