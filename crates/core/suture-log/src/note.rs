//! A text with signatures under it (C2SP signed-note).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::{KeyKind, SignError, Signer, VerifierKey, is_key_name, key_of, sign_checked};
use crate::lines::{TextError, line_of, shown};

/// Longest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 << 10;
/// Most signatures under a note. The specification asks for room for 16.
pub const SIGNATURES_MAX: usize = 64;
/// Longest signature, in bytes: there are post-quantum ones under notes of others.
const SIGNATURE_BYTES_MAX: usize = 8 << 10;
const DOCUMENT: &str = "note";

/// A text, and who says to have signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// A line under a note. What it is worth only the key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    /// Name of the key.
    pub name: String,
    /// The key's short id.
    pub id: u32,
    /// The signature, of whatever kind.
    pub signature: Vec<u8>,
}

impl Note {
    /// A note without signatures. `text` must end with a newline and have no control characters but newlines.
    pub(crate) fn unsigned(text: String) -> Self {
        Self { text, signatures: Vec::new() }
    }

    /// Reads a note.
    ///
    /// # Errors
    /// Where it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(TextError::new(DOCUMENT, 1, format!("it is longer than {NOTE_BYTES_MAX} bytes")));
        }
        let line_of = |at| line_of(bytes, at);
        let note = str::from_utf8(bytes)
            .map_err(|error| TextError::new(DOCUMENT, line_of(error.valid_up_to()), "it is not UTF-8"))?;
        if let Some(at) = note.find(|c: char| c < ' ' && c != '\n') {
            return Err(TextError::new(DOCUMENT, line_of(at), "it has a control character"));
        }
        let Some(end) = note.rfind("\n\n") else {
            let what = "no empty line parts the text from the signatures";
            return Err(TextError::new(DOCUMENT, line_of(bytes.len()), what));
        };
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        let first_line = line_of(end + 2);
        let Some(signatures) = signatures.strip_suffix('\n') else {
            return Err(TextError::new(
                DOCUMENT,
                first_line,
                "no whole signature line follows the empty line",
            ));
        };
        let mut lines = Vec::new();
        for (number, line) in (first_line..).zip(signatures.split('\n')) {
            if lines.len() == SIGNATURES_MAX {
                let what = format!("there are more than {SIGNATURES_MAX} signatures");
                return Err(TextError::new(DOCUMENT, number, what));
            }
            lines.push(SignatureLine::parse(line).map_err(|what| TextError::new(DOCUMENT, number, what))?);
        }
        Ok(Self { text: text.to_owned(), signatures: lines })
    }

    /// The text, with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines under it.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a line, unless that key has one already: the newer one then replaces it.
    pub(crate) fn add(&mut self, line: SignatureLine) {
        self.signatures.retain(|other| (&other.name, other.id) != (&line.name, line.id));
        self.signatures.push(line);
    }

    /// Signs the text itself with `signer`.
    pub(crate) fn sign<S: Signer + ?Sized>(&mut self, signer: &S) -> Result<(), SignError> {
        let key = key_of(signer, KeyKind::Note)?;
        let signature = sign_checked(signer, &key, self.text.as_bytes())?;
        self.add(SignatureLine { name: key.name().to_owned(), id: key.id(), signature: signature.to_vec() });
        Ok(())
    }

    /// The signatures that claim to be of `key`.
    pub(crate) fn claimed_by<'n>(&'n self, key: &VerifierKey) -> impl Iterator<Item = &'n [u8]> + use<'n> {
        let (name, id) = (key.name().to_owned(), key.id());
        let lines = self.signatures.iter().filter(move |line| line.id == id && line.name == name);
        lines.map(|line| line.signature.as_slice())
    }

    /// Whether `key` has signed the text: `None` if no line says so, `Some(false)` if one that does is wrong.
    pub(crate) fn is_signed_by(&self, key: &VerifierKey) -> Option<bool> {
        let verifies = |signature: &[u8]| {
            signature.try_into().is_ok_and(|signature| key.verifies(self.text.as_bytes(), signature))
        };
        self.claimed_by(key).map(verifies).reduce(|all, one| all && one)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl SignatureLine {
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let parts = line.strip_prefix("— ").and_then(|rest| rest.split_once(' '));
        let (name, encoded) = parts.ok_or("a signature line has the form `— NAME BASE64`")?;
        if !is_key_name(name) {
            return Err(format!("`{}` can't be the name of a key", shown(name)));
        }
        if encoded.len() > SIGNATURE_BYTES_MAX * 4 / 3 {
            return Err(format!(
                "the signature of `{}` is longer than {SIGNATURE_BYTES_MAX} bytes",
                shown(name)
            ));
        }
        let bytes = STANDARD.decode(encoded).ok();
        let bytes = bytes.ok_or_else(|| format!("the signature of `{}` is not base64", shown(name)))?;
        match bytes.split_first_chunk() {
            Some((id, signature)) if !signature.is_empty() => {
                Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), signature: signature.to_vec() })
            }
            _ => Err(format!("the signature of `{}` is too short", shown(name))),
        }
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend(&self.signature);
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}
