//! `batch`: which notes the entries that are being added take the place of.
//!
//! A line is synced before each batch that does so: the number of entries before it, and the notes. When the log has more entries than a
//! line says, its batch is there, and the notes are only to be removed; so whoever opens the log knows that of every note, and no act is told
//! twice or lost, however alike two are. The line of a batch that has failed is followed by one that says the same number.

use serde::{Deserialize, Serialize};

use crate::disk;
use crate::error::Error;
use crate::layout::{Layout, read_up_to};
use crate::note::Mark;

/// Lines after which the file is begun anew.
const LINES_MAX: usize = 64;
/// Longest file, in bytes: lines for batches with as many notes as they have entries.
const FILE_BYTES_MAX: usize = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Line {
    size: u64,
    notes: Vec<Mark>,
}

/// Says, for good, that the entries that follow on `size` ones take the place of these notes.
pub(crate) fn announce(layout: &Layout, size: u64, notes: Vec<Mark>) -> Result<(), Error> {
    let path = layout.batch();
    let unwritable =
        |error: serde_json::Error| Error::Io { what: "write", path: path.clone(), source: error.into() };
    let json = serde_json::to_vec(&Line { size, notes }).map_err(unwritable)?;
    // Half a line before it must not take this one with it.
    let line = [b"\n", json.as_slice(), b"\n"].concat();
    let is_new = !path.exists();
    if read(layout)?.len() < LINES_MAX {
        disk::append(&path, &line)?.sync()?;
    } else {
        // What the lines say of notes that are removed must be kept until they are gone for good.
        if layout.pending().is_dir() {
            disk::sync_directory(&layout.pending())?;
        }
        disk::write_over(&path, &line)?.sync()?;
    }
    if is_new { disk::sync_directory(layout.root()) } else { Ok(()) }
}

/// The notes whose entries are in the log of `size` entries.
pub(crate) fn told(layout: &Layout, size: u64) -> Result<Vec<Mark>, Error> {
    Ok(split(read(layout)?, size).0)
}

/// The same for the one who has the log's lock. What was announced and has not come to be is taken back before anything else is added.
pub(crate) fn settled(layout: &Layout, size: u64) -> Result<Vec<Mark>, Error> {
    let (told, is_open) = split(read(layout)?, size);
    if is_open {
        announce(layout, size, Vec::new())?;
    }
    Ok(told)
}

/// Notes whose batches are in the log, and whether the last line is of one that is not.
fn split(lines: Vec<Line>, size: u64) -> (Vec<Mark>, bool) {
    let sizes: Vec<u64> = lines.iter().map(|line| line.size).skip(1).chain([size]).collect();
    let is_open = lines.last().is_some_and(|line| line.size >= size && !line.notes.is_empty());
    let told = lines.into_iter().zip(sizes).filter(|(line, next)| *next > line.size);
    (told.flat_map(|(line, _)| line.notes).collect(), is_open)
}

/// Lines that are whole. One that is not was not synced, and its batch not begun.
fn read(layout: &Layout) -> Result<Vec<Line>, Error> {
    let content = read_up_to(&layout.batch(), FILE_BYTES_MAX)?.unwrap_or_default();
    Ok(content.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(size: u64, name: &str) -> Line {
        let mark = |name: &str| Mark { log: String::new(), name: name.to_owned(), id: String::new() };
        Line { size, notes: name.split_whitespace().map(mark).collect() }
    }

    #[test]
    fn a_batch_is_there_if_the_log_went_on() {
        let told = |lines: Vec<Line>, size| {
            let (told, is_open) = split(lines, size);
            (told.into_iter().map(|mark| mark.name).collect::<Vec<_>>().join(" "), is_open)
        };
        assert_eq!(told(vec![], 3), (String::new(), false));
        assert_eq!(told(vec![line(3, "a")], 3), (String::new(), true));
        assert_eq!(told(vec![line(3, "a")], 4), ("a".to_owned(), false));
        assert_eq!(told(vec![line(3, "a"), line(4, "b c")], 6), ("a b c".to_owned(), false));
        // The first try has failed.
        assert_eq!(told(vec![line(3, "a"), line(3, "b")], 4), ("b".to_owned(), false));
        assert_eq!(told(vec![line(3, "a"), line(3, "")], 5), (String::new(), false));
    }
}
