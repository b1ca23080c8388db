//! What other people's tools say of statements: securesystemslib and in-toto-attestation.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const FOREIGN: &str = include_str!("../trust/foreign.py");
const PACKAGES: [&str; 3] = ["securesystemslib==1.3.1", "cryptography==46.0.3", "in-toto-attestation==0.9.3"];

/// What they say of each line in a file.
pub(crate) fn foreign(here: &Path, file: &str, key: &str) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../scripts/foreign");
    let output = Command::new(script).arg("pypi").args(PACKAGES).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let python = Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("bin/python");
    let mut command = Command::new(python);
    let output = command.args(["-c", FOREIGN, "verify", file, key]).current_dir(here).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
