//! `pending/`: acts that are going on, or have ended without anybody to say so. Each has a file beside the log, from before it begins until
//! its entry is in the log; so an act has its entry even if the program that does it is killed.
//!
//! ```text
//!  begin: the file, locked and synced ─► the act ─► finish: a line in `batch`, synced ─► append ─► the file is removed
//!                     └ a line whenever more is known                  killed anywhere: Log::settle, by whoever acts next
//! ```
//!
//! The process holds its file locked (flock) as long as it lives, which nothing outlives, so a file that is not locked is one whose act has
//! ended. What stands in it is `note`; what becomes of it then is `left`.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use suture_log::{Draft, Entry, Time};

use crate::disk;
use crate::error::Error;
use crate::fit::fitting;
use crate::layout::Layout;
use crate::note::{Mark, first_line, later_line};
use crate::settings::Settings;

/// From here on only how an act has ended is still noted: a note of this length tells of two hundred thousand things.
const NOTED_BYTES_MAX: u64 = 32 << 20;

/// An act that this process is doing.
pub struct Pending {
    /// Locked until this is dropped, or the process ends in whatever way.
    file: File,
    path: PathBuf,
    mark: Mark,
    begun: Time,
    said: Mutex<Said>,
}

/// What stands in the file.
struct Said {
    /// Lines after the first that were tried.
    lines: u64,
    /// What they say together; nothing if the last one may be torn.
    entries: Option<Vec<Entry>>,
}

impl Pending {
    /// Notes that an act is begun, of which `drafts` is what is known, beside the log in `directory`, which need not be free or good for
    /// anything else. It is on the disk when this succeeds.
    ///
    /// # Errors
    /// It can't be written, or the act can't be an entry.
    pub fn begin(directory: &Path, now: Time, drafts: &[Draft]) -> Result<Self, Error> {
        let layout = Layout::new(directory);
        let origin = Settings::read_from(&layout)?.vkey.name().to_owned();
        Self::begin_in(&layout, &origin, now, drafts)
    }

    pub(crate) fn begin_in(
        layout: &Layout,
        origin: &str,
        now: Time,
        drafts: &[Draft],
    ) -> Result<Self, Error> {
        let entries = entries(drafts, now)?;
        let directory = layout.pending();
        if disk::create_private_directory(&directory)? {
            disk::sync_directory(layout.root())?;
        }
        let (file, path, name) = own_file(&directory)?;
        let mark = Mark { log: origin.to_owned(), name, id: unlike_others() };
        let said = Mutex::new(Said { lines: 0, entries: Some(entries.clone()) });
        let pending = Self { file, path, mark, begun: now, said };
        let noted = first_line(&pending.mark, now, entries)
            .map_err(|error| pending.unwritable(error))
            .and_then(|line| pending.write(&line))
            .and_then(|()| disk::sync(&pending.file, &pending.path))
            .and_then(|()| disk::sync_directory(&directory));
        if noted.is_err() {
            // It is not begun. If this fails too, it is told as one whose end nobody has seen.
            let _ = pending.remove();
        }
        noted.map(|()| pending)
    }

    /// Notes what is known now. It outlives the process, and is not synced: what it tells more than the beginning is not worth
    /// the wait.
    ///
    /// # Errors
    /// It can't be written. What was noted before still is.
    pub fn note(&self, drafts: &[Draft]) -> Result<(), Error> {
        let failed = |source| Error::Io { what: "read", path: self.path.clone(), source };
        if self.file.metadata().map_err(failed)?.len() > NOTED_BYTES_MAX {
            return Ok(());
        }
        self.say(drafts, None)
    }

    /// Notes how it has ended, for the case that it can't be appended.
    ///
    /// # Errors
    /// It can't be written. What was noted before still is.
    pub fn end(&self, now: Time, drafts: &[Draft]) -> Result<(), Error> {
        self.say(drafts, Some(now))
    }

    /// Forgets it: its entry is in the log, or it was never begun.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        disk::remove_own(&self.file, &self.path)
    }

    pub(crate) fn mark(&self) -> &Mark {
        &self.mark
    }

    fn say(&self, drafts: &[Draft], ended: Option<Time>) -> Result<(), Error> {
        let after = entries(drafts, self.begun)?;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let before = said.entries.take();
        said.lines += 1;
        let line = later_line(said.lines, before.as_deref(), &after, ended);
        self.write(&line.map_err(|error| self.unwritable(error))?)?;
        said.entries = Some(after);
        Ok(())
    }

    /// A line. One that was torn before it must not take this one with it.
    fn write(&self, line: &[u8]) -> Result<(), Error> {
        disk::write(&self.file, &self.path, &[b"\n", line, b"\n"].concat())
    }

    fn unwritable(&self, error: serde_json::Error) -> Error {
        Error::Io { what: "write", path: self.path.clone(), source: error.into() }
    }
}

/// What is noted of drafts: entries that can be appended, but for their time.
fn entries(drafts: &[Draft], when: Time) -> Result<Vec<Entry>, Error> {
    Ok(fitting(drafts, when)?.iter().map(|draft| draft.at(when)).collect())
}

/// A file that is new, locked by this process, and its name. Until it is locked, whoever settles may take it for one whose act was never
/// begun, and remove it; then the next is tried.
fn own_file(directory: &Path) -> Result<(File, PathBuf, String), Error> {
    let mut number = 0_u64;
    loop {
        number += 1;
        let name = number.to_string();
        let path = directory.join(&name);
        if path.symlink_metadata().is_ok() {
            continue;
        }
        let file = match disk::create_private(&path) {
            Ok(file) => file,
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) if disk::is_at(&file, &path) => return Ok((file, path, name)),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(Error::Io { what: "lock", path, source }),
        }
    }
}

/// A text that no other note has. The standard library's hasher is seeded by the system, and no two in a process are alike.
fn unlike_others() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
