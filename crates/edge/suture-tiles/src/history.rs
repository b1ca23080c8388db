//! `public/checkpoints`: every checkpoint that a newer one has replaced, with the cosignatures that it had got.
//!
//! The log is whole without it. It lets an auditor say *between which two* a difference is, and it keeps what witnesses
//! have signed. A record is the word `checkpoint`, the note, and an empty line, as in an export.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use suture_log::{NOTE_BYTES_MAX, SignedCheckpoint, write_checkpoint};

use crate::disk::{self, Unsynced};
use crate::error::Error;
use crate::layout::Layout;

const FIRST_LINE: &[u8] = b"checkpoint\n";
/// Longest record, in bytes.
const RECORD_BYTES_MAX: usize = NOTE_BYTES_MAX + 64;

/// Adds `replaced`, unless it is the last record already: the writer may have been killed behind that.
pub(crate) fn add(
    layout: &Layout,
    last: &mut Vec<u8>,
    replaced: &SignedCheckpoint,
) -> Result<Option<Unsynced>, Error> {
    let record = write_checkpoint(replaced).into_bytes();
    if *last == record {
        return Ok(None);
    }
    let written = disk::append(&layout.history(), &record)?;
    *last = record;
    Ok(Some(written))
}

/// Removes half a record from the end, and gives the last whole one.
pub(crate) fn repair(layout: &Layout) -> Result<Vec<u8>, Error> {
    let path = layout.history();
    let failed = |source| Error::Io { what: "read", path: path.clone(), source };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let len = file.metadata().map_err(failed)?.len();
    // A torn record and a whole one before it.
    let start = len.saturating_sub(2 * RECORD_BYTES_MAX as u64);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(start)).and_then(|_| file.read_to_end(&mut tail)).map_err(failed)?;
    let mut end = tail.len();
    loop {
        let begin = last_record(&tail[..end], start == 0);
        let record = &tail[begin.unwrap_or(0)..end];
        if record.is_empty() || parse(record).is_some() {
            let record = record.to_vec();
            if end < tail.len() {
                disk::truncate(&path, start + end as u64)?;
            }
            return Ok(record);
        }
        let Some(begin) = begin else {
            return Err(Error::Damaged { path, what: "does not end with a checkpoint".to_owned() });
        };
        end = begin;
    }
}

/// Where the last record begins.
fn last_record(bytes: &[u8], is_whole_file: bool) -> Option<usize> {
    let boundary = [b"\n\n", FIRST_LINE].concat();
    let inner = bytes.windows(boundary.len()).rposition(|window| window == boundary).map(|at| at + 2);
    inner.or(is_whole_file.then_some(0))
}

fn parse(record: &[u8]) -> Option<SignedCheckpoint> {
    let note = record.strip_prefix(FIRST_LINE)?.strip_suffix(b"\n")?;
    SignedCheckpoint::parse(note).ok()
}

/// Reads the history from its beginning. Half a record at the end is one that is being written, or never will be.
pub(crate) struct History {
    path: PathBuf,
    source: Option<BufReader<File>>,
}

impl History {
    pub(crate) fn open(layout: &Layout) -> Result<Self, Error> {
        let path = layout.history();
        match File::open(&path) {
            Ok(file) => Ok(Self { path, source: Some(BufReader::new(file)) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { path, source: None }),
            Err(source) => Err(Error::Io { what: "read", path, source }),
        }
    }

    /// The next checkpoint.
    pub(crate) fn next(&mut self) -> Result<Option<SignedCheckpoint>, Error> {
        let Some(source) = &mut self.source else { return Ok(None) };
        let mut record = Vec::new();
        let mut empty_lines = 0;
        while empty_lines < 2 {
            let before = record.len();
            let limit = (RECORD_BYTES_MAX - before) as u64;
            let read = source.by_ref().take(limit).read_until(b'\n', &mut record);
            read.map_err(|source| Error::Io { what: "read", path: self.path.clone(), source })?;
            match &record[before..] {
                [.., b'\n'] => empty_lines += usize::from(record.len() == before + 1),
                _ if record.len() < RECORD_BYTES_MAX => return Ok(None),
                _ => break,
            }
        }
        let checkpoint = parse(&record);
        let damaged = || Error::Damaged {
            path: self.path.clone(),
            what: "has a record that is no checkpoint".to_owned(),
        };
        checkpoint.map(Some).ok_or_else(damaged)
    }
}
