//! What a log signs (C2SP tlog-checkpoint): its name, how many entries it has, and the root over them.

use std::fmt;

use crate::hash::Hash;
use crate::key::{SignError, Signer, VerifierKey};
use crate::lines::{TextError, decimal, shown};
use crate::note::Note;

const DOCUMENT: &str = "checkpoint";
/// Longest origin, in bytes: that of a key's name, since the key is named after it.
const ORIGIN_BYTES_MAX: usize = crate::key::KEY_NAME_BYTES_MAX;

/// A size of a log and the root of its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: a URL without a scheme, such as `example.com/audit`.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// A checkpoint with the signatures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl Checkpoint {
    /// Reads the text of a note. Lines after the third are for others and are kept in the note alone.
    fn parse(text: &str) -> Result<Self, TextError> {
        let wrong = |line, what: String| TextError::new(DOCUMENT, line, what);
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let mut next = |line, what: &str| {
            let found = lines.next().filter(|text| !text.is_empty());
            found.ok_or_else(|| wrong(line, format!("{what} is missing")))
        };
        let origin = next(1, "the origin")?;
        let size = next(2, "the number of entries")?;
        let root = next(3, "the root hash")?;
        if origin.len() > ORIGIN_BYTES_MAX {
            return Err(wrong(1, format!("the origin is longer than {ORIGIN_BYTES_MAX} bytes")));
        }
        let size = decimal(size).ok_or_else(|| {
            wrong(2, format!("`{}` is no number of entries in decimal digits", shown(size)))
        })?;
        let root = Hash::from_base64(root)
            .ok_or_else(|| wrong(3, format!("`{}` is no SHA-256 in base64", shown(root))))?;
        if let Some(number) = lines.position(str::is_empty) {
            return Err(wrong(number + 4, "a line of a checkpoint is not empty".to_owned()));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Signs it with the log's key, whose name must be the origin.
    ///
    /// # Errors
    /// The key is another one's, or does not sign.
    pub fn sign<S: Signer + ?Sized>(self, signer: &S) -> Result<SignedCheckpoint, SignError> {
        if signer.name() != self.origin {
            let why = format!("it is not the key of the log `{}`", shown(&self.origin));
            return Err(SignError { key: shown(signer.name()), why });
        }
        let mut note = Note::unsigned(self.to_string());
        note.sign(signer)?;
        Ok(SignedCheckpoint { checkpoint: self, note })
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

impl SignedCheckpoint {
    /// Reads a checkpoint. Nothing is verified by that: see [`crate::Policy::judge`].
    ///
    /// # Errors
    /// Where it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        let note = Note::parse(bytes).map_err(|error| error.within(DOCUMENT, 0))?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { checkpoint, note })
    }

    /// What is signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Text and signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    pub(crate) fn note_mut(&mut self) -> &mut Note {
        &mut self.note
    }

    /// Adds the signatures under `other`; `false` if that is of another text.
    pub fn add_signatures_of(&mut self, other: &Self) -> bool {
        let is_same = self.note.text() == other.note.text();
        if is_same {
            other.note.signatures().iter().for_each(|line| self.note.add(line.clone()));
        }
        is_same
    }

    /// Whether `key`, a log's, has signed it. The key must be named after the log.
    pub fn is_signed_by(&self, key: &VerifierKey) -> bool {
        key.name() == self.checkpoint.origin && self.note.is_signed_by(key) == Some(true)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}
