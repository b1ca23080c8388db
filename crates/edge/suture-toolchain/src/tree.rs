//! Walking a source tree: copying it as it is, and digesting it.

use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::interrupt::Watch;

/// The mark of directories that hold nothing but what can be made again: <https://bford.info/cachedir/>.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// Copies the tree at `from` into the empty directory `to`: files, links, modes and times. Caches (such as
/// cargo's `target`), sockets and devices stay behind.
pub(crate) fn copy(watch: &Watch, from: &Path, to: &Path) -> io::Result<()> {
    let mut directories = Vec::new();
    walk(watch, from, &mut |entry| {
        let target = to.join(entry.relative);
        let metadata = fs::symlink_metadata(entry.path)?;
        if metadata.is_symlink() {
            return std::os::unix::fs::symlink(fs::read_link(entry.path)?, target);
        }
        if metadata.is_dir() {
            fs::create_dir_all(&target)?;
            directories.push((target, metadata));
            return Ok(());
        }
        fs::copy(entry.path, &target)?;
        File::options()
            .write(true)
            .open(&target)
            .or_else(|_| File::open(&target))
            .and_then(|file| file.set_times(FileTimes::new().set_modified(metadata.modified()?)))
    })?;
    // Last, because writing into a directory changes its time, and a mode may forbid it.
    for (path, metadata) in directories.into_iter().rev() {
        File::open(&path)?.set_times(FileTimes::new().set_modified(metadata.modified()?))?;
        fs::set_permissions(path, fs::Permissions::from_mode(metadata.permissions().mode() | 0o700))?;
    }
    Ok(())
}

/// SHA-256 over paths, kinds and contents of all that [`copy`] copies but the version control's own files, and the newest
/// time of a file. Of the modes only counts what version control keeps: the rest is another in each checkout.
pub(crate) fn digest(watch: &Watch, root: &Path) -> io::Result<(String, SystemTime)> {
    let mut hash = Sha256::new();
    let mut newest = SystemTime::UNIX_EPOCH;
    walk(watch, root, &mut |entry| {
        if entry.relative.starts_with(".git") {
            return Ok(());
        }
        let metadata = fs::symlink_metadata(entry.path)?;
        let name = entry.relative.as_os_str().as_bytes();
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        let content = if metadata.is_symlink() {
            fs::read_link(entry.path)?.into_os_string().as_bytes().to_vec()
        } else if metadata.is_dir() {
            Vec::new()
        } else {
            newest = newest.max(metadata.modified()?);
            fs::read(entry.path)?
        };
        hash.update(kind(&metadata).to_le_bytes());
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(&content);
        Ok(())
    })?;
    Ok((suture_delta::model::hex(&hash.finalize()), newest))
}

/// The mode as git spells it.
fn kind(metadata: &fs::Metadata) -> u32 {
    const DIRECTORY: u32 = 0o040_000;
    const LINK: u32 = 0o120_000;
    const PLAIN: u32 = 0o100_644;
    const EXECUTABLE: u32 = 0o100_755;
    if metadata.is_dir() {
        DIRECTORY
    } else if metadata.is_symlink() {
        LINK
    } else if metadata.permissions().mode() & 0o100 == 0 {
        PLAIN
    } else {
        EXECUTABLE
    }
}

struct Entry<'p> {
    path: &'p Path,
    relative: &'p Path,
}

/// Visits everything below `root` in the order of names, directories before what is in them.
fn walk(watch: &Watch, root: &Path, visit: &mut dyn FnMut(Entry<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut waiting = vec![PathBuf::new()];
    while let Some(relative) = waiting.pop() {
        watch.check()?;
        let path = root.join(&relative);
        if !relative.as_os_str().is_empty() {
            visit(Entry { path: &path, relative: &relative }).map_err(|error| named(&path, &error))?;
        }
        if !fs::symlink_metadata(&path)?.is_dir() {
            continue;
        }
        let names = fs::read_dir(&path).map_err(|error| named(&path, &error))?;
        let mut below: Vec<PathBuf> = names
            .map(|entry| entry.map(|entry| relative.join(entry.file_name())))
            .collect::<io::Result<_>>()?;
        below.retain(|below| is_source(&root.join(below)));
        below.sort_unstable_by(|a, b| b.cmp(a));
        waiting.extend(below);
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| {
        let kind = metadata.file_type();
        kind.is_file() || kind.is_symlink() || (kind.is_dir() && !path.join(CACHE_MARK).exists())
    })
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
