//! What a client has seen of a channel: the newest root, timestamp and snapshot, and the time. Without it, an old and
//! rightly signed channel would be as good as the newest (rollback).
//!
//! It is one file, `trusted.json`, replaced as a whole. The TUF client works on a copy in a directory of its own, and only
//! what was verified completely comes back; of a fetch that fails, a newer root alone (TUF 5.3.8), since it says which
//! keys no longer count.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tough::Repository;
use tough::schema::{Root, Signed};

use crate::limits::{ROOT_LEN_MAX, SNAPSHOT_LEN_MAX, TIMESTAMP_LEN_MAX};
use crate::metadata::{self, Document};
use crate::{ChannelError, Refusal, identity, place};

/// What is kept.
pub(super) struct Trusted {
    directory: PathBuf,
    state: State,
    /// The root that is pinned now.
    pinned: Document<Root>,
    /// The newest root that has been seen.
    newest: Option<Document<Root>>,
    /// One client at a time.
    _lock: File,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    schema: u32,
    /// Roots of the channel by their versions: those that were pinned or the newest, each with the SHA-256 of what is signed.
    roots: BTreeMap<u64, String>,
    /// The time of the last fetch that succeeded.
    seen_at: Option<Timestamp>,
    root: Option<String>,
    timestamp: Option<String>,
    snapshot: Option<String>,
}

const SCHEMA: u32 = 2;
/// How the names of scratch directories begin.
const SCRATCH: &str = ".fetch-";
/// The three documents, twice as long for being text in JSON.
const STATE_LEN_MAX: u64 = 2 * (ROOT_LEN_MAX + TIMESTAMP_LEN_MAX + SNAPSHOT_LEN_MAX) + (1 << 20);
/// Most roots that are remembered; of more, the oldest are forgotten and have to be looked up.
const ROOTS_MAX: usize = 1024;
/// Clocks are corrected by less than this.
const STEP_BACK_MAX: SignedDuration = SignedDuration::from_mins(5);

impl Trusted {
    /// Reads what is known.
    pub(super) fn open(directory: &Path, pinned: &[u8], now: Timestamp) -> Result<Self, ChannelError> {
        let pinned = root(pinned).map_err(|why| {
            let help = "give a root.json of the channel, such as its 1.root.json";
            ChannelError::input("the pinned root", why, help)
        })?;
        fs::create_dir_all(directory).map_err(ChannelError::at(directory))?;
        let lock = directory.join(".lock");
        let lock_file = File::options().create(true).truncate(false).write(true).open(&lock);
        let lock_file = lock_file.map_err(ChannelError::at(&lock))?;
        lock_file.lock().map_err(ChannelError::at(&lock))?;
        let state = read(directory)?;
        if let Some(seen) = state.seen_at
            && now < seen.saturating_sub(STEP_BACK_MAX).unwrap_or(seen)
        {
            return Err(Refusal::ClockBack { now, seen }.into());
        }
        let newest = state.root.as_ref().map(|text| root(text.as_bytes()));
        let newest = newest.transpose().map_err(|why| damaged(&file(directory), why))?;
        Ok(Self { directory: directory.to_owned(), state, pinned, newest, _lock: lock_file })
    }

    /// The newest root that was seen, if it is not known that the pinned one is of the same channel.
    pub(super) fn stranger(&self) -> Result<Option<&Signed<Root>>, ChannelError> {
        let is_known = self.has(&self.pinned.signed.signed)?;
        Ok(self.newest.as_ref().filter(|_| !is_known).map(|newest| &newest.signed))
    }

    /// The root that is pinned.
    pub(super) fn pinned(&self) -> &Signed<Root> {
        &self.pinned.signed
    }

    /// The digest of the channel's first root, as far as it is known.
    pub(super) fn first(&self) -> Result<Option<String>, ChannelError> {
        match self.state.roots.get(&1) {
            Some(first) => Ok(Some(first.clone())),
            None => identity::of_root(&self.pinned.signed.signed),
        }
    }

    /// The channel's first root has this digest.
    pub(super) fn begins_with(&mut self, first: String) {
        self.state.roots.insert(1, first);
    }

    /// Whether this is a root of the channel that was seen.
    fn has(&self, root: &Root) -> Result<bool, ChannelError> {
        Ok(self.has_digest(root.version.get(), &metadata::digest(root)?))
    }

    /// The same of its digest.
    pub(super) fn has_digest(&self, version: u64, digest: &str) -> bool {
        self.state.roots.get(&version).is_some_and(|known| known == digest)
    }

    /// The root to begin with: the newest that is known.
    pub(super) fn root(&self) -> &[u8] {
        let version = |root: &Document<Root>| root.signed.signed.version;
        let newest = self.newest.as_ref().filter(|newest| version(newest) >= version(&self.pinned));
        &newest.unwrap_or(&self.pinned).bytes
    }

    /// A directory for the client to work in, with what is known.
    pub(super) fn scratch(&self) -> Result<TempDir, ChannelError> {
        self.sweep();
        let scratch = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(&self.directory);
        let scratch = scratch.map_err(ChannelError::at(&self.directory))?;
        let known = [("timestamp.json", &self.state.timestamp), ("snapshot.json", &self.state.snapshot)];
        for (name, text) in known {
            if let Some(text) = text {
                let path = scratch.path().join(name);
                fs::write(&path, text).map_err(ChannelError::at(&path))?;
            }
        }
        Ok(scratch)
    }

    /// Removes what clients have left that were killed; the lock says that none is at work.
    fn sweep(&self) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(SCRATCH)) {
            // What can't be removed is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }

    /// Root must not be older than what was seen, whichever root is pinned.
    pub(super) fn check_root(&self, repository: &Repository) -> Result<(), Refusal> {
        let offered = repository.root().signed.version.get();
        let known = self.newest_version();
        if offered < known {
            return Err(Refusal::Rollback { role: "root".to_owned(), offered, known });
        }
        Ok(())
    }

    fn newest_version(&self) -> u64 {
        self.newest.as_ref().map_or(0, |root| root.signed.signed.version.get())
    }

    /// Remembers all that was verified.
    pub(super) fn keep(&mut self, scratch: &Path, now: Timestamp) -> Result<(), ChannelError> {
        self.state.root = text(scratch, "root.json", ROOT_LEN_MAX)?;
        self.state.timestamp = text(scratch, "timestamp.json", TIMESTAMP_LEN_MAX)?;
        self.state.snapshot = text(scratch, "snapshot.json", SNAPSHOT_LEN_MAX)?;
        self.state.seen_at = Some(self.state.seen_at.map_or(now, |seen| seen.max(now)));
        self.write()
    }

    /// Remembers a newer root alone, if it is not one of another channel with the same keys. If it has other keys for timestamp or snapshot, the client has taken those away that
    /// were known (TUF 5.3.11), and they go here too.
    pub(super) fn keep_root(&mut self, scratch: &Path) -> Result<(), ChannelError> {
        let Some(text) = text(scratch, "root.json", ROOT_LEN_MAX)? else { return Ok(()) };
        let least = self.newest_version().max(self.pinned.signed.signed.version.get());
        if let Ok(Document { signed, .. }) = root(text.as_bytes()) {
            let first = self.first()?;
            let named = identity::named(&signed.signed._extra);
            let is_foreign = named.is_some_and(|named| first.is_some_and(|first| named != first));
            if signed.signed.version.get() < least || is_foreign {
                return Ok(());
            }
        }
        self.state.root = Some(text);
        for (name, known) in
            [("timestamp.json", &mut self.state.timestamp), ("snapshot.json", &mut self.state.snapshot)]
        {
            if !scratch.join(name).exists() {
                *known = None;
            }
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), ChannelError> {
        self.state.schema = SCHEMA;
        let newest = self.state.root.as_ref().and_then(|text| root(text.as_bytes()).ok());
        for root in newest.iter().chain([&self.pinned]) {
            let root = &root.signed.signed;
            self.state.roots.insert(root.version.get(), metadata::digest(root)?);
        }
        while self.state.roots.len() > ROOTS_MAX {
            // The first is what a channel is known by.
            let oldest = self.state.roots.keys().copied().find(|version| *version != 1);
            oldest.map(|oldest| self.state.roots.remove(&oldest));
        }
        let path = file(&self.directory);
        let text = serde_json::to_vec(&self.state)
            .map_err(|error| ChannelError::input(format!("`{}`", path.display()), error, ""))?;
        place::replace(&path, &text)
    }
}

fn file(directory: &Path) -> PathBuf {
    directory.join("trusted.json")
}

fn read(directory: &Path) -> Result<State, ChannelError> {
    let path = file(directory);
    let Some(text) = place::read(&path, STATE_LEN_MAX)? else { return Ok(State::default()) };
    let state: State = serde_json::from_slice(&text).map_err(|error| damaged(&path, error.to_string()))?;
    if state.schema == SCHEMA {
        Ok(state)
    } else {
        Err(damaged(&path, format!("schema {} is unknown", state.schema)))
    }
}

fn damaged(path: &Path, why: String) -> ChannelError {
    let help = "restore it; without it, an old channel can't be told from the newest";
    ChannelError::input(format!("`{}`", path.display()), why, help)
}

fn text(scratch: &Path, name: &str, limit: u64) -> Result<Option<String>, ChannelError> {
    let bytes = place::read(&scratch.join(name), limit)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn root(bytes: &[u8]) -> Result<Document<Root>, String> {
    if bytes.len() as u64 > ROOT_LEN_MAX {
        return Err(format!("it is longer than {ROOT_LEN_MAX} bytes"));
    }
    let signed = serde_json::from_slice(bytes).map_err(|error| format!("it is no TUF root: {error}"))?;
    Ok(Document { signed, bytes: bytes.to_vec() })
}
