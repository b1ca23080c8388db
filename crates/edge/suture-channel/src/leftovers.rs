//! What is left by those who did not get to their end: files under temporary names, and those of a publication that failed. Nobody
//! is told of them, and a web server would serve them all the same, for ever.
//!
//! What a publication is about to write is noted before, so that what is taken away is exactly that. What was public once is left
//! alone: clients may be fetching it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::carry_out::Write;
use crate::limits::TARGETS_LEN_MAX;
use crate::published::Published;
use crate::{ChannelError, Place, Role, place};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    schema: u32,
    /// Names in `public/metadata`.
    metadata: BTreeSet<String>,
    /// Names in `public/targets`.
    targets: BTreeSet<String>,
}

const SCHEMA: u32 = 1;
/// Longest note, in bytes: more than the names of the most files.
const NOTE_LEN_MAX: u64 = 2 * TARGETS_LEN_MAX;

/// Notes what is about to be written. Timestamp and root are not among it: where they are the publication is public, or about to be.
pub(crate) fn note(place: &Place, writes: &[Write]) -> Result<(), ChannelError> {
    let writes = writes.iter().filter(|write| !write.is_timestamp() && !write.is_root());
    let (targets, metadata): (Vec<&Write>, Vec<_>) =
        writes.partition(|write| write.path.starts_with(place.targets()));
    let note = Note { schema: SCHEMA, metadata: names(&metadata), targets: names(&targets) };
    let path = file(place);
    let text = serde_json::to_vec(&note)
        .map_err(|error| ChannelError::input(format!("`{}`", path.display()), error, ""))?;
    place::replace(&path, &text)
}

fn names(writes: &[&Write]) -> BTreeSet<String> {
    let names = writes.iter().filter_map(|write| write.path.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// The publication that was noted is complete.
pub(crate) fn forget(place: &Place) -> Result<(), ChannelError> {
    place::remove(&file(place))
}

/// Takes away what is left. The lock says that nobody is writing.
pub(crate) fn clear(place: &Place) -> Result<(), ChannelError> {
    let own = place.directory();
    let pending = own.join("pending");
    for directory in [own.to_owned(), pending, place.content(), place.metadata(), place.targets()] {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        for entry in
            entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(place::UNFINISHED))
        {
            place::remove(&entry.path())?;
        }
    }
    let path = file(place);
    let Some(text) = place::read(&path, NOTE_LEN_MAX)? else { return Ok(()) };
    let note: Note = serde_json::from_slice(&text).map_err(|error| {
        let help = "remove it, and look into `public` for what `suture channel show` does not list";
        ChannelError::input(format!("`{}`", path.display()), error, help)
    })?;
    take_back(place, &note)?;
    forget(place)
}

/// Takes away what the channel does not show.
fn take_back(place: &Place, note: &Note) -> Result<(), ChannelError> {
    let published = Published::read(place)?;
    let shown: BTreeSet<String> =
        published.files().into_iter().map(|(name, sha256)| format!("{sha256}.{name}")).collect();
    for name in note.targets.iter().filter(|name| !shown.contains(*name)) {
        place::remove(&inside(&place.targets(), name))?;
    }
    let shown: BTreeSet<String> = [Role::Targets, Role::Snapshot, Role::Patches]
        .into_iter()
        .filter_map(|role| Some(format!("{}.{role}.json", published.version(role)?)))
        .collect();
    for name in note.metadata.iter().filter(|name| !shown.contains(*name)) {
        empty(&inside(&place.metadata(), name))?;
    }
    Ok(())
}

/// The file stays: its version is not given to another one, which caches would take for it.
fn empty(path: &Path) -> Result<(), ChannelError> {
    if !path.is_file() {
        return Ok(());
    }
    let emptied = File::options().write(true).truncate(true).open(path).and_then(|file| file.sync_all());
    emptied.map_err(ChannelError::at(path))
}

/// A name never leads out of the directory, whoever has written the note.
fn inside(directory: &Path, name: &str) -> PathBuf {
    directory.join(Path::new(name).file_name().unwrap_or_default())
}

pub(crate) fn file(place: &Place) -> PathBuf {
    place.directory().join("pending/publication.json")
}
