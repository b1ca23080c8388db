//! A log from its first entry to its last, with its checkpoints where they belong: what an export holds and what an
//! auditor looks at.

use std::collections::VecDeque;

use suture_log::tile::{HEIGHT, Shelf, Tile, WIDTH};
use suture_log::tree::Node;
use suture_log::{Auditor, ExportRecord, Finding, Hash, Policy, SignedCheckpoint, Verdict};
use thiserror::Error as ThisError;

use crate::error::Error;
use crate::history::History;
use crate::reader::Reader;

/// The records of a log, in the order of an export.
pub struct Walk<'r> {
    reader: &'r Reader,
    history: History,
    /// The next checkpoint of the history.
    replaced: Option<SignedCheckpoint>,
    at: u64,
    /// Entries and leaf hashes of the bundle that we are in.
    bundle: VecDeque<(Vec<u8>, Hash)>,
    is_done: bool,
}

impl<'r> Walk<'r> {
    /// Begins at the first entry.
    ///
    /// # Errors
    /// The history can't be read.
    pub fn new(reader: &'r Reader) -> Result<Self, Error> {
        let mut history = reader.history()?;
        let replaced = history.next()?;
        Ok(Self { reader, history, replaced, at: 0, bundle: VecDeque::new(), is_done: false })
    }

    /// The next record; `None` behind the newest checkpoint.
    ///
    /// # Errors
    /// Something can't be read.
    pub fn next_record(&mut self) -> Result<Option<ExportRecord>, Error> {
        let size = self.reader.size();
        if let Some(replaced) =
            self.replaced.take_if(|replaced| replaced.checkpoint().size <= self.at && self.at < size)
        {
            self.replaced = self.history.next()?;
            return Ok(Some(ExportRecord::Checkpoint(Box::new(replaced))));
        }
        if self.at == size {
            let newest = self.reader.checkpoint().clone();
            let is_done = std::mem::replace(&mut self.is_done, true);
            return Ok((!is_done).then(|| ExportRecord::Checkpoint(Box::new(newest))));
        }
        if self.bundle.is_empty() {
            self.bundle = self.read_bundle()?;
        }
        let index = self.at;
        let next = self.bundle.pop_front();
        let (entry, leaf) = next.ok_or(Error::NoEntry { index, size })?;
        self.at += 1;
        Ok(Some(ExportRecord::Entry { index, leaf, entry }))
    }

    fn read_bundle(&self) -> Result<VecDeque<(Vec<u8>, Hash)>, Error> {
        let of = |shelf| Tile::at(shelf, self.at / WIDTH, self.reader.size());
        let missing = || Error::NoEntry { index: self.at, size: self.reader.size() };
        let entries = self.reader.bundle(&of(Shelf::Entries).ok_or_else(missing)?)?;
        let hashes = self.reader.content(&of(Shelf::Hashes(0)).ok_or_else(missing)?)?;
        let leaves = hashes.as_chunks().0.iter().map(|hash| Hash(*hash));
        Ok(entries.into_iter().zip(leaves).collect())
    }
}

/// Why a log on disk is not believed.
#[derive(Debug, ThisError)]
pub enum AuditError {
    /// It can't be read.
    #[error(transparent)]
    Unreadable(#[from] Error),
    /// It is not what its keys vouch for.
    #[error(transparent)]
    Found(#[from] Finding),
}

/// Audits a log on disk: its entries, its checkpoints and every hash in its tiles.
///
/// # Errors
/// What is wrong.
pub fn audit(reader: &Reader, policy: &Policy, kept: Vec<SignedCheckpoint>) -> Result<Verdict, AuditError> {
    // Nothing that the checkpoint speaks of is looked for before it is known to be the log's.
    policy.judge_signatures(reader.checkpoint()).map_err(Finding::from)?;
    let mut auditor = Auditor::new(policy, kept)?;
    let mut walk = Walk::new(reader)?;
    let mut upper = UpperTiles { reader, current: Vec::new() };
    while let Some(record) = walk.next_record()? {
        match record {
            ExportRecord::Entry { leaf, entry, .. } => {
                let mut above = None;
                auditor.entry(&entry, leaf, |node, hash| {
                    if node.level > 0 && node.level.is_multiple_of(HEIGHT) {
                        above.get_or_insert_with(Vec::new).push((node, hash));
                    }
                })?;
                above.into_iter().flatten().try_for_each(|(node, hash)| upper.compare(node, hash))?;
            }
            ExportRecord::Checkpoint(checkpoint) => auditor.checkpoint(*checkpoint)?,
        }
    }
    Ok(auditor.finish()?)
}

/// The tiles above the leaves, one of each level at a time.
struct UpperTiles<'r> {
    reader: &'r Reader,
    current: Vec<Option<(Tile, Vec<u8>)>>,
}

impl UpperTiles<'_> {
    fn compare(&mut self, node: Node, hash: Hash) -> Result<(), AuditError> {
        let level = node.level / HEIGHT;
        let tile = Tile::at(Shelf::Hashes(level), node.index / WIDTH, self.reader.size());
        let Some(tile) = tile else { return Ok(()) };
        self.current.resize(self.current.len().max(usize::from(level) + 1), None);
        let current = &mut self.current[usize::from(level)];
        if current.as_ref().is_none_or(|(kept, _)| *kept != tile) {
            *current = Some((tile, self.reader.content(&tile)?));
        }
        let (hashes, _) = current.as_ref().map(|(_, content)| content.as_chunks()).unwrap_or_default();
        if hashes.get((node.index % WIDTH) as usize) == Some(&hash.0) {
            return Ok(());
        }
        let first = node.index << node.level;
        Err(Finding::WrongTile { path: tile.path(), first, last: first + (1 << node.level) - 1 }.into())
    }
}
