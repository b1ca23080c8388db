//! A log as it is at one of its checkpoints, read without disturbing the writer.

use std::path::Path;

use suture_log::tile::{self, BUNDLE_BYTES_MAX, Place, Shelf, TILE_BYTES_MAX, Tile, WIDTH};
use suture_log::tree::{self, Node, Nodes};
use suture_log::{Entry, Hash, NOTE_BYTES_MAX, ProofFile, SignedCheckpoint};

use crate::error::Error;
use crate::history::History;
use crate::layout::{Layout, read_up_to};

/// A log at its newest checkpoint when it was opened. The checkpoint and everything else is read, not verified.
#[derive(Debug, Clone)]
pub struct Reader {
    layout: Layout,
    checkpoint: SignedCheckpoint,
}

impl Reader {
    /// Opens the log in `directory`, or the copy of its public part.
    ///
    /// # Errors
    /// There is none.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let layout = Layout::find(directory);
        let checkpoint = read_checkpoint(&layout)?;
        let missing = || Error::NotALog { directory: directory.to_owned(), missing: "public/checkpoint" };
        Ok(Self { checkpoint: checkpoint.ok_or_else(missing)?, layout })
    }

    pub(crate) fn at(layout: Layout, checkpoint: SignedCheckpoint) -> Self {
        Self { layout, checkpoint }
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Entries.
    pub fn size(&self) -> u64 {
        self.checkpoint.checkpoint().size
    }

    /// The hashes of the tree.
    pub fn nodes(&self) -> TileNodes<'_> {
        TileNodes { reader: self, tiles: Vec::new() }
    }

    /// Bytes of the entry `index`.
    ///
    /// # Errors
    /// There is no such entry, or it can't be read.
    pub fn entry_bytes(&self, index: u64) -> Result<Vec<u8>, Error> {
        let missing = Error::NoEntry { index, size: self.size() };
        let bundle = Tile::at(Shelf::Entries, index / WIDTH, self.size());
        let within = (index % WIDTH) as usize;
        let bundle = bundle.filter(|bundle| within < usize::from(bundle.width)).ok_or(missing)?;
        self.bundle(&bundle).map(|mut entries| entries.swap_remove(within))
    }

    /// The entry `index`.
    ///
    /// # Errors
    /// There is no such entry, or it can't be read.
    pub fn entry(&self, index: u64) -> Result<Entry, Error> {
        let bytes = self.entry_bytes(index)?;
        let path = || self.layout.public().join("tile/entries");
        Entry::parse(&bytes).map_err(|why| Error::Damaged {
            path: path(),
            what: format!("has an entry {index} that is none: {why}"),
        })
    }

    /// Proof that the entry `index` is in the log, with the entry itself.
    ///
    /// # Errors
    /// There is no such entry, or something can't be read.
    pub fn prove(&self, index: u64) -> Result<ProofFile, Error> {
        let entry = self.entry_bytes(index)?;
        let hashes = tree::inclusion(index, self.size(), &mut self.nodes())?;
        Ok(ProofFile { extra: Some(entry), index, hashes, checkpoint: self.checkpoint.clone() })
    }

    pub(crate) fn history(&self) -> Result<History, Error> {
        History::open(&self.layout)
    }

    /// The entries of a bundle.
    pub(crate) fn bundle(&self, bundle: &Tile) -> Result<Vec<Vec<u8>>, Error> {
        let content = self.content(bundle)?;
        let entries = tile::entries(&content, bundle.width.into());
        let damaged =
            |why: tile::BundleError| Error::Damaged { path: self.layout.tile(bundle), what: why.to_string() };
        Ok(entries.map_err(damaged)?.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// Content of a file of the log. A partial tile may have become full since the checkpoint; then what the checkpoint
    /// speaks of is the beginning of the full one.
    pub(crate) fn content(&self, tile: &Tile) -> Result<Vec<u8>, Error> {
        let limit = if tile.shelf == Shelf::Entries { BUNDLE_BYTES_MAX } else { TILE_BYTES_MAX };
        let path = self.layout.tile(tile);
        let mut content = read_up_to(&path, limit)?;
        if content.is_none() && !tile.is_full() {
            content = read_up_to(&self.layout.tile(&tile.full()), limit)?;
        }
        let damaged = |what: &str| Error::Damaged { path: path.clone(), what: what.to_owned() };
        let mut content = content.ok_or_else(|| damaged("is missing"))?;
        match tile.shelf {
            Shelf::Entries => {
                let entries =
                    tile::entries(&content, tile.width.into()).map_err(|why| damaged(&why.to_string()))?;
                let len = entries.iter().map(|entry| entry.len() + 2).sum();
                content.truncate(len);
            }
            Shelf::Hashes(_) => {
                let len = usize::from(tile.width) * Hash::LEN;
                if content.len() < len {
                    return Err(damaged("is too short"));
                }
                content.truncate(len);
            }
        }
        Ok(content)
    }

    /// Path of a tile, for messages.
    pub(crate) fn path(&self, tile: &Tile) -> std::path::PathBuf {
        self.layout.tile(tile)
    }
}

pub(crate) fn read_checkpoint(layout: &Layout) -> Result<Option<SignedCheckpoint>, Error> {
    let path = layout.checkpoint();
    let Some(content) = read_up_to(&path, NOTE_BYTES_MAX)? else { return Ok(None) };
    SignedCheckpoint::parse(&content).map(Some).map_err(|why| Error::Text { path, why })
}

/// The hashes of a tree, from its tiles. A tile is read once; the few that a proof needs are kept.
pub struct TileNodes<'r> {
    reader: &'r Reader,
    tiles: Vec<(Tile, Vec<u8>)>,
}

/// Tiles that are kept: a proof goes through at most eight on its way, and as many on the right edge.
const TILES_KEPT: usize = 16;

impl TileNodes<'_> {
    fn tile(&mut self, tile: &Tile) -> Result<&[u8], Error> {
        let kept = self.tiles.iter().position(|(kept, _)| kept == tile);
        let at = if let Some(at) = kept {
            at
        } else {
            let content = self.reader.content(tile)?;
            if self.tiles.len() == TILES_KEPT {
                self.tiles.remove(0);
            }
            self.tiles.push((*tile, content));
            self.tiles.len() - 1
        };
        Ok(&self.tiles[at].1)
    }
}

impl Nodes for TileNodes<'_> {
    type Error = Error;

    fn node(&mut self, node: Node) -> Result<Hash, Error> {
        let place = Place::of(node, self.reader.size());
        let content = self.tile(&place.tile)?;
        let hash = place.hash(content);
        hash.ok_or_else(|| Error::Damaged {
            path: self.reader.path(&place.tile),
            what: "is too short".to_owned(),
        })
    }
}
