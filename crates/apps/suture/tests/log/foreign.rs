//! Other people's programs check what ours writes. The verifier in `auditor.py` was written from the specifications, in
//! Python, with nothing of ours in it; `cryptography` knows Ed25519, `rfc8785` canonical JSON.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::Place;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut command = Command::new(root().join("scripts/foreign"));
    let packages = ["cryptography==46.0.3", "rfc8785==0.1.4"];
    let output = command.arg("pypi").args(packages).env("CARGO_TARGET_DIR", target).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).join("bin/python")
}

fn auditor(place: &Place, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/log/auditor.py");
    Command::new(python()).arg(script).args(arguments).current_dir(&place.directory).output().unwrap()
}

fn agrees(place: &Place, arguments: &[&str]) -> String {
    let output = auditor(place, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_auditor_who_knows_only_the_specifications_agrees() {
    let place = Place::with_log("foreign");
    place.acts(3);
    std::fs::copy(place.path("log/public/checkpoint"), place.path("kept")).unwrap();
    place.acts(6);
    place.make_key("w");
    let witness = place.json(&[
        "audit",
        "witness",
        "--json",
        "--log-key",
        &place.vkey,
        "--key",
        "w",
        "--name",
        "witness.example/w",
        "--state",
        "w.state",
    ]);
    let witness = witness["vkey"].as_str().unwrap();
    let key = place.vkey.as_str();
    assert_eq!(agrees(&place, &["tiles", "log/public", key, witness]), "10 entries, 1 witness\n");
    place.done(&["audit", "export", "-o", "log.export"]);
    assert_eq!(agrees(&place, &["export", "log.export", key]), "10 entries\n");
    for entry in ["0", "4", "9"] {
        place.done(&["audit", "prove", entry, "-o", "entry.tlog-proof"]);
        assert_eq!(agrees(&place, &["proof", "entry.tlog-proof", key, witness]), format!("entry {entry}\n"));
    }
    place.done(&["audit", "consistency", "kept", "-o", "on.proof"]);
    assert_eq!(agrees(&place, &["consistency", "on.proof", "kept", key]), "4 to 10\n");

    // It does look: what we refuse it refuses too.
    place.write("forged.export", &place.read("log.export").replacen("\"refused\"", "\"done\"", 1));
    assert!(!auditor(&place, &["export", "forged.export", key]).status.success());
    place.write("forged.proof", &place.read("entry.tlog-proof").replace("index 9", "index 8"));
    assert!(!auditor(&place, &["proof", "forged.proof", key, witness]).status.success());
}
