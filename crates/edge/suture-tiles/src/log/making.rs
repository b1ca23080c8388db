//! How a log begins, and how it ends: with its first entries, or with another that follows it.

use std::fs::File;
use std::path::Path;

use suture_log::{Checkpoint, Draft, Hash, SignedCheckpoint, Signer, Time};

use super::{LOCK_WAIT_MAX, Log, is_key_of, lock, publish, signed_checkpoint};
use crate::disk;
use crate::error::Error;
use crate::layout::Layout;
use crate::reader::read_checkpoint;
use crate::settings::Settings;

/// A log that is to be followed by another. Nobody appends to it as long as this is held.
pub struct Predecessor {
    layout: Layout,
    _lock: File,
    settings: Settings,
    checkpoint: SignedCheckpoint,
}

impl Log {
    /// Makes an empty log in `directory`, which may be there. What a killed attempt has left is no hindrance.
    ///
    /// # Errors
    /// There is a log already, or it can't be written.
    pub fn create<S: Signer + ?Sized>(
        directory: &Path,
        settings: &Settings,
        signer: &S,
    ) -> Result<Self, Error> {
        let (log, is_there) = Self::prepare(directory, settings, signer)?;
        if !is_there {
            publish(&log.layout, &log.checkpoint)?;
        }
        Ok(log)
    }

    /// Makes a log that has entries from its first moment on, so that no other can be the first. They are asked for when everything else is
    /// ready. An empty log of the same key is finished.
    ///
    /// # Errors
    /// There is a log already, or it can't be written.
    pub fn create_with<S: Signer + ?Sized>(
        directory: &Path,
        settings: &Settings,
        signer: &S,
        first: impl FnOnce() -> Result<(Time, Vec<Draft>), Error>,
    ) -> Result<Self, Error> {
        let (mut log, _) = Self::prepare(directory, settings, signer)?;
        let (now, drafts) = first()?;
        log.append(now, &drafts, signer)?;
        Ok(log)
    }

    /// An empty log, whose checkpoint has yet to be published, unless it is there.
    fn prepare<S: Signer + ?Sized>(
        directory: &Path,
        settings: &Settings,
        signer: &S,
    ) -> Result<(Self, bool), Error> {
        let layout = Layout::new(directory);
        std::fs::create_dir_all(directory).map_err(|source| Error::Io {
            what: "create",
            path: directory.to_owned(),
            source,
        })?;
        let lock = lock(&layout, LOCK_WAIT_MAX)?;
        let there = read_checkpoint(&layout)?;
        let is_there = there.is_some();
        let is_own = |checkpoint: &SignedCheckpoint| {
            checkpoint.checkpoint().size == 0 && checkpoint.is_signed_by(&settings.vkey)
        };
        if there.as_ref().is_some_and(|there| !is_own(there)) {
            return Err(Error::Exists(directory.to_owned()));
        }
        if !is_key_of(&settings.vkey, signer) {
            return Err(Error::WrongKey { origin: settings.vkey.name().to_owned() });
        }
        settings.write_to(&layout)?;
        disk::create_directory(layout.public())?;
        disk::sync_directory(layout.root())?;
        let checkpoint = if let Some(there) = there {
            there
        } else {
            // Without a checkpoint there are none that it replaced.
            disk::remove_file(&layout.history())?;
            let origin = settings.vkey.name().to_owned();
            Checkpoint { origin, size: 0, root: Hash::of_nothing() }.sign(signer)?
        };
        Ok((Self::at(layout, lock, settings, checkpoint)?, is_there))
    }
}

impl Predecessor {
    /// Keeps others from appending to the log in `directory`, and settles what its last writer has left half done.
    ///
    /// # Errors
    /// There is no log, it is busy, or its checkpoint is not signed with its key.
    pub fn hold(directory: &Path) -> Result<Self, Error> {
        let layout = Layout::new(directory);
        let settings = Settings::read_from(&layout)?;
        let lock = lock(&layout, LOCK_WAIT_MAX)?;
        let checkpoint = signed_checkpoint(&layout, &settings.vkey)?;
        let log = Log::at(layout.clone(), lock, &settings, checkpoint)?;
        let Log { _lock: lock, checkpoint, .. } = log;
        Ok(Self { layout, _lock: lock, settings, checkpoint })
    }

    /// Its newest checkpoint.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// From here on the log takes no entry, for good: `successor` follows it.
    ///
    /// # Errors
    /// Another follows it already, or it can't be written.
    pub fn close(&mut self, successor: &str) -> Result<(), Error> {
        match &self.settings.successor {
            // An earlier attempt has got this far.
            Some(known) if known == successor => return Ok(()),
            Some(known) => {
                let directory = self.layout.root().to_owned();
                return Err(Error::Followed { directory, successor: known.clone() });
            }
            None => {}
        }
        self.settings.successor = Some(successor.to_owned());
        self.settings.write_to(&self.layout)?;
        disk::sync_directory(self.layout.root())
    }
}
