//! Pipes that close, disks that are full, colours where they belong.

use std::process::Stdio;

use crate::builds;
use crate::transcript::{directory, run, suture};

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let here = directory("closed-pipe");
    let delta = builds::delta(&here);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = suture(&here, &["inspect", &delta]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_full_disk_is_an_error() {
    let here = directory("full-disk");
    let delta = builds::delta(&here);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = suture(&here, &["inspect", &delta]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left on device"));
}

#[test]
fn colours_are_for_terminals() {
    let here = directory("colours");
    let delta = builds::delta(&here);
    let has_colours = |arguments: &[&str]| run(&here, arguments).stdout.contains(&0x1b);
    assert!(!has_colours(&["inspect", &delta]));
    assert!(has_colours(&["inspect", &delta, "--color", "always"]));
    assert!(!has_colours(&["inspect", &delta, "--json", "--color", "always"]));
}

#[test]
fn logs_go_to_stderr() {
    let here = directory("logs");
    builds::pair(&here);
    let arguments = ["diff", "--old", "old", "--new", "new", "-o", "fix.delta", "--json", "-v"];
    let output = run(&here, &arguments);
    serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("delta written"));
}
