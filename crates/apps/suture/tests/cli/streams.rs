//! Pipes that close, disks that are full, colours where they belong.

use std::path::Path;
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

/// Writing a delta replaces a file, follows a link, and leaves a device the device that it is.
#[test]
fn a_delta_is_written_where_it_is_told() {
    let here = directory("output");
    builds::pair(&here);
    let to = |name: &str| run(&here, &["diff", "--old", "old", "--new", "new", "-o", name]).status.code();
    std::fs::write(here.join("file"), "before").unwrap();
    std::os::unix::fs::symlink("file", here.join("link")).unwrap();
    assert_eq!(to("link"), Some(0));
    assert!(here.join("link").is_symlink());
    assert!(std::fs::read(here.join("file")).unwrap().starts_with(b"\x7fELF"));
    assert_eq!(to("/dev/null"), Some(0));
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    assert_eq!(to("missing/fix.delta"), Some(1));
    let left = std::fs::read_dir(&here).unwrap().count();
    assert_eq!(left, ["check.c", "old", "new", "file", "link"].len());
}
