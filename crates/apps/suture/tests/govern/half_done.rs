//! What is public is so, whatever fails afterwards: the publication says it, and so does the log.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::log::Log;
use crate::office::sign_all;
use crate::publishing::{add, prepared};

#[test]
fn what_is_public_is_recorded_though_cleaning_up_fails() {
    let log = Log::begin(&prepared("half-done", &[]));
    sign_all(&log.here, "fix.bundle");
    add(&log.here, &[]);
    // What an `add` that was killed has left, deeper than a program can follow that may open few files.
    let old = log.here.join("channel/embargo/.new-0123456789abcdef0123456789abcdef");
    fs::create_dir_all((0..80).fold(old.clone(), |path, _| path.join("x"))).unwrap();
    let line =
        ["channel", "publish", "channel", "--key", "cora", "--key", "team", "--trust", "trust", "--json"];
    let publish = log.suture(&line);
    let mut limited = Command::new("bash");
    limited
        .args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""])
        .arg(publish.get_program())
        .args(publish.get_args());
    limited.current_dir(&log.here).env("SUTURE_AUDIT_DIR", "log").env_remove("SUTURE_LOG");
    let output = limited.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("it is public, and something is left to do") && told.contains("embargo"), "{told}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["left"].as_array().unwrap().len(), 1, "{document}");
    let entries = log.new_entries();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry["outcome"], json!({"result": "done", "code": "unfinished"}));
    let names: Vec<_> =
        entry["subjects"].as_array().unwrap().iter().filter_map(|of| of["id"].as_str()).collect();
    assert!(names.contains(&"bundle.fix.bundle"), "{entry}");
    // With nothing in its way the next one finishes that.
    let entry = log.done(&line[..line.len() - 1]);
    assert_eq!(entry["outcome"], json!({"result": "done"}));
    assert!(!old.exists());
}
