//! What a killed writer has left: files of a size that the log never had, and files that nobody needs any more.
//!
//! Names of files follow from sizes, and a batch is limited, so it is known where to look.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use suture_log::tile::{self, Shelf, Tile, WIDTH};

use crate::disk;
use crate::error::Error;
use crate::layout::Layout;
use crate::log::BATCH_ENTRIES_MAX;

/// Most files of one shelf that a batch begins or ends.
const FILES_MAX: u64 = BATCH_ENTRIES_MAX as u64 / WIDTH + 1;

/// Removes everything that is not of the log with `size` entries.
pub(crate) fn clean(layout: &Layout, size: u64) -> Result<(), Error> {
    disk::remove_file(&layout.next())?;
    let reachable = size + BATCH_ENTRIES_MAX as u64;
    let levels = (0..).map(Shelf::Hashes).take_while(|shelf| tile::count_at(*shelf, reachable) > 0);
    for shelf in std::iter::once(Shelf::Entries).chain(levels) {
        clean_shelf(layout, shelf, tile::count_at(shelf, size))?;
    }
    Ok(())
}

/// `count`: hashes or entries that the shelf has.
fn clean_shelf(layout: &Layout, shelf: Shelf, count: u64) -> Result<(), Error> {
    let (edge, width) = (count / WIDTH, count % WIDTH);
    let full = |index| Tile { shelf, index, width: WIDTH as u16 };
    for index in edge.saturating_sub(FILES_MAX)..edge {
        remove_partials(&layout.partials(&full(index)), |_| false)?;
    }
    for index in edge..=edge + FILES_MAX {
        let path = layout.tile(&full(index));
        if path.exists() && disk::remove_file(&path)? {
            sync_parent(&path)?;
        }
        let keep = |found: u64| index == edge && found <= width;
        remove_partials(&layout.partials(&full(index)), keep)?;
    }
    Ok(())
}

/// Removes the partial versions of a tile that is full now. Nothing depends on it: what stays is found when the log is
/// opened the next time.
pub(crate) fn forget_partials(layout: &Layout, tile: &Tile) {
    let _ = remove_partials(&layout.partials(tile), |_| false);
}

/// Removes the files of a directory of partial tiles whose width is not to be kept, and the directory if it is empty then.
fn remove_partials(directory: &Path, keep: impl Fn(u64) -> bool) -> Result<(), Error> {
    let failed = |source| Error::Io { what: "read", path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let (mut kept, mut removed) = (false, false);
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(failed)?.path());
    }
    for path in paths {
        let width = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        if width.is_some_and(&keep) {
            kept = true;
        } else {
            removed |= disk::remove_file(&path)?;
        }
    }
    if !kept {
        disk::remove_directory(directory)?;
        return sync_parent(directory);
    }
    if removed { disk::sync_directory(directory) } else { Ok(()) }
}

fn sync_parent(path: &Path) -> Result<(), Error> {
    path.parent().map_or(Ok(()), disk::sync_directory)
}
