//! The one door to the file system: every operation that changes something passes [`step`].
//!
//! There it is counted and, in tests, fails or is the last one; so a test can end the writer behind each operation in
//! turn. What is not synced when the machine loses power may be gone or not, in any order: whoever needs one thing to
//! be there before another syncs the one first.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
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

const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_DIRECTORY: u32 = 0o700;

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
    let mut options = OpenOptions::new();
    let file = step("create", path, || options.write(true).create_new(true).open(path))?;
    Unsynced::write(file, path, content)
}

/// A file that nobody else may open, and so nobody else can lock; it was not there before.
pub(crate) fn create_private(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true).mode(PRIVATE_FILE);
    step("create", path, || options.open(path))
}

/// A file that nobody else may open, whether it was there or not. Where others could open it before, they no longer can.
pub(crate) fn open_private(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(PRIVATE_FILE);
    let file = step("open", path, || options.open(path))?;
    restrict(path, PRIVATE_FILE)?;
    Ok(file)
}

/// A directory that nobody else may look into; whether it was not there before.
pub(crate) fn create_private_directory(path: &Path) -> Result<bool, Error> {
    let is_new = step("create", path, || match fs::DirBuilder::new().mode(PRIVATE_DIRECTORY).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    })?;
    if !is_new {
        restrict(path, PRIVATE_DIRECTORY)?;
    }
    Ok(is_new)
}

/// Takes away what others may do, if they may do anything.
fn restrict(path: &Path, mode: u32) -> Result<(), Error> {
    const OTHERS: u32 = 0o077;
    let failed = |source| Error::Io { what: "read", path: path.to_owned(), source };
    if path.metadata().map_err(failed)?.mode() & OTHERS == 0 {
        return Ok(());
    }
    step("restrict", path, || fs::set_permissions(path, fs::Permissions::from_mode(mode)))
}

/// Whether this open file is the one that has the name.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (file.metadata(), path.symlink_metadata()) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// Removes a file that is open, if the name is still its own.
pub(crate) fn remove_own(file: &File, path: &Path) -> Result<(), Error> {
    if is_at(file, path) { remove_file(path).map(drop) } else { Ok(()) }
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
