//! Where hashes and entries stand in files (C2SP tlog-tiles): 256 to a file, in files that never change.
//!
//! A tile at level *l* holds every 256th level of the tree, so a node between two such levels is computed from
//! the tile below it. The last tile of a level is partial and has its width in its name: the next size of the log
//! gets a new file, and whoever reads at an old checkpoint still finds the old one.

use std::fmt::Write as _;

use thiserror::Error;

use crate::entry::ENTRY_BYTES_MAX;
use crate::hash::Hash;
use crate::tree::Node;

/// Hashes in a whole tile, entries in a whole bundle.
pub const WIDTH: u64 = 256;
/// Levels of the tree in one tile: 2^8 = 256.
pub const HEIGHT: u8 = 8;
/// Longest content of a tile, in bytes.
pub const TILE_BYTES_MAX: usize = WIDTH as usize * Hash::LEN;
/// Longest content of a bundle, in bytes.
pub const BUNDLE_BYTES_MAX: usize = WIDTH as usize * (ENTRY_BYTES_MAX + 2);

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shelf {
    /// Entries of the log.
    Entries,
    /// Hashes of nodes at level 8 times this.
    Hashes(u8),
}

/// A file of the log: number `index` of its shelf, with `width` hashes or entries in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub shelf: Shelf,
    /// Number in its shelf, from the left.
    pub index: u64,
    /// 1 to 256; less than 256 means partial.
    pub width: u16,
}

/// A node's place: the hashes `first..first + count` of a tile, which are the leaves of the node's subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub tile: Tile,
    /// First hash in it.
    pub first: usize,
    /// Hashes, a power of two.
    pub count: usize,
}

impl Tile {
    /// The tile `index` of `shelf` in a log of `size` entries; `None` if it would be empty.
    pub fn at(shelf: Shelf, index: u64, size: u64) -> Option<Self> {
        let filled = count_at(shelf, size).checked_sub(index.checked_mul(WIDTH)?)?;
        (filled > 0).then_some(Self { shelf, index, width: filled.min(WIDTH) as u16 })
    }

    /// Whether it has all its hashes or entries.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }

    /// The same tile when all of it is there.
    #[must_use]
    pub fn full(&self) -> Self {
        Self { width: WIDTH as u16, ..*self }
    }

    /// Path below the log's prefix, such as `tile/0/x001/234.p/56`.
    pub fn path(&self) -> String {
        let mut path = self.full_path();
        if !self.is_full() {
            write!(path, ".p/{}", self.width).expect("a String takes everything");
        }
        path
    }

    /// Directory of its partial versions, such as `tile/0/x001/234.p`.
    pub fn partial_directory(&self) -> String {
        format!("{}.p", self.full_path())
    }

    fn full_path(&self) -> String {
        let directory = match self.shelf {
            Shelf::Entries => "entries".to_owned(),
            Shelf::Hashes(level) => level.to_string(),
        };
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        format!("tile/{directory}/{}", groups.join("/"))
    }
}

impl Place {
    /// Where the hash of `node` comes from in a log of `size` entries that has all its leaves.
    ///
    /// # Panics
    /// If the log is too small for the node.
    pub fn of(node: Node, size: u64) -> Self {
        let (level, within) = (node.level / HEIGHT, node.level % HEIGHT);
        let first = node.index << within;
        let tile = Tile::at(Shelf::Hashes(level), first / WIDTH, size);
        let place = Self {
            tile: tile.expect("the node is in the tree"),
            first: (first % WIDTH) as usize,
            count: 1 << within,
        };
        assert!(place.first + place.count <= usize::from(place.tile.width), "the node has all its leaves");
        place
    }

    /// Hash of the node, from the content of the tile; `None` if the content is too short.
    pub fn hash(&self, content: &[u8]) -> Option<Hash> {
        let (hashes, _) = content.as_chunks::<{ Hash::LEN }>();
        let mut row: Vec<Hash> =
            hashes.get(self.first..self.first + self.count)?.iter().map(|hash| Hash(*hash)).collect();
        while row.len() > 1 {
            row = row.chunks_exact(2).map(|pair| Hash::of_children(&pair[0], &pair[1])).collect();
        }
        row.first().copied()
    }
}

/// The files that a log needs when it grows from `old` to `new` entries, entries first, then hashes from the leaves
/// upwards.
pub fn grown(old: u64, new: u64) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let levels = (0..).map(Shelf::Hashes).take_while(|shelf| count_at(*shelf, new) > 0);
    for shelf in std::iter::once(Shelf::Entries).chain(levels) {
        let (before, after) = (count_at(shelf, old), count_at(shelf, new));
        if before < after {
            let indices = before / WIDTH..=(after - 1) / WIDTH;
            tiles.extend(indices.filter_map(|index| Tile::at(shelf, index, new)));
        }
    }
    tiles
}

/// Hashes or entries that a shelf has in a log of `size` entries.
pub fn count_at(shelf: Shelf, size: u64) -> u64 {
    match shelf {
        Shelf::Entries => size,
        Shelf::Hashes(level) => size.checked_shr(u32::from(level) * u32::from(HEIGHT)).unwrap_or(0),
    }
}

/// Adds an entry to the content of a bundle.
///
/// # Panics
/// If the entry is longer than [`ENTRY_BYTES_MAX`].
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let len = u16::try_from(entry.len()).expect("no entry is longer than ENTRY_BYTES_MAX");
    bundle.extend_from_slice(&len.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// Why a file is no bundle of the entries that it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BundleError {
    /// An entry goes past the end.
    #[error("it ends within entry {0} of it")]
    CutOff(usize),
    /// More than the entries that were asked for.
    #[error("{0} bytes follow its last entry")]
    Rest(usize),
}

/// The first `count` entries of the content of a bundle. A full file may be read for a partial one, so more may
/// follow if `count` is less than 256.
///
/// # Errors
/// It does not have that many, or a whole one has more.
pub fn entries(content: &[u8], count: usize) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(count.min(WIDTH as usize));
    let mut rest = content;
    for number in 0..count {
        let cut_off = BundleError::CutOff(number);
        let (len, after) = rest.split_first_chunk().ok_or(cut_off)?;
        let (entry, after) = after.split_at_checked(u16::from_be_bytes(*len).into()).ok_or(cut_off)?;
        entries.push(entry);
        rest = after;
    }
    if count as u64 == WIDTH && !rest.is_empty() {
        return Err(BundleError::Rest(rest.len()));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(old: u64, new: u64) -> Vec<String> {
        grown(old, new).iter().map(Tile::path).collect()
    }

    /// The example of the specification: 70,000 entries.
    #[test]
    fn a_log_has_the_files_that_the_specification_says() {
        let tiles = grown(0, 70_000);
        let count =
            |shelf, is_full| tiles.iter().filter(|t| t.shelf == shelf && t.is_full() == is_full).count();
        assert_eq!((count(Shelf::Hashes(0), true), count(Shelf::Hashes(0), false)), (273, 1));
        assert_eq!((count(Shelf::Hashes(1), true), count(Shelf::Hashes(1), false)), (1, 1));
        assert_eq!((count(Shelf::Hashes(2), true), count(Shelf::Hashes(2), false)), (0, 1));
        let last = |shelf| tiles.iter().rfind(|tile| tile.shelf == shelf).unwrap();
        assert_eq!((last(Shelf::Hashes(0)).width, last(Shelf::Hashes(1)).width), (112, 17));
        assert_eq!(paths(0, 256), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    }

    #[test]
    fn only_what_grows_is_written() {
        assert_eq!(paths(3, 5), ["tile/entries/000.p/5", "tile/0/000.p/5"]);
        let crossing =
            ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"];
        assert_eq!(paths(255, 257), crossing);
        assert!(paths(9, 9).is_empty());
    }

    #[test]
    fn a_large_index_is_cut_into_folders() {
        let tile = Tile { shelf: Shelf::Hashes(0), index: 1_234_067, width: 256 };
        assert_eq!(tile.path(), "tile/0/x001/x234/067");
        assert_eq!(Tile { width: 7, ..tile }.path(), "tile/0/x001/x234/067.p/7");
    }

    #[test]
    fn a_bundle_is_read_as_it_was_written() {
        let mut bundle = Vec::new();
        let longest = vec![7; ENTRY_BYTES_MAX];
        let written = [b"one".as_slice(), b"", &longest];
        for entry in written {
            push_entry(&mut bundle, entry);
        }
        assert_eq!(entries(&bundle, 3).unwrap(), written);
        assert_eq!(entries(&bundle, 1).unwrap(), written[..1]);
        assert_eq!(entries(&bundle, 4), Err(BundleError::CutOff(3)));
        assert_eq!(entries(&bundle[..bundle.len() - 1], 3), Err(BundleError::CutOff(2)));
    }
}
