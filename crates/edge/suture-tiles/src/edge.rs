//! The right edge of the log: the files that are not full yet, and what they become when entries are added.

use suture_log::tile::{self, Shelf, TILE_BYTES_MAX, Tile, WIDTH};
use suture_log::{Frontier, Hash, SignedCheckpoint, Time};

use crate::error::Error;
use crate::layout::Layout;
use crate::reader::Reader;

/// What has to be known to add entries.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    frontier: Frontier,
    /// Content of the bundle that is not full.
    bundle: Vec<u8>,
    /// Content of the tiles that are not full, from the leaves upwards.
    tiles: Vec<Vec<u8>>,
    last_time: Option<Time>,
}

/// A file that has to be there before the log can have its new size.
pub(crate) type NewFile = (Tile, Vec<u8>);

impl Edge {
    /// Reads the edge of the log that `checkpoint` speaks of, and checks that it is that log's.
    pub(crate) fn load(layout: &Layout, checkpoint: &SignedCheckpoint) -> Result<Self, Error> {
        let reader = Reader::at(layout.clone(), checkpoint.clone());
        let size = reader.size();
        let frontier = Frontier::load(size, &mut reader.nodes())?;
        let path = || layout.checkpoint();
        if frontier.root() != checkpoint.checkpoint().root {
            let what = format!("speaks of {size} entries, but the tiles have other hashes");
            return Err(Error::Damaged { path: path(), what });
        }
        let partial = |shelf| {
            let tile = Tile::at(shelf, tile::count_at(shelf, size) / WIDTH, size);
            tile.map_or(Ok(Vec::new()), |tile| reader.content(&tile))
        };
        let levels = (0..).map(Shelf::Hashes).take_while(|shelf| tile::count_at(*shelf, size) > 0);
        let tiles = levels.map(partial).collect::<Result<_, _>>()?;
        let last_time = size.checked_sub(1).map(|last| reader.entry(last)).transpose()?;
        let last_time = last_time.map(|entry| entry.when);
        Ok(Self { frontier, bundle: partial(Shelf::Entries)?, tiles, last_time })
    }

    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(crate) fn root(&self) -> Hash {
        self.frontier.root()
    }

    pub(crate) fn last_time(&self) -> Option<Time> {
        self.last_time
    }

    /// The edge behind these entries, and the files that come into being.
    pub(crate) fn grown(&self, entries: &[Vec<u8>], last_time: Time) -> (Self, Vec<NewFile>) {
        let mut edge = self.clone();
        let mut files = Vec::new();
        for entry in entries {
            edge.push(entry, &mut files);
        }
        edge.last_time = Some(last_time);
        edge.partial_files(self.size(), &mut files);
        let names = |files: &[NewFile]| {
            let mut tiles: Vec<Tile> = files.iter().map(|(tile, _)| *tile).collect();
            tiles.sort_unstable();
            tiles
        };
        let mut expected = tile::grown(self.size(), edge.size());
        expected.sort_unstable();
        assert_eq!(names(&files), expected, "a log of this size has these files");
        (edge, files)
    }

    fn push(&mut self, entry: &[u8], files: &mut Vec<NewFile>) {
        tile::push_entry(&mut self.bundle, entry);
        let tiles = &mut self.tiles;
        self.frontier.push(Hash::of_leaf(entry), |node, hash| {
            if node.level.is_multiple_of(tile::HEIGHT) {
                let level = usize::from(node.level / tile::HEIGHT);
                if level == tiles.len() {
                    tiles.push(Vec::new());
                }
                tiles[level].extend(hash.0);
            }
        });
        let size = self.frontier.size();
        if size.is_multiple_of(WIDTH) {
            let bundle = std::mem::take(&mut self.bundle);
            files
                .push((Tile { shelf: Shelf::Entries, index: size / WIDTH - 1, width: WIDTH as u16 }, bundle));
        }
        for (level, content) in (0..).zip(&mut self.tiles) {
            if content.len() == TILE_BYTES_MAX {
                let index = tile::count_at(Shelf::Hashes(level), size) / WIDTH - 1;
                let tile = Tile { shelf: Shelf::Hashes(level), index, width: WIDTH as u16 };
                files.push((tile, std::mem::take(content)));
            }
        }
    }

    /// The files that are not full, as far as they have grown since the log had `old` entries.
    fn partial_files(&self, old: u64, files: &mut Vec<NewFile>) {
        let size = self.size();
        let levels = (0..).map(Shelf::Hashes).zip(&self.tiles);
        for (shelf, content) in std::iter::once((Shelf::Entries, &self.bundle)).chain(levels) {
            let (before, after) = (tile::count_at(shelf, old), tile::count_at(shelf, size));
            let tile = Tile::at(shelf, after / WIDTH, size);
            if let Some(tile) = tile.filter(|_| before < after) {
                files.push((tile, content.clone()));
            }
        }
    }
}
