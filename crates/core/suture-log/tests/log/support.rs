//! Keys, acts and whole logs in memory for tests.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey};
use suture_log::{
    Actor, Checkpoint, Draft, EXPORT_HEADER, Entry, Frontier, Hash, KeyKind, Outcome, SignError,
    SignedCheckpoint, Signer, Subject, Time, Value, VerifierKey, write_checkpoint, write_entry,
};

pub(crate) const ORIGIN: &str = "example.com/audit";

/// A key in memory.
pub(crate) struct Key(pub(crate) String, SigningKey);

impl Key {
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        Self(name.to_owned(), SigningKey::from_bytes(&[seed; 32]))
    }

    pub(crate) fn log() -> Self {
        Self::new(ORIGIN, 1)
    }

    pub(crate) fn verifier(&self, kind: KeyKind) -> VerifierKey {
        VerifierKey::new(&self.0, kind, &self.public_key()).unwrap()
    }
}

impl Signer for Key {
    fn name(&self) -> &str {
        &self.0
    }

    fn public_key(&self) -> [u8; 32] {
        self.1.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.1.sign(message).to_bytes())
    }
}

pub(crate) fn draft(number: u64) -> Draft {
    let number_value = Value::Number(number as i64);
    Draft {
        act: "bundle.create".to_owned(),
        actor: Actor { key: Some(format!("SHA256:{}", "a".repeat(43))), name: "Ada".to_owned() },
        subjects: vec![Subject::digest("bundle", &format!("{number:064x}"))],
        outcome: Outcome::done(),
        detail: BTreeMap::from([("number".to_owned(), number_value)]),
    }
}

pub(crate) fn time(unix_ms: i64) -> Time {
    Time::from_unix_ms(unix_ms).unwrap()
}

/// Seconds since 1970 of the first entry of a log in tests; the others follow one second after the other.
pub(crate) const BEGIN_S: i64 = 1_772_366_400;

pub(crate) fn entry(number: u64) -> Entry {
    draft(number).at(time((BEGIN_S + number as i64) * 1000))
}

/// A log in memory: entries, and checkpoints behind some of them.
pub(crate) struct Ledger {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) checkpoints: Vec<SignedCheckpoint>,
}

impl Ledger {
    /// With a checkpoint of each of these sizes, the last of which is the size of the log.
    pub(crate) fn new(sizes: &[u64]) -> Self {
        let size = *sizes.last().unwrap();
        let entries: Vec<_> = (0..size).map(|number| entry(number).encode().unwrap()).collect();
        let checkpoints =
            sizes.iter().map(|size| checkpoint(&entries[..*size as usize], &Key::log())).collect();
        Self { entries, checkpoints }
    }

    /// The export, with entries numbered and hashed as they stand.
    pub(crate) fn export(&self) -> Vec<u8> {
        let mut bytes = format!("{EXPORT_HEADER}\n").into_bytes();
        let mut checkpoints = self.checkpoints.iter().peekable();
        for number in 0..=self.entries.len() as u64 {
            while let Some(due) = checkpoints.next_if(|due| due.checkpoint().size == number) {
                bytes.extend(write_checkpoint(due).into_bytes());
            }
            if let Some(entry) = self.entries.get(number as usize) {
                write_entry(number, Hash::of_leaf(entry), entry, &mut bytes);
            }
        }
        checkpoints.for_each(|left| bytes.extend(write_checkpoint(left).into_bytes()));
        bytes
    }
}

pub(crate) fn checkpoint(entries: &[Vec<u8>], key: &Key) -> SignedCheckpoint {
    let mut frontier = Frontier::default();
    for entry in entries {
        frontier.push(Hash::of_leaf(entry), |_, _| {});
    }
    Checkpoint { origin: key.0.clone(), size: frontier.size(), root: frontier.root() }.sign(key).unwrap()
}
