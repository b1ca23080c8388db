//! Carrying out a plan: its files are written in order, and with `timestamp.json` it is public.
//!
//! What fails before that leaves the old channel, and nothing of the new one is served. What fails after it does not make it less
//! public: it is told beside what was published.

use std::path::{Path, PathBuf};

use crate::limits::FILE_LEN_MAX;
use crate::{ChannelError, Place, Plan, leftovers, metadata, place};

/// One file to write, as a whole.
#[derive(Debug, Clone)]
pub struct Write {
    /// Where.
    pub path: PathBuf,
    pub(crate) content: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// A copy of a file, which must have this digest still.
    File {
        from: PathBuf,
        sha256: String,
    },
}

/// The file that makes a publication public.
pub(crate) const TIMESTAMP: &str = "timestamp.json";

impl Write {
    /// Writes it, as a whole or not at all.
    ///
    /// # Errors
    /// It can't be written, or what is to be copied has changed.
    pub fn carry_out(&self) -> Result<(), ChannelError> {
        match &self.content {
            Content::Bytes(bytes) => place::replace(&self.path, bytes),
            Content::File { from, sha256 } => {
                let bytes = place::read(from, FILE_LEN_MAX)?.unwrap_or_default();
                if metadata::sha256(&metadata::target(&bytes)) != *sha256 {
                    let what = format!("`{}`", from.display());
                    return Err(ChannelError::input(
                        what,
                        "it has changed since it was signed",
                        "publish again",
                    ));
                }
                place::replace(&self.path, &bytes)
            }
        }
    }

    pub(crate) fn is_timestamp(&self) -> bool {
        self.path.ends_with(TIMESTAMP)
    }

    pub(crate) fn is_root(&self) -> bool {
        self.path.to_string_lossy().ends_with(".root.json")
    }

    /// Whether it has come to its place although writing it failed: then only the disk has not confirmed it.
    fn is_there(&self) -> bool {
        let Content::Bytes(bytes) = &self.content else { return false };
        place::read(&self.path, FILE_LEN_MAX).is_ok_and(|found| found.as_ref() == Some(bytes))
    }
}

/// Writes everything, has `swept` away what is in the channel no more, and gives what could not be done once it was public.
pub(crate) fn carry_out(
    place: &Place,
    plan: &Plan,
    swept: impl FnOnce() -> Result<(), ChannelError>,
) -> Result<Vec<String>, ChannelError> {
    leftovers::note(place, &plan.writes)?;
    let public = plan.writes.iter().take_while(|write| !write.is_timestamp()).count();
    let (before, after) = plan.writes.split_at(public);
    for (at, write) in before.iter().enumerate() {
        write.carry_out().map_err(|error| undone(place, &before[..at], error))?;
    }
    let mut left = Vec::new();
    for write in after {
        match write.carry_out() {
            Ok(()) => {}
            Err(error) if write.is_there() => left.push(format!("{error}: look at the disk")),
            Err(error) if write.is_timestamp() => return Err(undone(place, before, error)),
            // The root that comes after it still waits, and the next publication brings it.
            Err(error) => left.push(format!("{error}: the new root is not public yet; publish again")),
        }
    }
    let mut clean = |done: Result<(), ChannelError>, path: &Path| {
        if let Err(error) = done {
            left.push(format!("{error}: look into `{}`", path.display()));
        }
    };
    if after.iter().all(|write| !write.is_root() || write.is_there()) {
        clean(place::remove(&place.pending_root()), &place.pending_root());
    }
    clean(swept(), &place.embargo());
    clean(leftovers::forget(place), &leftovers::file(place));
    Ok(left)
}

/// Takes back what was written of a publication that has failed. What can't be now is by the next command.
fn undone(place: &Place, written: &[Write], error: ChannelError) -> ChannelError {
    let _ = leftovers::clear(place);
    match written.iter().find(|write| write.is_root()) {
        // Clients follow it already, so it stays.
        Some(root) => ChannelError::HalfPublished { root: root.path.clone(), why: error.to_string() },
        None => error,
    }
}
