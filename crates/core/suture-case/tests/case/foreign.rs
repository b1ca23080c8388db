//! Other people's programs, as `scripts/foreign` installs them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The directory in which `packages` are.
pub(crate) fn place(kind: &str, packages: &[&str]) -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../scripts/foreign");
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned();
    let mut command = Command::new(script);
    let output = command.arg(kind).args(packages).env("CARGO_TARGET_DIR", target).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// Runs a Python program of an environment with `input` and returns what it prints.
pub(crate) fn python(program: &str, packages: &[&str], input: &str) -> String {
    let python = place("pypi", packages).join("bin/python");
    let mut child = Command::new(python)
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
