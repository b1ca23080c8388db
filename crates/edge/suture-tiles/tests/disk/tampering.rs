//! A log on disk in which somebody has written.

use std::path::Path;

use suture_log::Finding;
use suture_tiles::{AuditError, Log, Reader};

use crate::support::{Key, append, create, policy};

const SIZE: u64 = 700;

fn log_in(directory: &Path) {
    let mut log = create(directory);
    for count in [100, 400, 200] {
        append(&mut log, count).unwrap();
    }
}

fn said(directory: &Path) -> String {
    let reader = Reader::open(directory).unwrap();
    suture_tiles::audit(&reader, &policy(), Vec::new()).unwrap_err().to_string()
}

fn change(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn an_entry_in_a_bundle() {
    let here = tempfile::tempdir().unwrap();
    log_in(here.path());
    let bundle = here.path().join("public/tile/entries/001");
    let text = std::fs::read(&bundle).unwrap();
    let at = text.windows(3).position(|window| window == b"Ada").unwrap();
    change(&bundle, at);
    assert_eq!(said(here.path()), "entry 256 was changed: it is not the one whose hash is in the log");
    // The writer sees to the end of the log alone, so that opening it costs nothing; it is the auditor who looks at all.
    assert_eq!(Log::open(here.path(), &Key::new()).unwrap().size(), SIZE);
}

#[test]
fn a_hash_in_a_tile() {
    let here = tempfile::tempdir().unwrap();
    log_in(here.path());
    change(&here.path().join("public/tile/0/000"), 32 * 77);
    assert_eq!(said(here.path()), "entry 77 was changed: it is not the one whose hash is in the log");
    let here = tempfile::tempdir().unwrap();
    log_in(here.path());
    change(&here.path().join("public/tile/1/000.p/2"), 40);
    let reader = Reader::open(here.path()).unwrap();
    let found = suture_tiles::audit(&reader, &policy(), Vec::new()).unwrap_err();
    let AuditError::Found(finding) = found else { panic!("{found}") };
    assert_eq!((finding.code(), finding.entries()), ("wrong-tile", Some((256, 511))), "{finding}");
    // Whoever would append to that refuses: the root is not the one that was signed.
    assert!(Log::open(here.path(), &Key::new()).is_err());
}

#[test]
fn a_file_that_is_missing_or_cut_off() {
    let here = tempfile::tempdir().unwrap();
    log_in(here.path());
    let bundle = here.path().join("public/tile/entries/000");
    let content = std::fs::read(&bundle).unwrap();
    std::fs::write(&bundle, &content[..content.len() - 1]).unwrap();
    assert!(
        said(here.path()).ends_with("entries/000` it ends within entry 255 of it"),
        "{}",
        said(here.path())
    );
    std::fs::remove_file(&bundle).unwrap();
    assert!(said(here.path()).ends_with("entries/000` is missing"));
    std::fs::write(&bundle, vec![0; 20 << 20]).unwrap();
    assert!(said(here.path()).contains("is longer than"));
}

#[test]
fn a_checkpoint_of_somebody_else() {
    let here = tempfile::tempdir().unwrap();
    log_in(here.path());
    let path = here.path().join("public/checkpoint");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\n700\n", "\n699\n")).unwrap();
    let reader = Reader::open(here.path()).unwrap();
    let found = suture_tiles::audit(&reader, &policy(), Vec::new()).unwrap_err();
    assert!(matches!(found, AuditError::Found(Finding::NotBelieved(_))), "{found}");
    assert!(Log::open(here.path(), &Key::new()).is_err());
}

/// Half a record at the end of the history is what a killed writer leaves; in the middle it is damage.
#[test]
fn a_history_that_is_torn() {
    let here = tempfile::tempdir().unwrap();
    log_in(here.path());
    let path = here.path().join("public/checkpoints");
    let whole = std::fs::read(&path).unwrap();
    for cut in (1..200).step_by(7) {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        suture_tiles::audit(&Reader::open(here.path()).unwrap(), &policy(), Vec::new()).unwrap();
        drop(Log::open(here.path(), &Key::new()).unwrap());
        let mended = std::fs::read(&path).unwrap();
        assert!(whole.starts_with(&mended) && mended.ends_with(b"\n\n"), "{cut}");
    }
    std::fs::write(&path, [b"checkpoint\nnothing\n\n\n", whole.as_slice()].concat()).unwrap();
    assert!(said(here.path()).contains("has a record that is no checkpoint"));
}
