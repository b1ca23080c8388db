//! The one door to the file system: every operation that changes something passes [`step`].
//!
//! There it is counted and, in tests, fails or is the last one; so a test can end the writer behind each operation in
//! turn. What is not synced when the machine loses power may be gone or not, in any order: whoever needs one thing to
//! be there before another syncs the one first.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::Error;

/// Names the operation, counted from 1, at which something is to happen: a test hook. `kill-after:N` kills the writer
/// behind it, `fail:N` lets it fail like a full disk, and `kill-within:N` kills the writer when half of the N-th content is
/// written.
const FAULT_VARIABLE: &str = "SUTURE_TILES_FAULT";

static OPERATIONS: AtomicU64 = AtomicU64::new(0);
static WRITES: AtomicU64 = AtomicU64::new(0);

/// What a test wants to happen at an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    KillAfter,
    KillWithin,
    Fail,
}

/// How many operations this process has made on logs, for tests that end it behind each in turn.
pub fn operations_made() -> u64 {
    OPERATIONS.load(Ordering::Relaxed)
}

/// A file whose content is written but may be lost with the power. Writing many before the first is synced lets the
/// file system do for all of them at once what it would do for each.
#[must_use = "what is not synced is not kept"]
pub(crate) struct Unsynced {
    file: File,
    path: PathBuf,
}

impl Unsynced {
    /// Makes sure that the content stays. The name is not the file's: see [`sync_directory`].
    pub(crate) fn sync(self) -> Result<(), Error> {
        sync(&self.file, &self.path)
    }

    fn write(file: File, path: &Path, content: &[u8]) -> Result<Self, Error> {
        write(&file, path, content)?;
        Ok(Self { file, path: path.to_owned() })
    }
}

/// A file that was not there before.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<Unsynced, Error> {
    Unsynced::write(create_new(path)?, path, content)
}

/// A file that was not there before, to add to.
pub(crate) fn create_new(path: &Path) -> Result<File, Error> {
    step("create", path, || OpenOptions::new().read(true).append(true).create_new(true).open(path))
}

/// Makes sure that the content of an open file stays.
pub(crate) fn sync(file: &File, path: &Path) -> Result<(), Error> {
    step("sync", path, || file.sync_all())
}

/// A file, whatever it was before.
pub(crate) fn write_over(path: &Path, content: &[u8]) -> Result<Unsynced, Error> {
    let file = step("create", path, || File::create(path))?;
    Unsynced::write(file, path, content)
}

/// Adds to the end of a file.
pub(crate) fn append(path: &Path, content: &[u8]) -> Result<Unsynced, Error> {
    let file = step("open", path, || OpenOptions::new().append(true).create(true).open(path))?;
    Unsynced::write(file, path, content)
}

/// Cuts a file off, synced.
pub(crate) fn truncate(path: &Path, len: u64) -> Result<(), Error> {
    let file = step("open", path, || OpenOptions::new().write(true).open(path))?;
    step("cut", path, || file.set_len(len))?;
    step("sync", path, || file.sync_all())
}

/// Gives a file another name, in one instant.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    step("rename", to, || fs::rename(from, to))
}

/// Makes a directory; whether it was not there before.
pub(crate) fn create_directory(path: &Path) -> Result<bool, Error> {
    step("create", path, || match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    })
}

/// Makes sure that the names in a directory stay.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    step("sync", path, || File::open(path)?.sync_all())
}

/// Removes a file; whether it was there.
pub(crate) fn remove_file(path: &Path) -> Result<bool, Error> {
    step("remove", path, || present(fs::remove_file(path)))
}

/// Removes an empty directory; whether it was there.
pub(crate) fn remove_directory(path: &Path) -> Result<bool, Error> {
    step("remove", path, || present(fs::remove_dir(path)))
}

fn present(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes where an open file is, at its end if it was made to add to.
pub(crate) fn write(mut file: &File, path: &Path, content: &[u8]) -> Result<(), Error> {
    let number = WRITES.fetch_add(1, Ordering::Relaxed) + 1;
    if is_to_happen(Fault::KillWithin, number) {
        let _ = file.write_all(&content[..content.len() / 2]);
        die();
    }
    step("write", path, || file.write_all(content))
}

fn step<T>(what: &'static str, path: &Path, body: impl FnOnce() -> io::Result<T>) -> Result<T, Error> {
    let number = OPERATIONS.fetch_add(1, Ordering::Relaxed) + 1;
    let fails = is_to_happen(Fault::Fail, number);
    let result = if fails { Err(io::ErrorKind::StorageFull.into()) } else { body() };
    if is_to_happen(Fault::KillAfter, number) {
        die();
    }
    result.map_err(|source| Error::Io { what, path: path.to_owned(), source })
}

fn die() {
    // If the signal can't be sent, the test that wanted it fails.
    let _ = kill(Pid::this(), Signal::SIGKILL);
}

fn is_to_happen(fault: Fault, number: u64) -> bool {
    static WANTED: OnceLock<Option<(Fault, u64)>> = OnceLock::new();
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var(FAULT_VARIABLE).ok()?;
        let (kind, number) = text.split_once(':')?;
        let fault = match kind {
            "kill-after" => Fault::KillAfter,
            "kill-within" => Fault::KillWithin,
            "fail" => Fault::Fail,
            _ => return None,
        };
        Some((fault, number.parse().ok()?))
    });
    *wanted == Some((fault, number))
}
