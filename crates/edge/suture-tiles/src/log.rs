//! The writer: batches of entries that are in the log as a whole, on the disk, or not at all. How a log begins and ends is in `making`, and
//! how acts are recorded that go on in `acts`.

mod acts;
mod making;

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use suture_log::tile::{self, Shelf, WIDTH};
use suture_log::{Checkpoint, Draft, SignedCheckpoint, Signer, Time, VerifierKey};

use crate::batch;
use crate::disk::{self, Unsynced};
use crate::edge::{Edge, NewFile};
use crate::error::Error;
use crate::history;
use crate::layout::Layout;
use crate::left;
use crate::reader::read_checkpoint;
use crate::recovery;
use crate::settings::{Place, Settings};
use crate::wait::lock_within;

pub use acts::Settled;
pub use making::Predecessor;

/// Most entries of one batch. It bounds memory, and where recovery has to look.
pub const BATCH_ENTRIES_MAX: usize = 16_384;
/// How long other writers are waited for: a hundred of them, on a slow disk.
pub const LOCK_WAIT_MAX: Duration = Duration::from_mins(1);

/// A log that this process alone appends to.
pub struct Log {
    layout: Layout,
    /// Held until the log is dropped, or the process ends in whatever way.
    _lock: File,
    key: VerifierKey,
    /// The logs that this one follows.
    predecessors: Vec<Place>,
    edge: Edge,
    checkpoint: SignedCheckpoint,
    /// Last record of the history.
    recorded: Vec<u8>,
    /// Directories that are known to be there.
    directories: HashSet<PathBuf>,
    is_poisoned: bool,
}

/// A batch that is in the log for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Number of its first entry.
    pub first: u64,
    /// The times that its entries have got, in order.
    pub times: Vec<Time>,
}

impl Log {
    /// Opens the log in `directory` to append to it, waiting for other writers for a while. What a killed writer has
    /// left half done is removed.
    ///
    /// # Errors
    /// There is no log, it is damaged or busy, another follows it, or `signer` does not have its key.
    pub fn open<S: Signer + ?Sized>(directory: &Path, signer: &S) -> Result<Self, Error> {
        Self::open_within(directory, signer, LOCK_WAIT_MAX)
    }

    /// The same with another while.
    ///
    /// # Errors
    /// As with [`Self::open`].
    pub fn open_within<S: Signer + ?Sized>(
        directory: &Path,
        signer: &S,
        wait_max: Duration,
    ) -> Result<Self, Error> {
        let layout = Layout::new(directory);
        if !layout.settings().is_file() {
            return Err(Error::NotALog { directory: directory.to_owned(), missing: "log.toml" });
        }
        let lock = lock(&layout, wait_max)?;
        Self::load(layout, lock, signer)
    }

    fn load<S: Signer + ?Sized>(layout: Layout, lock: File, signer: &S) -> Result<Self, Error> {
        let settings = Settings::read_from(&layout)?;
        if let Some(successor) = settings.successor {
            return Err(Error::Followed { directory: layout.root().to_owned(), successor });
        }
        if !is_key_of(&settings.vkey, signer) {
            return Err(Error::WrongKey { origin: settings.vkey.name().to_owned() });
        }
        let checkpoint = signed_checkpoint(&layout, &settings.vkey)?;
        Self::at(layout, lock, &settings, checkpoint)
    }

    /// The log at its newest checkpoint.
    fn at(
        layout: Layout,
        lock: File,
        settings: &Settings,
        checkpoint: SignedCheckpoint,
    ) -> Result<Self, Error> {
        let size = checkpoint.checkpoint().size;
        recovery::clean(&layout, size)?;
        let recorded = history::repair(&layout)?;
        let edge = Edge::load(&layout, &checkpoint)?;
        let log = Self {
            key: settings.vkey.clone(),
            predecessors: settings.predecessors(),
            layout,
            _lock: lock,
            edge,
            checkpoint,
            recorded,
            directories: HashSet::new(),
            is_poisoned: false,
        };
        let told = batch::settled(&log.layout, size)?;
        let own = log.place();
        let places: Vec<&Place> = std::iter::once(&own).chain(&log.predecessors).collect();
        left::forget(&places, &told)?;
        Ok(log)
    }

    fn place(&self) -> Place {
        Place { layout: self.layout.clone(), origin: self.key.name().to_owned() }
    }

    /// Entries of the log.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The newest checkpoint.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Whether an entry that is made at `now` could be added.
    ///
    /// # Errors
    /// The clock stands before the last entry, by more than it may.
    pub fn takes(&self, now: Time) -> Result<(), Error> {
        Ok(now.after(self.edge.last_time()).map(drop)?)
    }

    /// Adds entries as one batch, made at `now`. When this succeeds they are on the disk, all of them.
    ///
    /// # Errors
    /// An act can't be an entry, the clock has been set back, or the batch can't be written. After a failed write the
    /// log has to be opened again, which shows whether the batch is in it: all of it or nothing.
    pub fn append<S: Signer + ?Sized>(
        &mut self,
        now: Time,
        drafts: &[Draft],
        signer: &S,
    ) -> Result<Appended, Error> {
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        if drafts.len() > BATCH_ENTRIES_MAX {
            return Err(Error::BatchTooLarge(drafts.len()));
        }
        if !is_key_of(&self.key, signer) {
            return Err(Error::WrongKey { origin: self.key.name().to_owned() });
        }
        let first = self.edge.size();
        let when = now.after(self.edge.last_time())?;
        let appended = Appended { first, times: vec![when; drafts.len()] };
        if drafts.is_empty() {
            return Ok(appended);
        }
        let entries = drafts.iter().map(|draft| draft.at(when).encode()).collect::<Result<Vec<_>, _>>()?;
        let (edge, files) = self.edge.grown(&entries, when);
        let origin = self.key.name().to_owned();
        let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root() }.sign(signer)?;
        self.is_poisoned = true;
        self.write_files(&files)?;
        publish(&self.layout, &checkpoint)?;
        self.is_poisoned = false;
        (self.edge, self.checkpoint) = (edge, checkpoint);
        self.forget_partials(first);
        Ok(appended)
    }

    /// Writes the new files and the checkpoint that goes into the history, and makes sure that they and their names are
    /// on the disk.
    fn write_files(&mut self, files: &[NewFile]) -> Result<(), Error> {
        let mut changed = Vec::new();
        let mut written = Vec::with_capacity(files.len() + 1);
        for (tile, content) in files {
            let path = self.layout.tile(tile);
            if let Some(parent) = path.parent() {
                self.make_directory(parent, &mut changed)?;
                changed.push(parent.to_owned());
            }
            written.push(disk::write_new(&path, content)?);
        }
        written.extend(history::add(&self.layout, &mut self.recorded, &self.checkpoint)?);
        written.into_iter().try_for_each(Unsynced::sync)?;
        changed.sort_unstable();
        changed.dedup();
        changed.iter().try_for_each(|directory| disk::sync_directory(directory))
    }

    /// Makes a directory below the public one, with those above it. Where a name is new is added to `changed`.
    fn make_directory(&mut self, directory: &Path, changed: &mut Vec<PathBuf>) -> Result<(), Error> {
        if directory == self.layout.public() || self.directories.contains(directory) {
            return Ok(());
        }
        if let Some(parent) = directory.parent() {
            self.make_directory(parent, changed)?;
            // Made by a writer that was killed, its name may not be on the disk yet.
            changed.push(parent.to_owned());
        }
        disk::create_directory(directory)?;
        self.directories.insert(directory.to_owned());
        Ok(())
    }

    /// Forgets the partial versions of the files that were the last ones when the log had `old` entries, as far as
    /// they are full now.
    fn forget_partials(&mut self, old: u64) {
        let size = self.edge.size();
        let levels = (0..).map(Shelf::Hashes).take_while(|shelf| tile::count_at(*shelf, old) > 0);
        for shelf in std::iter::once(Shelf::Entries).chain(levels) {
            let before = tile::count_at(shelf, old);
            let was_partial = !before.is_multiple_of(WIDTH);
            let now = tile::Tile::at(shelf, before / WIDTH, size);
            if let Some(tile) = now.filter(|tile| was_partial && tile.is_full()) {
                recovery::forget_partials(&self.layout, &tile);
                self.directories.remove(&self.layout.partials(&tile));
            }
        }
    }
}

fn is_key_of<S: Signer + ?Sized>(key: &VerifierKey, signer: &S) -> bool {
    key.bytes() == signer.public_key() && key.name() == signer.name()
}

/// Makes `checkpoint` the state of the log, in one instant.
pub(crate) fn publish(layout: &Layout, checkpoint: &SignedCheckpoint) -> Result<(), Error> {
    disk::write_over(&layout.next(), checkpoint.to_string().as_bytes())?.sync()?;
    disk::rename(&layout.next(), &layout.checkpoint())?;
    disk::sync_directory(layout.public())
}

/// The newest checkpoint, which has to be signed with the log's key.
fn signed_checkpoint(layout: &Layout, key: &VerifierKey) -> Result<SignedCheckpoint, Error> {
    let missing = || Error::NotALog { directory: layout.root().to_owned(), missing: "public/checkpoint" };
    let checkpoint = read_checkpoint(layout)?.ok_or_else(missing)?;
    if !checkpoint.is_signed_by(key) {
        let what = "is not signed with the log's key".to_owned();
        return Err(Error::Damaged { path: layout.checkpoint(), what });
    }
    Ok(checkpoint)
}

pub(crate) fn lock(layout: &Layout, wait_max: Duration) -> Result<File, Error> {
    let path = layout.lock();
    let file = disk::open_private(&path)?;
    let locked = lock_within(file, wait_max).map_err(|source| Error::Io {
        what: "lock",
        path: path.clone(),
        source,
    })?;
    let busy = || Error::Busy { directory: layout.root().to_owned(), waited_s: wait_max.as_secs() };
    locked.ok_or_else(busy)
}
