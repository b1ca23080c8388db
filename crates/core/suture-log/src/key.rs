//! Keys of logs and witnesses: Ed25519, named, and written as the verifier keys of C2SP signed-note
//! (`NAME+ID+BASE64`). Whoever holds the private half stands behind [`Signer`].

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::lines::shown;

/// Longest name of a key, in bytes.
pub(crate) const KEY_NAME_BYTES_MAX: usize = 255;

/// Signs for a key: a key file, an agent, a device.
pub trait Signer {
    /// Name of the key. A log signs with its origin as name.
    fn name(&self) -> &str;

    /// The public half, 32 bytes as in RFC 8032.
    fn public_key(&self) -> [u8; 32];

    /// The Ed25519 signature over `message`.
    ///
    /// # Errors
    /// The key can't be used.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the key `{key}` did not sign: {why}")]
pub struct SignError {
    /// Name of the key.
    pub key: String,
    /// Why not; nothing of the key itself.
    pub why: String,
}

/// What a key signs: the byte that C2SP signed-note assigns to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyKind {
    /// Notes: checkpoints of a log.
    Note = 1,
    /// Timestamped cosignatures of a witness.
    Cosignature = 4,
}

/// A public key with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    key: VerifyingKey,
}

/// Why a text is no verifier key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not three parts.
    #[error("it is not of the form NAME+ID+BASE64")]
    Form,
    /// A name that notes can't have.
    #[error(
        "`{0}` can't be the name of a key: it is empty, too long, or has spaces, control characters or a plus"
    )]
    Name(String),
    /// Not Ed25519.
    #[error(
        "it is for signatures of type {0}, which are not supported; only Ed25519 (1) and its cosignatures (4) are"
    )]
    Kind(u8),
    /// Not a point of the curve, or one that signs everything.
    #[error("its 32 bytes are no Ed25519 public key")]
    Key,
    /// The parts do not belong together.
    #[error("its id is {found}, but name and key make {expected:08x}")]
    Id {
        /// What stands there.
        found: String,
        /// What should.
        expected: u32,
    },
}

impl VerifierKey {
    /// The public half of a signer.
    ///
    /// # Errors
    /// The name or the key can't be used.
    pub fn new(name: &str, kind: KeyKind, key: &[u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name(shown(name)));
        }
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyError::Key)?;
        if key.is_weak() {
            return Err(KeyError::Key);
        }
        Ok(Self { name: name.to_owned(), kind, key })
    }

    /// Its name; of a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key itself.
    pub fn bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The short id in signature lines: SHA-256(name || 0x0A || type || key)\[:4\].
    pub fn id(&self) -> u32 {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.kind as u8])
            .chain_update(self.key.as_bytes())
            .finalize();
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// Whether `signature` is this key's over `message`, by the strict rules that leave no second spelling.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.kind as u8];
        bytes.extend(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id(), STANDARD.encode(bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let mut bytes = [0; 36];
        let len = STANDARD.decode_slice(key, &mut bytes).map_err(|_| KeyError::Form)?;
        let kind = match bytes[..len].first() {
            Some(1) => KeyKind::Note,
            Some(4) => KeyKind::Cosignature,
            Some(other) => return Err(KeyError::Kind(*other)),
            None => return Err(KeyError::Form),
        };
        let key = bytes[1..len].try_into().map_err(|_| KeyError::Key)?;
        let key = Self::new(name, kind, key)?;
        if format!("{:08x}", key.id()) != id {
            return Err(KeyError::Id { found: shown(id), expected: key.id() });
        }
        Ok(key)
    }
}

/// Signs `message`, and looks at what came back: an agent may hold another key than it says.
pub(crate) fn sign_checked<S: Signer + ?Sized>(
    signer: &S,
    key: &VerifierKey,
    message: &[u8],
) -> Result<[u8; 64], SignError> {
    let signature = signer.sign(message)?;
    if key.verifies(message, &signature) {
        return Ok(signature);
    }
    Err(SignError {
        key: shown(signer.name()),
        why: "its signature does not verify with its public key".to_owned(),
    })
}

/// The public half of `signer` for signatures of `kind`.
pub(crate) fn key_of<S: Signer + ?Sized>(signer: &S, kind: KeyKind) -> Result<VerifierKey, SignError> {
    VerifierKey::new(signer.name(), kind, &signer.public_key())
        .map_err(|why| SignError { key: shown(signer.name()), why: why.to_string() })
}

/// Whether notes can have a key of this name: not empty, no spaces, no plus (C2SP signed-note), and, because names are
/// shown to people, no control characters.
pub fn is_key_name(name: &str) -> bool {
    let fits = !name.is_empty() && name.len() <= KEY_NAME_BYTES_MAX;
    fits && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control())
}
