//! Public keys and what makes signatures.
//!
//! Ed25519 (RFC 8032) only: one algorithm, no negotiation. Keys are written as OpenSSH writes them, and are named
//! by OpenSSH's fingerprint, so that `ssh-keygen -lf` shows the same name.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use ssh_key::{HashAlg, public::KeyData};
use thiserror::Error;

use crate::text::told;

/// Longest line that is read as a public key, in bytes.
const LINE_LEN_MAX: usize = 4096;
/// Longest comment of a key, in characters.
const COMMENT_LEN_MAX: usize = 256;
/// The only algorithm.
const ALGORITHM: &str = "ssh-ed25519";
/// Bytes of the digest in the name of a key.
const DIGEST_LEN: usize = 32;

/// An Ed25519 public key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey {
    key: VerifyingKey,
    comment: String,
}

/// The name of a key: `SHA256:` and the base64 of the digest of its OpenSSH form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

/// Why a text is no public key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Of no form that is known.
    #[error("it is no OpenSSH public key (`ssh-ed25519 AAAA… name`): {0}")]
    Malformed(String),
    /// Of another algorithm.
    #[error("it is a key of type {0}; only ssh-ed25519 is accepted")]
    WrongType(String),
    /// A point of small order or none at all: anything could be made to verify.
    #[error("it is no valid Ed25519 point")]
    Weak,
}

/// Why nothing was signed.
#[derive(Debug, Error)]
#[error("the key {key} did not sign: {why}")]
pub struct SignError {
    /// The key that was to sign.
    pub key: KeyId,
    /// Why, without any secret.
    pub why: String,
}

/// What can sign: a key in memory, an agent.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The Ed25519 signature over `message`, 64 bytes.
    ///
    /// # Errors
    /// The key can't be used now.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

impl PublicKey {
    /// The key with these 32 bytes. Of the comment is kept what can stand on one line.
    ///
    /// # Errors
    /// [`KeyError::Weak`].
    pub fn from_bytes(bytes: &[u8; 32], comment: &str) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Weak)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        let comment = comment.trim().chars().filter(|c| !c.is_control()).take(COMMENT_LEN_MAX).collect();
        Ok(Self { key, comment })
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// What people call it.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        let data = KeyData::Ed25519(ssh_key::public::Ed25519PublicKey(*self.as_bytes()));
        KeyId(data.fingerprint(HashAlg::Sha256).to_string())
    }

    /// Whether `signature` is this key's over `message`, by the strict rules (RFC 8032 §5.1.7, no cofactor, no
    /// point of small order), so that all verifiers agree.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let malformed = |why: &str| KeyError::Malformed(why.to_owned());
        if text.len() > LINE_LEN_MAX {
            return Err(malformed("it is too long"));
        }
        if text.trim().lines().count() != 1 {
            return Err(malformed("one line is expected"));
        }
        let algorithm = text.split_whitespace().next().unwrap_or_default();
        if algorithm.starts_with("ssh-") && algorithm != ALGORITHM || algorithm.starts_with("ecdsa-") {
            return Err(KeyError::WrongType(told(&algorithm)));
        }
        let key = ssh_key::PublicKey::from_openssh(text.trim()).map_err(|error| malformed(&told(&error)))?;
        match key.key_data() {
            KeyData::Ed25519(bytes) => Self::from_bytes(&bytes.0, key.comment()),
            other => Err(KeyError::WrongType(told(&other.algorithm()))),
        }
    }
}

/// The OpenSSH line (RFC 8709 §4, in base64).
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let string = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
        let blob = [string(ALGORITHM.as_bytes()), string(self.as_bytes())].concat();
        write!(f, "{ALGORITHM} {}", STANDARD.encode(blob))?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {:?})", self.id(), self.comment)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl KeyId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is written as names of keys are written here; other tools have other ways.
    pub(crate) fn is_fingerprint(&self) -> bool {
        let digest = self.0.strip_prefix("SHA256:").map(|digest| STANDARD_NO_PAD.decode(digest));
        digest.is_some_and(|digest| digest.is_ok_and(|digest| digest.len() == DIGEST_LEN))
    }
}

impl From<String> for KeyId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with `ssh-keygen -t ed25519`, its name printed by `ssh-keygen -lf`.
    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHbfqWU/mYOyOZJpQ1WzfnA9KZmMEU8eWV91h6YthnTq alice@core";

    #[test]
    fn keys_are_written_as_they_are_read() {
        let key: PublicKey = LINE.parse().unwrap();
        assert_eq!((key.comment(), key.to_string().as_str()), ("alice@core", LINE));
        assert_eq!(key.id().as_str(), "SHA256:DmuJdYwUiKFhEVp/VGBugm1OG5mtskzDWqx+bFYkn3E");
        assert!(key.id().is_fingerprint());
        for other in
            ["", "SHA256:", "SHA256:DmuJ", "sha256:DmuJdYwUiKFhEVp/VGBugm1OG5mtskzDWqx+bFYkn3E", "key-1"]
        {
            assert!(!KeyId::from(other.to_owned()).is_fingerprint(), "{other}");
        }
    }

    /// Comments of an agent's keys may be anything.
    #[test]
    fn a_key_is_one_line_whatever_its_comment() {
        let key: PublicKey = LINE.parse().unwrap();
        for comment in ["", " ", "a\nb\u{1b}[2J", "é \" \\ ü", &"x".repeat(100_000)] {
            let key = PublicKey::from_bytes(key.as_bytes(), comment).unwrap();
            assert!(!key.to_string().contains(char::is_control));
            assert_eq!(key.to_string().parse(), Ok(key), "{comment}");
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 bob";
        assert_eq!(rsa.parse::<PublicKey>(), Err(KeyError::WrongType("ssh-rsa".to_owned())));
        for text in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "hello", &format!("{LINE}\n{LINE}")] {
            assert!(matches!(text.parse::<PublicKey>(), Err(KeyError::Malformed(_))), "{text}");
        }
        assert_eq!(PublicKey::from_bytes(&[0; 32], ""), Err(KeyError::Weak));
    }
}
