//! Other people's TUF: python-tuf reads what we write, and we read what it writes.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use suture_channel::{Lifetimes, Role, add_bundle};

use crate::rig::{BUNDLE, Client, Rig};
use crate::server::Server;

/// python-tuf is the reference implementation of the specification.
const PACKAGES: [&str; 3] = ["tuf==6.0.0", "securesystemslib==1.3.1", "cryptography==46.0.3"];

fn python(script: &str, arguments: &[&str]) -> String {
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../scripts/foreign");
    let installed = Command::new(foreign).arg("pypi").args(PACKAGES).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let place = PathBuf::from(String::from_utf8(installed.stdout).unwrap().trim());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/channel").join(script);
    let output = Command::new(place.join("bin/python")).arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn python_tuf_reads_ours() {
    // Their client knows no other clock than the system's.
    let mut rig = Rig::at(Lifetimes::default(), Timestamp::now());
    let server = rig.serve();
    let theirs = tempfile::tempdir().unwrap();
    let root = rig.metadata("1.root.json");
    let arguments =
        [server.url().to_string(), root.display().to_string(), theirs.path().display().to_string()];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let read = |name: &str| python("read.py", &[&arguments[..], &[name]].concat());
    let (length, digest) = (BUNDLE.len(), crate::rig::sha256(BUNDLE));
    assert_eq!(read("bundle.demo.bundle").trim(), format!("1 1 {length} {digest}"));
    assert!(read("policy.root.toml").starts_with(&format!("1 1 {} ", crate::rig::ROOT.len())));
    // With a newer root, and other keys.
    rig.wait(1);
    let keys = vec![crate::rig::Key::new(50)];
    let rotation = suture_channel::Rotation {
        keys: [(Role::Timestamp, crate::rig::public(Role::Timestamp, &keys, 1))].into(),
        renew: false,
    };
    suture_channel::rotate(&rig.place, &rotation, &rig.signers(&[Role::Root]), rig.now).unwrap();
    rig.keys.insert(Role::Timestamp, keys);
    add_bundle(&rig.place, "demo.bundle", b"better", None, None).unwrap();
    rig.publish();
    assert!(read("bundle.demo.bundle").starts_with("2 2 6 "));
}

#[test]
fn ours_reads_python_tuf() {
    let theirs = tempfile::tempdir().unwrap();
    python("write.py", &[&theirs.path().display().to_string(), crate::rig::ROOT]);
    let client = Client::new(std::fs::read(theirs.path().join("metadata/1.root.json")).unwrap());
    let server = Server::start(theirs.path().to_owned(), None);
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let delivery = client.fetch(&server.url(), now).unwrap();
    assert_eq!(client.read("bundles/theirs.bundle"), b"made by python");
    assert_eq!(client.read("trust/root.toml"), crate::rig::ROOT.as_bytes());
    assert_eq!(delivery.versions["patches"], 3);
}
