//! What is left in `pending/` by processes that are gone. Only what is a note of this log, and whole, becomes entries; anything else is
//! nobody's to remove, stops nothing, and is told.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::batch;
use crate::disk;
use crate::error::Error;
use crate::layout::Layout;
use crate::note::{Content, Mark, Noted};
use crate::reader::Reader;
use crate::settings::{Place, Settings};

/// Longest file, in bytes: the largest batch, with entries of a few kilobytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Something in `pending/` that is no note that could be added to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Where it is.
    pub path: PathBuf,
    /// Why it can't be added.
    pub why: String,
}

/// What a log does not have yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Acts whose processes are gone.
    pub acts: Vec<Noted>,
    /// What may be one, and can't be read or added.
    pub unusable: Vec<Unusable>,
}

/// The file of an act that nobody is doing any more, kept from others who would take it for one.
pub(crate) struct Held {
    file: File,
    path: PathBuf,
}

/// What was found.
pub(crate) enum Found {
    NotBegun(Held),
    Act(Held, Noted),
    Unusable(Unusable),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no note that can be added to the log: {}", self.path.display(), self.why)
    }
}

impl Held {
    pub(crate) fn remove(&self) -> Result<(), Error> {
        disk::remove_own(&self.file, &self.path)
    }

    pub(crate) fn unusable(self, why: impl fmt::Display) -> Unusable {
        Unusable { path: self.path, why: why.to_string() }
    }
}

/// Everything that nobody holds in the `pending/` of these logs: the one that is written, and those that it follows.
pub(crate) fn look(own: &Place, before: &[Place]) -> Result<Vec<Found>, Error> {
    let mut found = look_in(own)?;
    for place in before {
        match look_in(place) {
            Ok(more) => found.extend(more),
            // That an old log can't be looked into is told, and stops nothing in the new one.
            Err(error) => {
                let path = place.layout.pending();
                found.push(Found::Unusable(Unusable { path, why: error.to_string() }));
            }
        }
    }
    Ok(found)
}

/// Acts whose processes are gone, and which the log in `directory` does not have yet. Nothing is changed.
///
/// # Errors
/// The log, or the directory of what is pending, can't be read.
pub fn cut_short(directory: &Path) -> Result<Waiting, Error> {
    let layout = Layout::new(directory);
    let mut waiting = Waiting::default();
    // What is no log, but a copy of its public part or a file, has nothing that is pending.
    if !layout.settings().is_file() {
        return Ok(waiting);
    }
    let settings = Settings::read_from(&layout)?;
    let before = settings.predecessors();
    let own = Place { layout, origin: settings.vkey.name().to_owned() };
    for found in look(&own, &before)? {
        match found {
            Found::NotBegun(_) => {}
            Found::Unusable(unusable) => waiting.unusable.push(unusable),
            Found::Act(held, noted) => {
                let told = batch::told(&own.layout, Reader::open(directory)?.size())?;
                // It may have been added and removed since it was found.
                if !told.contains(&noted.mark) && disk::is_at(&held.file, &held.path) {
                    waiting.acts.push(noted);
                }
            }
        }
    }
    Ok(waiting)
}

/// Removes the notes whose entries are in the log, as far as they are still there.
pub(crate) fn forget(places: &[&Place], told: &[Mark]) -> Result<(), Error> {
    for mark in told {
        let Some(place) = places.iter().find(|place| place.origin == mark.log) else { continue };
        let path = place.layout.pending().join(&mark.name);
        let Ok(Some(file)) = open(&path, File::options().read(true)) else { continue };
        if let Ok(Content::Noted(noted)) = read(&file, &place.origin, &mark.name)
            && noted.mark == *mark
        {
            disk::remove_own(&file, &path)?;
        }
    }
    Ok(())
}

fn look_in(place: &Place) -> Result<Vec<Found>, Error> {
    let paths = files(&place.layout)?;
    Ok(paths.iter().filter_map(|path| look_at(path, &place.origin).transpose()).map(into_found).collect())
}

fn into_found(found: Result<Found, Unusable>) -> Found {
    found.unwrap_or_else(Found::Unusable)
}

/// What a file is; nothing if it is that of an act that is going on, or has gone since.
fn look_at(path: &Path, origin: &str) -> Result<Option<Found>, Unusable> {
    let unusable = |why: &dyn fmt::Display| Unusable { path: path.to_owned(), why: why.to_string() };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unusable(&"its name is no number"));
    }
    let opened = open(path, File::options().read(true)).map_err(|error| unusable(&error))?;
    let Some(file) = opened else { return Ok(None) };
    // As readers lock it, which keeps no other reader away.
    match file.try_lock_shared() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(unusable(&error)),
    }
    let content = read(&file, origin, name).map_err(|error| unusable(&error))?;
    let held = Held { file, path: path.to_owned() };
    Ok(Some(match content {
        Content::NotBegun => Found::NotBegun(held),
        Content::Noted(noted) => Found::Act(held, noted),
        Content::Unusable(why) => return Err(held.unusable(why)),
    }))
}

/// A regular file, which does not keep whoever opens it waiting; nothing if it is not there.
fn open(path: &Path, options: &mut fs::OpenOptions) -> io::Result<Option<File>> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = match options.custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if file.metadata()?.is_file() { Ok(Some(file)) } else { Err(io::Error::other("it is no regular file")) }
}

fn read(file: &File, origin: &str, name: &str) -> io::Result<Content> {
    let mut content = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_BYTES_MAX {
        return Ok(Content::Unusable(format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    Ok(Noted::read(&content, origin, name))
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
