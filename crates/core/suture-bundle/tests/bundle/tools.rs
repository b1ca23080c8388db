//! Ordinary tools read a bundle, and GNU tar makes the very same file.

use std::fs;
use std::process::Command;

use suture_bundle::{Bundle, Digest};

use crate::sample;

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn tar_lists_and_unpacks_it_and_makes_the_same_file() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let files = sample::files();
    let bytes = sample::write(&files);
    fs::write(here.join("fix.bundle"), &bytes).unwrap();
    let tar = || {
        let mut command = Command::new("tar");
        command.current_dir(here);
        command
    };
    let listed = said(tar().args(["-tf", "fix.bundle"]));
    assert_eq!(listed.lines().next(), Some("manifest.json"));
    assert_eq!(listed.lines().count(), 1 + files.len());

    said(tar().args(["-xf", "fix.bundle"]));
    for (name, content) in &files {
        assert_eq!(&fs::read(here.join(name.as_str())).unwrap(), content, "{name}");
    }

    let mut again = tar();
    again.args(["-cf", "again.bundle", "--format=ustar", "--blocking-factor=1", "--owner=0", "--group=0"]);
    again.args(["--numeric-owner", "--mode=0644", "--mtime=@0", "--no-recursion"]).args(listed.lines());
    said(&mut again);
    assert_eq!(fs::read(here.join("again.bundle")).unwrap(), bytes);
}

#[test]
fn its_digests_are_those_of_sha256sum() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fix.bundle");
    let bytes = sample::write(&sample::files());
    fs::write(&path, &bytes).unwrap();
    let line = said(Command::new("sha256sum").arg(&path));
    assert!(line.starts_with(&Digest::of(&bytes).to_string()));
    let bundle = Bundle::read(&bytes).unwrap();
    let manifest = said(Command::new("tar").args(["-xOf"]).arg(&path).arg("manifest.json"));
    for member in bundle.members() {
        assert!(manifest.contains(&Digest::of(member.content).to_string()), "{}", member.name);
    }
}

/// The manifest is canonical: another implementation of JSON, told to sort and not to space, writes the same bytes.
#[test]
fn its_manifest_is_canonical_json() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fix.bundle");
    fs::write(&path, sample::write(&sample::files())).unwrap();
    let script = "import json, sys, tarfile\n\
                  text = tarfile.open(sys.argv[1]).extractfile('manifest.json').read().decode()\n\
                  assert text == json.dumps(json.loads(text), sort_keys=True, separators=(',', ':'))\n";
    said(Command::new("python3").args(["-c", script]).arg(&path));
}
