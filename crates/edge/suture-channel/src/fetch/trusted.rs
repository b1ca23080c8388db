//! What a client has seen of a channel: the newest root, timestamp and snapshot, and the time. Without it, an old and
//! rightly signed channel would be as good as the newest (rollback).
//!
//! It is one file, `trusted.json`, replaced as a whole. The TUF client works on a copy in a directory of its own, and only
//! what was verified completely comes back; of a fetch that fails, a newer root alone (TUF 5.3.8), since it says which
//! keys no longer count.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tough::Repository;
use tough::schema::{Root, Signed};

use crate::key::hex;
use crate::limits::{ROOT_LEN_MAX, SNAPSHOT_LEN_MAX, TIMESTAMP_LEN_MAX};
use crate::{ChannelError, Refusal, place};

/// What is kept.
pub(super) struct Trusted {
    directory: PathBuf,
    state: State,
    /// Digest of the root that is pinned now.
    pinned: String,
    /// The root to begin with, and its version.
    root: (String, u64),
    /// The newest version of root that has been seen.
    newest_root: u64,
    /// One client at a time.
    _lock: File,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    schema: u32,
    /// SHA-256 of the root that was pinned.
    pinned: String,
    /// The time of the last fetch that succeeded.
    seen_at: Option<Timestamp>,
    root: Option<String>,
    timestamp: Option<String>,
    snapshot: Option<String>,
}

const SCHEMA: u32 = 1;
/// How the names of scratch directories begin.
const SCRATCH: &str = ".fetch-";
/// The three documents, twice as long for being text in JSON.
const STATE_LEN_MAX: u64 = 2 * (ROOT_LEN_MAX + TIMESTAMP_LEN_MAX + SNAPSHOT_LEN_MAX) + 4096;
/// Clocks are corrected by less than this.
const STEP_BACK_MAX: SignedDuration = SignedDuration::from_mins(5);

impl Trusted {
    /// Reads what is known, and finds the root to begin with: the newest that was verified from the pinned one on.
    pub(super) fn open(directory: &Path, pinned: &[u8], now: Timestamp) -> Result<Self, ChannelError> {
        let pinned_version = version(pinned).map_err(|why| {
            let help = "give a root.json of the channel, such as its 1.root.json";
            ChannelError::input("the pinned root", why, help)
        })?;
        fs::create_dir_all(directory).map_err(ChannelError::at(directory))?;
        let lock = directory.join(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(ChannelError::at(&lock))?;
        file.lock().map_err(ChannelError::at(&lock))?;
        let state = read(directory)?;
        if let Some(seen) = state.seen_at
            && now < seen.saturating_sub(STEP_BACK_MAX).unwrap_or(seen)
        {
            return Err(Refusal::ClockBack { now, seen }.into());
        }
        let digest = hex(&Sha256::digest(pinned));
        let text = String::from_utf8_lossy(pinned).into_owned();
        let stored =
            state.root.as_ref().and_then(|root| Some((root.clone(), version(root.as_bytes()).ok()?)));
        let newest_root = stored.as_ref().map_or(0, |(_, version)| *version);
        // With another pinned root, the way to the newest one is gone once more.
        let same = state.pinned == digest;
        let root = stored.filter(|_| same).unwrap_or((text, pinned_version));
        Ok(Self { directory: directory.to_owned(), state, pinned: digest, root, newest_root, _lock: file })
    }

    /// The root to begin with.
    pub(super) fn root(&self) -> &[u8] {
        self.root.0.as_bytes()
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
        if offered < self.newest_root {
            return Err(Refusal::Rollback { role: "root".to_owned(), offered, known: self.newest_root });
        }
        Ok(())
    }

    /// Remembers all that was verified.
    pub(super) fn keep(&mut self, scratch: &Path, now: Timestamp) -> Result<(), ChannelError> {
        self.state.root = text(scratch, "root.json", ROOT_LEN_MAX)?;
        self.state.timestamp = text(scratch, "timestamp.json", TIMESTAMP_LEN_MAX)?;
        self.state.snapshot = text(scratch, "snapshot.json", SNAPSHOT_LEN_MAX)?;
        self.state.seen_at = Some(self.state.seen_at.map_or(now, |seen| seen.max(now)));
        self.write()
    }

    /// Remembers a newer root alone. If it has other keys for timestamp or snapshot, the client has taken those away that
    /// were known (TUF 5.3.11), and they go here too.
    pub(super) fn keep_root(&mut self, scratch: &Path) -> Result<(), ChannelError> {
        let Some(root) = text(scratch, "root.json", ROOT_LEN_MAX)? else { return Ok(()) };
        if version(root.as_bytes()).is_ok_and(|version| version < self.newest_root.max(self.root.1)) {
            return Ok(());
        }
        self.state.root = Some(root);
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
        self.state.pinned.clone_from(&self.pinned);
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
    let damaged = |why: String| {
        let help = "restore it; without it, an old channel can't be told from the newest";
        ChannelError::input(format!("`{}`", path.display()), why, help)
    };
    let state: State = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if state.schema == SCHEMA {
        Ok(state)
    } else {
        Err(damaged(format!("schema {} is unknown", state.schema)))
    }
}

fn text(scratch: &Path, name: &str, limit: u64) -> Result<Option<String>, ChannelError> {
    let bytes = place::read(&scratch.join(name), limit)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn version(root: &[u8]) -> Result<u64, String> {
    if root.len() as u64 > ROOT_LEN_MAX {
        return Err(format!("it is longer than {ROOT_LEN_MAX} bytes"));
    }
    let root: Signed<Root> =
        serde_json::from_slice(root).map_err(|error| format!("it is no TUF root: {error}"))?;
    Ok(root.signed.version.get())
}
