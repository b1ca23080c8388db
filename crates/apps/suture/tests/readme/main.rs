//! What the README tells its readers to type is typed.
//!
//! Blocks marked `sh run` are run by one shell, in their order, in the root of the project.

use std::path::Path;
use std::process::Command;

/// The shell, with a `sleep` that ends when what a reader waits for has come, however slow the machine is: the program in the
/// background has written a line, and two more, so that one of them was begun and ended by now.
const PRELUDE: &str = r#"
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
sleep() {
  local log=/proc/$pid/fd/1 lines
  until [ -f "$log" ]; do kill -0 "$pid"; command sleep 0.01; done
  lines=$(wc -l < "$log")
  until [ "$(wc -l < "$log")" -gt $((lines + 2)) ]; do kill -0 "$pid"; command sleep 0.01; done
}
"#;

#[test]
fn the_first_patch_in_five_minutes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let text = std::fs::read_to_string(root.join("README.md")).unwrap();
    let blocks: Vec<&str> =
        text.split("```sh run\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 4, "the README has {} blocks to run", blocks.len());
    let state = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["-euc"])
        .arg(format!("{PRELUDE}{}", blocks.concat()))
        .current_dir(&root)
        // The README's reader has not set where cargo builds.
        .env_remove("CARGO_TARGET_DIR")
        .env("SUTURE_STATE_DIR", state.path())
        .output()
        .unwrap();
    let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{why}");
    let greeting = "hello, fixed, still counting: ";
    for (log, fixed) in [
        ("greet.log", greeting),
        ("twice.log", greeting),
        ("governed.log", greeting),
        ("tick.log", "tick, fixed: "),
    ] {
        let log = std::fs::read_to_string(root.join("target/first").join(log)).unwrap();
        assert!(log.lines().any(|line| line.starts_with(fixed)), "{log}");
        let numbers: Vec<u64> =
            log.lines().filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        assert!(numbers.is_sorted() && numbers.len() > 2, "the state is the one from before: {log}");
    }
}
