//! A key, acts by number, and logs in directories of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey};
use suture_log::{
    Actor, Draft, Entry, ExportRecord, KeyKind, Outcome, Policy, SignError, Signer, Subject, Time, Value,
    VerifierKey,
};
use suture_tiles::{Log, Reader, Settings, Walk};

pub(crate) const ORIGIN: &str = "example.com/audit";
/// Milliseconds since 1970 of the first entry.
pub(crate) const BEGIN_MS: i64 = 1_772_366_400_000;

#[derive(Clone)]
pub(crate) struct Key(SigningKey);

impl Key {
    pub(crate) fn new() -> Self {
        Self::of(1)
    }

    pub(crate) fn of(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }
}

impl Signer for Key {
    fn name(&self) -> &str {
        ORIGIN
    }

    fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.0.sign(message).to_bytes())
    }
}

pub(crate) fn vkey() -> VerifierKey {
    VerifierKey::new(ORIGIN, KeyKind::Note, &Key::new().public_key()).unwrap()
}

pub(crate) fn policy() -> Policy {
    Policy::of_log(vkey())
}

/// The act with this number: entry `number` of every log here.
pub(crate) fn draft(number: u64) -> Draft {
    Draft {
        act: "process.apply".to_owned(),
        actor: Actor { key: None, name: "Ada".to_owned() },
        subjects: vec![Subject::id("process", "redis-server[4711]")],
        outcome: Outcome::done(),
        detail: BTreeMap::from([("number".to_owned(), Value::Number(number as i64))]),
    }
}

pub(crate) fn time(unix_ms: i64) -> Time {
    Time::from_unix_ms(unix_ms).unwrap()
}

pub(crate) fn create(directory: &Path) -> Log {
    let settings = Settings::new(vkey(), None);
    Log::create(directory, &settings, &Key::new()).unwrap()
}

/// Adds the next `count` acts as one batch.
pub(crate) fn append(log: &mut Log, count: u64) -> Result<(), suture_tiles::Error> {
    let size = log.size();
    let drafts: Vec<Draft> = (size..size + count).map(draft).collect();
    log.append(time(BEGIN_MS + size as i64), &drafts, &Key::new()).map(drop)
}

/// Audits the log, and checks that its entries are the acts in order, and that no file is there that does not belong.
pub(crate) fn check_whole(directory: &Path, size: u64) {
    let reader = Reader::open(directory).unwrap();
    assert_eq!(reader.size(), size);
    suture_tiles::audit(&reader, &policy(), Vec::new()).unwrap();
    let mut walk = Walk::new(&reader).unwrap();
    while let Some(record) = walk.next_record().unwrap() {
        if let ExportRecord::Entry { index, entry, .. } = record {
            assert_eq!(Entry::parse(&entry).unwrap().detail["number"], Value::Number(index as i64));
        }
    }
    check_files(directory, size);
}

/// Every file below `directory`, relative to it.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.push(path.strip_prefix(directory).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The files are those of the log's size, and partial ones of earlier sizes where there is no full one yet.
pub(crate) fn check_files(directory: &Path, size: u64) {
    let expected: Vec<String> =
        suture_log::tile::grown(0, size).iter().map(suture_log::tile::Tile::path).collect();
    let found = files(&directory.join("public"));
    let found: Vec<&str> =
        found.iter().map(|path| path.to_str().unwrap()).filter(|path| path.starts_with("tile/")).collect();
    for path in &expected {
        assert!(found.contains(&path.as_str()), "{path} is missing at size {size}");
    }
    for path in found {
        let is_earlier = path.rsplit_once(".p/").is_some_and(|(tile, width)| {
            let later = expected.iter().find_map(|path| path.strip_prefix(&format!("{tile}.p/")));
            later.is_some_and(|later| width.parse::<u16>().unwrap() <= later.parse().unwrap())
        });
        assert!(
            is_earlier || expected.iter().any(|expected| expected == path),
            "{path} does not belong at size {size}"
        );
    }
    assert!(!directory.join("next").exists());
}
