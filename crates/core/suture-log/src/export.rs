//! A whole log in one file that people can read, `grep` and send, and that is checked in one pass.
//!
//! ```text
//! suture-audit-log@v1
//! entry 0 4hW0…= {"act":"log.init",…}
//! checkpoint
//! example.com/audit
//! 1
//! 4hW0…=
//!
//! — example.com/audit TBr…=
//!
//! entry 1 …
//! ```
//!
//! Each entry has its number and its leaf hash beside it: they prove nothing, but say *which* entry is not what it
//! was. A checkpoint stands behind the last entry that it covers; the last one ends the file.

use std::io::{BufRead, Read as _};

use crate::checkpoint::SignedCheckpoint;
use crate::entry::ENTRY_BYTES_MAX;
use crate::hash::Hash;
use crate::lines::{TextError, decimal, shown};
use crate::note::NOTE_BYTES_MAX;

/// First line of an export.
pub const EXPORT_HEADER: &str = "suture-audit-log@v1";
/// Longest line, in bytes.
pub const LINE_BYTES_MAX: usize = ENTRY_BYTES_MAX + 128;
const DOCUMENT: &str = "export";

/// What follows in an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportRecord {
    /// An entry.
    Entry {
        /// The number that stands beside it.
        index: u64,
        /// The leaf hash that stands beside it.
        leaf: Hash,
        /// The entry itself.
        entry: Vec<u8>,
    },
    /// A state of the log.
    Checkpoint(Box<SignedCheckpoint>),
}

/// The line of an entry. `entry` must be one that [`crate::Entry::parse`] takes: it then has no newline.
pub fn write_entry(index: u64, leaf: Hash, entry: &[u8], line: &mut Vec<u8>) {
    line.extend(format!("entry {index} {leaf} ").into_bytes());
    line.extend(entry);
    line.push(b'\n');
}

/// The lines of a checkpoint.
pub fn write_checkpoint(checkpoint: &SignedCheckpoint) -> String {
    format!("checkpoint\n{checkpoint}\n")
}

/// Reads an export record by record, with no more of it in memory than one.
pub struct ExportReader<R> {
    source: R,
    number: usize,
    line: Vec<u8>,
}

/// Why an export can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Its bytes can't be had.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is none.
    #[error(transparent)]
    Text(#[from] TextError),
}

impl<R: BufRead> ExportReader<R> {
    /// Begins to read; the header has to be there.
    ///
    /// # Errors
    /// It is no export.
    pub fn new(source: R) -> Result<Self, ExportError> {
        let mut reader = Self { source, number: 0, line: Vec::new() };
        if !reader.next_line()? || reader.line != EXPORT_HEADER.as_bytes() {
            return Err(reader.wrong(format!("the first line is not `{EXPORT_HEADER}`")));
        }
        Ok(reader)
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// Where it is not as it should be.
    pub fn next_record(&mut self) -> Result<Option<ExportRecord>, ExportError> {
        if !self.next_line()? {
            return Ok(None);
        }
        if self.line == b"checkpoint" {
            return self.checkpoint().map(Some);
        }
        let mut parts = self.line.splitn(4, |byte| *byte == b' ');
        let mut text = || parts.next().and_then(|part| str::from_utf8(part).ok());
        let (keyword, index, leaf) = (text(), text().and_then(decimal), text().and_then(Hash::from_base64));
        if let (Some("entry"), Some(index), Some(leaf), Some(entry)) = (keyword, index, leaf, parts.next()) {
            return Ok(Some(ExportRecord::Entry { index, leaf, entry: entry.to_vec() }));
        }
        let found = shown(&String::from_utf8_lossy(&self.line));
        Err(self.wrong(format!("`{found}` is neither `entry NUMBER HASH JSON` nor `checkpoint`")))
    }

    /// Line of the record that was read last, from 1.
    pub fn line(&self) -> usize {
        self.number
    }

    /// A note, ended by an empty line behind its signatures.
    fn checkpoint(&mut self) -> Result<ExportRecord, ExportError> {
        let before = self.number;
        let mut note = Vec::new();
        let mut empty_lines = 0;
        while empty_lines < 2 {
            if !self.next_line()? {
                return Err(self.wrong("the file ends within a checkpoint".to_owned()));
            }
            if self.line.is_empty() {
                empty_lines += 1;
            }
            note.extend_from_slice(&self.line);
            note.push(b'\n');
            if note.len() > NOTE_BYTES_MAX {
                return Err(self.wrong(format!("the checkpoint is longer than {NOTE_BYTES_MAX} bytes")));
            }
        }
        note.pop();
        let checkpoint = SignedCheckpoint::parse(&note).map_err(|error| error.within(DOCUMENT, before))?;
        Ok(ExportRecord::Checkpoint(Box::new(checkpoint)))
    }

    /// Reads a line into `line`; `false` at the end of the file.
    fn next_line(&mut self) -> Result<bool, ExportError> {
        self.line.clear();
        self.number += 1;
        let limit = LINE_BYTES_MAX as u64 + 1;
        self.source.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        match self.line.pop() {
            None => Ok(false),
            Some(b'\n') => Ok(true),
            Some(_) if self.line.len() >= LINE_BYTES_MAX => {
                Err(self.wrong(format!("the line is longer than {LINE_BYTES_MAX} bytes")))
            }
            Some(_) => Err(self.wrong("the file ends within a line".to_owned())),
        }
    }

    fn wrong(&self, what: String) -> ExportError {
        TextError::new(DOCUMENT, self.number, what).into()
    }
}
