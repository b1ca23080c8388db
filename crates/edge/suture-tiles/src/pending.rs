//! `pending/`: acts that are going on, or have ended without anybody to say so. Each has a file beside the log, from before it begins until
//! its entry is in the log; so an act has its entry even if the program that does it is killed.
//!
//! ```text
//!  begin: the file, locked and synced ─► the act ─► finish: a line with the place of the entry, synced ─► append ─► the file is removed
//!                     └ a line whenever more is known                  killed anywhere: Log::settle, by whoever acts next
//! ```
//!
//! A line is all that is known at that moment, and the last whole one counts. The process holds its file locked (flock) as long as
//! it lives, which nothing outlives, so a file that is not locked is one whose act has ended. The place in the last line is where the entry is,
//! if it has been appended; what stands there decides that, and so no act is told twice.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suture_log::{Draft, Entry, Time, Value};

use crate::disk;
use crate::error::Error;
use crate::layout::{Layout, read_up_to};
use crate::reader::Reader;

/// From here on only how an act has ended is still noted: what is said of one act at its beginning is some hundred bytes.
const NOTED_BYTES_MAX: u64 = 1 << 20;
/// Longest file, in bytes: the largest batch, with entries of a few kilobytes.
const FILE_BYTES_MAX: usize = 64 << 20;

/// An act that this process is doing.
pub struct Pending {
    /// Locked until this is dropped, or the process ends in whatever way.
    file: File,
    path: PathBuf,
    begun: Time,
}

/// What was noted of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// When it was begun.
    pub begun: Time,
    /// When it ended; nothing if nobody has seen that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// The number that its first entry has, if it has been appended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    /// What is known of it, as entries.
    pub entries: Vec<Entry>,
}

impl Pending {
    /// Notes that an act is begun. The log's lock is held, so that nobody takes the file for that of a killed process before it
    /// is locked.
    pub(crate) fn begin(layout: &Layout, now: Time, drafts: &[Draft]) -> Result<Self, Error> {
        let directory = layout.pending();
        if disk::create_directory(&directory)? {
            disk::sync_directory(layout.root())?;
        }
        let mut names = (1_u64..).map(|number| directory.join(number.to_string()));
        let path = names.find(|path| path.symlink_metadata().is_err()).unwrap_or_default();
        let file = disk::create_new(&path)?;
        let failed = |source| Error::Io { what: "lock", path: path.clone(), source };
        // Whoever only looks may have it for a moment.
        file.lock().map_err(failed)?;
        let pending = Self { file, path, begun: now };
        let noted = pending
            .write(&Noted::new(now, None, drafts))
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
        if self.len()? > NOTED_BYTES_MAX {
            return Ok(());
        }
        self.write(&Noted::new(self.begun, None, drafts))
    }

    /// Notes how it has ended, for the case that it can't be appended.
    ///
    /// # Errors
    /// It can't be written. What was noted before still is.
    pub fn end(&self, now: Time, drafts: &[Draft]) -> Result<(), Error> {
        self.write(&Noted::new(self.begun, Some(now), drafts))
    }

    /// Notes, for good, that the entry at `at` will be that of this act.
    pub(crate) fn will_be(&self, at: u64, when: Time, noted: &Noted, drafts: &[Draft]) -> Result<(), Error> {
        let entries = drafts.iter().map(|draft| draft.at(when)).collect();
        self.write(&Noted { at: Some(at), entries, ..noted.clone() })?;
        disk::sync(&self.file, &self.path)
    }

    /// Forgets it: its entry is in the log, or it was never begun.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        disk::remove_file(&self.path).map(drop)
    }

    pub(crate) fn noted(&self, ended: Time, drafts: &[Draft]) -> Noted {
        Noted::new(self.begun, Some(ended), drafts)
    }

    fn len(&self) -> Result<u64, Error> {
        let failed = |source| Error::Io { what: "read", path: self.path.clone(), source };
        self.file.metadata().map(|metadata| metadata.len()).map_err(failed)
    }

    /// A line. One that was torn before it must not take this one with it.
    fn write(&self, noted: &Noted) -> Result<(), Error> {
        let unwritable = |error: serde_json::Error| Error::Io {
            what: "write",
            path: self.path.clone(),
            source: error.into(),
        };
        let json = serde_json::to_vec(noted).map_err(unwritable)?;
        disk::write(&self.file, &self.path, &[b"\n", json.as_slice(), b"\n"].concat())
    }
}

impl Noted {
    fn new(begun: Time, ended: Option<Time>, drafts: &[Draft]) -> Self {
        let entries = drafts.iter().map(|draft| draft.at(ended.unwrap_or(begun))).collect();
        Self { begun, ended, at: None, entries }
    }

    /// The last whole line. Without any, the act was not begun: its first line is synced before that.
    fn last_of(content: &[u8]) -> Option<Self> {
        let end = content.iter().rposition(|byte| *byte == b'\n')?;
        content[..end].rsplit(|byte| *byte == b'\n').find_map(|line| {
            let noted: Self = serde_json::from_slice(line).ok()?;
            let is_good =
                !noted.entries.is_empty() && noted.entries.iter().all(|entry| entry.encode().is_ok());
            is_good.then_some(noted)
        })
    }

    /// Whether the log has it.
    fn is_in(&self, reader: &Reader) -> Result<bool, Error> {
        match (self.at, self.entries.first().and_then(|entry| entry.encode().ok())) {
            (Some(at), Some(entry)) if at < reader.size() => Ok(reader.entry_bytes(at)? == entry),
            _ => Ok(false),
        }
    }

    /// What is appended in its place: what is known, and that nobody was there to say it in time.
    pub(crate) fn late(&self) -> Vec<Draft> {
        let end = match self.ended {
            Some(ended) => ("ended", ended.to_string()),
            None => ("end", "unseen".to_owned()),
        };
        let late = [("begun", self.begun.to_string()), end];
        let late = late.map(|(name, text)| (name.to_owned(), Value::Text(text)));
        let draft = |entry: &Entry| {
            let mut draft = Draft::from(entry.clone());
            draft.detail.extend(late.clone());
            draft
        };
        self.entries.iter().map(draft).collect()
    }
}

/// What becomes of the file of an act whose process is gone.
pub(crate) enum Left {
    /// Nothing has to be said: nothing was begun, or the log has it.
    Nothing(Pending),
    /// The log does not have it.
    Act(Pending, Box<Noted>),
}

/// The files of acts whose processes are gone.
pub(crate) fn left(layout: &Layout, reader: &Reader) -> Result<Vec<Left>, Error> {
    let mut found = Vec::new();
    for path in files(layout)? {
        let Some(file) = released(&path, File::options().read(true).append(true))? else { continue };
        let noted = read_up_to(&path, FILE_BYTES_MAX)?.and_then(|content| Noted::last_of(&content));
        let begun = noted.as_ref().map_or(Time::from_unix_ms(0)?, |noted| noted.begun);
        let pending = Pending { file, path, begun };
        found.push(match noted {
            Some(noted) if !noted.is_in(reader)? => Left::Act(pending, Box::new(noted)),
            _ => Left::Nothing(pending),
        });
    }
    Ok(found)
}

/// Acts whose processes are gone, and which the log does not have yet. Nothing is changed.
///
/// # Errors
/// The directory, or a file in it, can't be read.
pub fn cut_short(directory: &Path) -> Result<Vec<Noted>, Error> {
    let mut found = Vec::new();
    for path in files(&Layout::new(directory))? {
        // It is locked while it is read, so that nobody settles it meanwhile.
        let Some(_file) = released(&path, File::options().read(true))? else { continue };
        let content = read_up_to(&path, FILE_BYTES_MAX)?.unwrap_or_default();
        if let Some(noted) = Noted::last_of(&content)
            && !noted.is_in(&Reader::open(directory)?)?
        {
            found.push(noted);
        }
    }
    Ok(found)
}

/// The files, in an order.
fn files(layout: &Layout) -> Result<Vec<PathBuf>, Error> {
    let directory = layout.pending();
    let failed = |source| Error::Io { what: "read", path: directory.clone(), source };
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let paths: Result<Vec<PathBuf>, Error> =
        entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect();
    let mut paths = paths?;
    paths.sort();
    Ok(paths)
}

/// A file whose act nobody is doing any more. It is locked as readers lock it, which a reader does not keep from us.
fn released(path: &Path, options: &fs::OpenOptions) -> Result<Option<File>, Error> {
    let failed = |what, source| Error::Io { what, path: path.to_owned(), source };
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed("lock", source)),
    }
}
