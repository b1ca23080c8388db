//! Other people's tools: `securesystemslib` verifies what we sign and signs what we verify, `in-toto-attestation` reads
//! our statements and writes what we read.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::office::{BUNDLE, Office};

const PACKAGES: [&str; 3] = ["securesystemslib==1.3.1", "cryptography==46.0.3", "in-toto-attestation==0.9.3"];
const SCRIPT: &str = include_str!("foreign.py");

/// The interpreter that has them.
fn python() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../scripts/foreign");
    let output = Command::new(script).arg("pypi").args(PACKAGES).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("bin/python")
}

fn foreign(office: &Office, arguments: &[&str]) -> Value {
    let mut command = Command::new(python());
    command.args(["-c", SCRIPT]).args(arguments).current_dir(office.here());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const PROVENANCE: &str = r#"{
  "buildDefinition": {
    "buildType": "urn:suture:build:v1",
    "externalParameters": { "run": "make", "artifact": "src/redis-server" },
    "resolvedDependencies": [
      { "uri": "git+https://example.com/redis", "digest": { "gitCommit": "d20ace7968ba43c0219f62d71334c1095bab1602" } }
    ]
  },
  "runDetails": { "builder": { "id": "https://ci.example.com" } }
}"#;
const RESULT: &str = r#"{ "result": "PASSED", "configuration": [{ "name": "rehearsal.toml",
  "digest": { "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" } }], "passedTests": ["load"] }"#;
const SUMMARY: &str = r#"{
  "verifier": { "id": "urn:example:ops" }, "timeVerified": "2024-05-20T10:00:00Z", "resourceUri": "urn:example:bundle",
  "policy": { "uri": "urn:example:policy" }, "verificationResult": "PASSED", "verifiedLevels": ["SUTURE_POLICY"]
}"#;

#[test]
fn ours_are_verified_and_read_by_others() {
    let office = Office::open();
    for (name, text) in [("provenance.json", PROVENANCE), ("result.json", RESULT), ("summary.json", SUMMARY)]
    {
        std::fs::write(office.path(name), text).unwrap();
    }
    std::fs::write(office.path("advisory.txt"), "a hole").unwrap();
    let built = "builder --predicate provenance.json --key alice";
    for line in [
        "author --key alice",
        built,
        "rehearser --predicate result.json --key alice",
        "reviewer --key bob --comment fine",
        "reviewer --key bob --refuse --reason wait",
        "reviewer --key bob --withdraw",
        "commander --key carol",
        "commander --says passed --predicate summary.json --key carol",
        "commander --says committed --advisory advisory.txt --key carol",
    ] {
        let line = format!("sign --as {line} {BUNDLE}");
        office.done(&line.split(' ').collect::<Vec<_>>());
    }
    assert_eq!(office.rejected(BUNDLE), (vec![], 0));

    let keys = [office.public("alice"), office.public("bob"), office.public("carol")].join("\n");
    let told = foreign(&office, &["verify", "fix.delta.intoto.jsonl", &keys]);
    let told = told.as_array().unwrap();
    let digest = office.json(&["statements", BUNDLE]).0["digest"].clone();
    assert_eq!(told.len(), 9);
    for statement in told {
        assert_eq!(
            (&statement["verified"], &statement["digest"], &statement["name"]),
            (&1.into(), &digest, &BUNDLE.into())
        );
        assert_eq!(statement["changed"], "refused", "they find a change as we do");
    }
    let said: Vec<_> = told.iter().map(|statement| statement["type"].as_str().unwrap()).collect();
    assert!(said.contains(&"https://slsa.dev/provenance/v1"), "{said:?}");
    assert!(said.contains(&"https://slsa.dev/verification_summary/v1"), "{said:?}");
    let typed = told.iter().filter(|statement| statement["typed"] == true).count();
    assert_eq!(typed, 3, "provenance, test result and summary are read as theirs");
}

/// Their names of keys are others, and their JSON is spelled in another way.
#[test]
fn theirs_are_verified_and_read_by_us() {
    let office = Office::open();
    let (document, _) = office.json(&["statements", BUNDLE]);
    let digest = document["digest"].as_str().unwrap();
    for (kind, key) in [("built", "alice"), ("rehearsed", "alice"), ("approved", "carol")] {
        foreign(&office, &["sign", "fix.delta.intoto.jsonl", kind, key, digest]);
    }
    let (document, exit) = office.json(&["statements", BUNDLE, "--trust", "trust"]);
    let rows = document["statements"].as_array().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row["kind"].as_str(), row["principal"].as_str(), row["code"].as_str()))
        .collect();
    let expected = [("built", "alice"), ("rehearsed", "alice"), ("approved", "carol")];
    assert_eq!(told, expected.map(|(kind, who)| (Some(kind), Some(who), None)), "{document}");
    assert_eq!(exit, 0);
}
