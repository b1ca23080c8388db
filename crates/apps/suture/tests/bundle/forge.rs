//! A bundle changed byte by byte, or made with other tools, as somebody does who means harm.

use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) const BLOCK: usize = 512;

/// Where the header of the member with this name is.
pub(crate) fn header(bytes: &[u8], name: &str) -> usize {
    let found = (0..bytes.len()).step_by(BLOCK).find(|at| bytes[*at..].starts_with(name.as_bytes()));
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// Puts the right checksum into a header that was changed.
pub(crate) fn seal(bytes: &mut [u8], at: usize) {
    bytes[at + 148..at + 156].fill(b' ');
    let sum: u32 = bytes[at..at + BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    bytes[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// `bad.bundle`: the same archive as `fix.bundle` by GNU tar, with another dossier, the manifest mended: sound, but for what the
/// dossier says.
pub(crate) fn with_dossier(here: &Path, edit: impl FnOnce(&str) -> String) {
    let unpacked = Command::new("tar").args(["-xf", "fix.bundle"]).current_dir(here).status();
    assert!(unpacked.unwrap().success());
    let dossier = fs::read_to_string(here.join("dossier.toml")).unwrap();
    let edited = edit(&dossier);
    assert_ne!(edited, dossier);
    fs::write(here.join("dossier.toml"), edited).unwrap();
    let delta = fs::read_dir(here.join("deltas")).unwrap().next().unwrap().unwrap().file_name();
    let script = format!(
        "python3 - <<'END'\n\
         import hashlib, json\n\
         m = json.load(open('manifest.json'))\n\
         d = open('dossier.toml', 'rb').read()\n\
         for line in m['members']:\n\
         \x20   if line['name'] == 'dossier.toml':\n\
         \x20       line['bytes'], line['sha256'] = len(d), hashlib.sha256(d).hexdigest()\n\
         open('manifest.json', 'w').write(json.dumps(m, sort_keys=True, separators=(',', ':')))\n\
         END\n\
         tar -cf bad.bundle --format=ustar --blocking-factor=1 --owner=0 --group=0 --numeric-owner --mode=0644 \
         --mtime=@0 manifest.json 'deltas/{}' dossier.toml",
        delta.to_string_lossy()
    );
    let made = Command::new("bash").args(["-euc", &script]).current_dir(here).status();
    assert!(made.unwrap().success());
}
