//! Files that outlive a surgeon: the journal of each process.
//!
//! Beside it lies a lock. On older kernels it keeps those apart who share a directory but no mount of `/proc`; all others have met
//! at the locks of the process.
//!
//! The truth about a patch is in the process itself. The journal adds what can't be there: that an
//! operation was begun, so that a surgeon that was killed before the home was mapped is noticed, and the
//! bytes of the program's entry point while they are lent to the stub of injected calls. If it is lost with a surgeon, the stub stays
//! where nothing runs any more, and the next surgeon uses it.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use suture_surgery::outcome::Refusal;

use crate::{lock, sys};

/// Names a directory to use in place of the default.
const STATE_DIR_VARIABLE: &str = "SUTURE_STATE_DIR";
/// Longest journal of one process that is read back, in bytes.
const JOURNAL_LEN_MAX: u64 = 16 << 20;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Entry {
    /// An operation begins.
    Begin {
        /// Seconds since 1970.
        at: u64,
        /// What is to be done.
        goal: String,
        /// Id of the delta.
        patch: String,
    },
    /// The code at the entry point is about to be lent to the stub of injected calls.
    Lent {
        /// Where.
        address: u64,
        /// What stands there.
        bytes: Vec<u8>,
    },
    /// The code at the entry point is its own again.
    Returned,
    /// The operation has ended.
    End {
        /// Seconds since 1970.
        at: u64,
        /// How.
        outcome: String,
    },
}

/// The journal of one process, locked for one surgeon.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    _lock: File,
}

impl Journal {
    /// Opens the journal of process `pid`, started at `start` (ticks since boot), waiting until then for
    /// another surgeon to finish with it.
    pub(crate) fn open(pid: i32, start: u64, until: Instant) -> Result<Self, Refusal> {
        let directory = directory();
        let path = directory.join(format!("{pid}-{start}.journal"));
        let failed = |error: &io::Error| Refusal::Journal {
            path: path.display().to_string(),
            error: error.to_string(),
        };
        create_directory(&directory).map_err(|error| failed(&error))?;
        let lock = open(&directory.join(format!("{pid}-{start}.lock"))).map_err(|error| failed(&error))?;
        lock::lock_in_time(&lock, until)?;
        let file = open(&path).map_err(|error| failed(&error))?;
        Ok(Self { path, file, _lock: lock })
    }

    /// Writes an entry through to the disk.
    pub(crate) fn write(&mut self, entry: &Entry) -> Result<(), Refusal> {
        let mut line = serde_json::to_vec(entry).expect("an entry is plain data with text keys");
        line.push(b'\n');
        sys::call(|| self.file.write_all(&line).and_then(|()| self.file.sync_data())).map_err(|error| {
            Refusal::Journal { path: self.path.display().to_string(), error: error.to_string() }
        })
    }

    /// Bytes of the entry point that a killed surgeon has not returned.
    pub(crate) fn lent_entry(&mut self) -> Option<(u64, Vec<u8>)> {
        let mut text = String::new();
        File::open(&self.path).ok()?.take(JOURNAL_LEN_MAX).read_to_string(&mut text).ok()?;
        // A line cut short by a kill is no entry.
        let entries = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        entries.fold(None, |lent, entry| match entry {
            Entry::Lent { address, bytes } => Some((address, bytes)),
            Entry::Returned => None,
            Entry::Begin { .. } | Entry::End { .. } => lent,
        })
    }
}

fn directory() -> PathBuf {
    if let Some(named) = std::env::var_os(STATE_DIR_VARIABLE) {
        return named.into();
    }
    if sys::effective_uid() == 0 {
        return "/run/suture".into();
    }
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) => Path::new(&runtime).join("suture"),
        None => std::env::temp_dir().join(format!("suture-{}", sys::effective_uid())),
    }
}

fn create_directory(path: &Path) -> io::Result<()> {
    sys::call(|| DirBuilder::new().recursive(true).mode(0o700).create(path))
}

fn open(path: &Path) -> io::Result<File> {
    sys::call(|| {
        let mut options = File::options();
        options
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
        options.open(path)
    })
}
