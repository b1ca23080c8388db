//! The writer: batches of entries that are in the log as a whole, on the disk, or not at all.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use suture_log::tile::{self, Shelf, WIDTH};
use suture_log::{Checkpoint, Draft, Hash, SignedCheckpoint, Signer, Time, VerifierKey};

use crate::disk::{self, Unsynced};
use crate::edge::{Edge, NewFile};
use crate::error::Error;
use crate::history;
use crate::layout::Layout;
use crate::pending::{self, Left, Noted, Pending};
use crate::reader::{Reader, read_checkpoint};
use crate::recovery;
use crate::settings::Settings;

/// Most entries of one batch. It bounds memory, and where recovery has to look.
pub const BATCH_ENTRIES_MAX: usize = 16_384;
/// How long another writer is waited for.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
const LOCK_RETRY_EVERY: Duration = Duration::from_millis(5);

/// A log that this process alone appends to.
pub struct Log {
    layout: Layout,
    /// Held until the log is dropped, or the process ends in whatever way.
    _lock: File,
    key: VerifierKey,
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
    /// Makes an empty log in `directory`, which may be there. What a killed attempt has left is no hindrance.
    ///
    /// # Errors
    /// There is a log already, or it can't be written.
    pub fn create<S: Signer + ?Sized>(
        directory: &Path,
        settings: &Settings,
        signer: &S,
    ) -> Result<Self, Error> {
        let layout = Layout::new(directory);
        std::fs::create_dir_all(directory).map_err(|source| Error::Io {
            what: "create",
            path: directory.to_owned(),
            source,
        })?;
        let lock = lock(&layout)?;
        if read_checkpoint(&layout)?.is_some() {
            return Err(Error::Exists(directory.to_owned()));
        }
        settings.write_to(&layout)?;
        disk::create_directory(layout.public())?;
        disk::sync_directory(layout.root())?;
        let origin = settings.vkey.name().to_owned();
        let empty = Checkpoint { origin, size: 0, root: Hash::of_nothing() }.sign(signer)?;
        publish(&layout, &empty)?;
        Self::load(layout, lock, signer)
    }

    /// Opens the log in `directory` to append to it, waiting for another writer for a while. What a killed writer has
    /// left half done is removed.
    ///
    /// # Errors
    /// There is no log, it is damaged or busy, or `signer` does not have its key.
    pub fn open<S: Signer + ?Sized>(directory: &Path, signer: &S) -> Result<Self, Error> {
        let layout = Layout::new(directory);
        if !layout.settings().is_file() {
            return Err(Error::NotALog { directory: directory.to_owned(), missing: "log.toml" });
        }
        let lock = lock(&layout)?;
        Self::load(layout, lock, signer)
    }

    fn load<S: Signer + ?Sized>(layout: Layout, lock: File, signer: &S) -> Result<Self, Error> {
        let key = Settings::read_from(&layout)?.vkey;
        if !is_key_of(&key, signer) {
            return Err(Error::WrongKey { origin: key.name().to_owned() });
        }
        let missing = || Error::NotALog { directory: layout.root().to_owned(), missing: "public/checkpoint" };
        let checkpoint = read_checkpoint(&layout)?.ok_or_else(missing)?;
        if !checkpoint.is_signed_by(&key) {
            let what = "is not signed with the log's key".to_owned();
            return Err(Error::Damaged { path: layout.checkpoint(), what });
        }
        recovery::clean(&layout, checkpoint.checkpoint().size)?;
        let recorded = history::repair(&layout)?;
        let edge = Edge::load(&layout, &checkpoint)?;
        let directories = HashSet::new();
        Ok(Self { layout, _lock: lock, key, edge, checkpoint, recorded, directories, is_poisoned: false })
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

    /// Notes that an act is begun, of which `drafts` is what is known. It is on the disk when this succeeds.
    ///
    /// # Errors
    /// The clock has been set back, or it can't be written: it must not be begun then.
    pub fn begin(&self, now: Time, drafts: &[Draft]) -> Result<Pending, Error> {
        self.takes(now)?;
        Pending::begin(&self.layout, now, drafts)
    }

    /// Adds the entries of an act that has ended at `now`.
    ///
    /// # Errors
    /// As with [`Self::append`]. What was noted of the act stays then, for [`Self::settle`].
    pub fn finish<S: Signer + ?Sized>(
        &mut self,
        now: Time,
        drafts: &[Draft],
        signer: &S,
        pending: &Pending,
    ) -> Result<Appended, Error> {
        let noted = pending.noted(now, drafts);
        self.append_noted(now, drafts, signer, pending, &noted)
    }

    /// Adds what was noted of acts whose processes are gone; how many there were.
    ///
    /// # Errors
    /// As with [`Self::append`], or something can't be read. What has not been added stays noted.
    pub fn settle<S: Signer + ?Sized>(&mut self, now: Time, signer: &S) -> Result<usize, Error> {
        let reader = Reader::at(self.layout.clone(), self.checkpoint.clone());
        let mut count = 0;
        for left in pending::left(&self.layout, &reader)? {
            match left {
                Left::Nothing(pending) => pending.remove()?,
                Left::Act(pending, noted) => {
                    self.append_noted(now, &noted.late(), signer, &pending, &noted)?;
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    fn append_noted<S: Signer + ?Sized>(
        &mut self,
        now: Time,
        drafts: &[Draft],
        signer: &S,
        pending: &Pending,
        noted: &Noted,
    ) -> Result<Appended, Error> {
        let when = now.after(self.edge.last_time())?;
        pending.will_be(self.size(), when, noted, drafts)?;
        let appended = self.append(now, drafts, signer)?;
        // If it can't be removed, the next one who looks sees that it is in the log.
        let _ = pending.remove();
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

pub(crate) fn lock(layout: &Layout) -> Result<File, Error> {
    let path = layout.lock();
    let failed = |what, source| Error::Io { what, path: path.clone(), source };
    let file =
        File::options().append(true).create(true).open(&path).map_err(|source| failed("open", source))?;
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(failed("lock", source)),
            Err(TryLockError::WouldBlock) if begin.elapsed() < LOCK_WAIT_MAX => {
                std::thread::sleep(LOCK_RETRY_EVERY);
            }
            Err(TryLockError::WouldBlock) => {
                let directory = layout.root().to_owned();
                return Err(Error::Busy { directory, waited_s: LOCK_WAIT_MAX.as_secs() });
            }
        }
    }
}
