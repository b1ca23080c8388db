//! Proofs as files that need nothing but public keys to check: that an entry is in a log (C2SP tlog-proof), and that
//! a log went on from an earlier state (the body of C2SP tlog-witness `add-checkpoint`, which has the same parts).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::SignedCheckpoint;
use crate::entry::ENTRY_BYTES_MAX;
use crate::hash::Hash;
use crate::lines::{TextError, decimal, line_of, shown};
use crate::note::NOTE_BYTES_MAX;
use crate::tree::PROOF_HASHES_MAX;
use crate::verify::{self, ProofError};

/// Longest proof that is read, in bytes: an entry as extra data, hashes and a checkpoint.
pub const PROOF_BYTES_MAX: usize = 2 * ENTRY_BYTES_MAX + NOTE_BYTES_MAX + 8192;
const HEADER: &str = "c2sp.org/tlog-proof@v1";
const DOCUMENT: &str = "proof";

/// That something is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// What goes with it. Here it is the entry, so that the file says by itself what it proves; nothing vouches for it
    /// but [`ProofFile::verify`].
    pub extra: Option<Vec<u8>>,
    /// Number of the entry, from 0.
    pub index: u64,
    /// From the leaf's sibling upwards.
    pub hashes: Vec<Hash>,
    /// The state of the log that has the entry.
    pub checkpoint: SignedCheckpoint,
}

/// That a log went on from an earlier state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyFile {
    /// Entries of the earlier state.
    pub old_size: u64,
    /// From the bottom upwards.
    pub hashes: Vec<Hash>,
    /// The later state.
    pub checkpoint: SignedCheckpoint,
}

impl ProofFile {
    /// Whether bytes claim to be such a file.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(HEADER.as_bytes())
    }

    /// Reads a proof; nothing is verified by that.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        let mut lines = Lines::new(bytes)?;
        if lines.next()? != HEADER {
            return Err(lines.wrong(format!("the first line is not `{HEADER}`")));
        }
        let mut line = lines.next()?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix("extra ") {
            let decoded = STANDARD.decode(encoded).ok();
            extra = Some(decoded.ok_or_else(|| lines.wrong("the extra data are not base64"))?);
            line = lines.next()?;
        }
        let index = line.strip_prefix("index ").and_then(decimal);
        let index =
            index.ok_or_else(|| lines.wrong(format!("`{}` is not `index` and a number", shown(line))))?;
        let (hashes, checkpoint) = lines.hashes_and_checkpoint()?;
        Ok(Self { extra, index, hashes, checkpoint })
    }

    /// Checks that `entry` is number `index` in the tree of the checkpoint. The checkpoint is for
    /// [`crate::Policy::judge`].
    ///
    /// # Errors
    /// Why it does not follow.
    pub fn verify(&self, entry: &[u8]) -> Result<(), ProofError> {
        let tree = self.checkpoint.checkpoint();
        verify::inclusion(self.index, Hash::of_leaf(entry), tree.size, tree.root, &self.hashes)
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl ConsistencyFile {
    /// Whether bytes claim to be such a file.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(b"old ")
    }

    /// Reads a proof; nothing is verified by that.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        let mut lines = Lines::new(bytes)?;
        let line = lines.next()?;
        let old_size = line.strip_prefix("old ").and_then(decimal);
        let old_size =
            old_size.ok_or_else(|| lines.wrong(format!("`{}` is not `old` and a number", shown(line))))?;
        let (hashes, checkpoint) = lines.hashes_and_checkpoint()?;
        Ok(Self { old_size, hashes, checkpoint })
    }

    /// Checks that the log went on from the state with `old_root`.
    ///
    /// # Errors
    /// Why it does not follow.
    pub fn verify(&self, old_root: Hash) -> Result<(), ProofError> {
        let new = self.checkpoint.checkpoint();
        verify::consistency((self.old_size, old_root), (new.size, new.root), &self.hashes)
    }
}

impl fmt::Display for ConsistencyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// The lines of a proof, and where in it we are.
struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, TextError> {
        let too_long = bytes.len() > PROOF_BYTES_MAX;
        match str::from_utf8(bytes) {
            Ok(rest) if !too_long => Ok(Self { rest, number: 0 }),
            Ok(_) => Err(TextError::new(DOCUMENT, 1, format!("it is longer than {PROOF_BYTES_MAX} bytes"))),
            Err(error) => {
                Err(TextError::new(DOCUMENT, line_of(bytes, error.valid_up_to()), "it is not UTF-8"))
            }
        }
    }

    fn next(&mut self) -> Result<&'a str, TextError> {
        self.number += 1;
        let (line, rest) = self.rest.split_once('\n').ok_or_else(|| self.wrong("the file ends here"))?;
        self.rest = rest;
        Ok(line)
    }

    fn hashes_and_checkpoint(mut self) -> Result<(Vec<Hash>, SignedCheckpoint), TextError> {
        let mut hashes = Vec::new();
        loop {
            let line = self.next()?;
            if line.is_empty() {
                break;
            }
            if hashes.len() == PROOF_HASHES_MAX {
                return Err(self.wrong(format!("there are more than {PROOF_HASHES_MAX} hashes")));
            }
            let hash = Hash::from_base64(line);
            hashes
                .push(hash.ok_or_else(|| self.wrong(format!("`{}` is no SHA-256 in base64", shown(line))))?);
        }
        let checkpoint = SignedCheckpoint::parse(self.rest.as_bytes());
        Ok((hashes, checkpoint.map_err(|error| error.within(DOCUMENT, self.number))?))
    }

    fn wrong(&self, what: impl Into<String>) -> TextError {
        TextError::new(DOCUMENT, self.number, what)
    }
}
