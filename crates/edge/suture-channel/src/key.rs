//! Keys of roles: Ed25519, named as OpenSSH names them.
//!
//! Whoever publishes needs something that signs ([`RoleSigner`]), not a key: a key file, an agent and a device are each a way,
//! and none of them is known here.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ssh_key::HashAlg;
use ssh_key::public::{Ed25519PublicKey, KeyData};
use tough::schema::decoded::{Decoded, Hex};

use crate::error::shown;
use tough::schema::key::{Ed25519Key, Ed25519Scheme, Key};

/// The public half of a key of a role. Its text is a line as in `id_ed25519.pub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

/// Something that signs with one key.
pub trait RoleSigner {
    /// The public half of the key.
    fn public(&self) -> PublicKey;

    /// An Ed25519 signature over `message` (RFC 8032, not prehashed).
    ///
    /// # Errors
    /// Whatever holds the key does not sign; the text says why.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String>;
}

impl PublicKey {
    /// From its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a line of OpenSSH's public key files.
    ///
    /// # Errors
    /// It is no such line, or of another algorithm than `ssh-ed25519`.
    pub fn from_openssh(line: &str) -> Result<Self, String> {
        let key = ssh_key::PublicKey::from_openssh(line.trim());
        let key = key.map_err(|error| unreadable(&error))?;
        match key.key_data() {
            KeyData::Ed25519(key) => Ok(Self(key.0)),
            other => Err(wrong_type(other.algorithm().as_str())),
        }
    }

    /// The fingerprint that `ssh-keygen -l` shows.
    pub fn fingerprint(&self) -> String {
        KeyData::Ed25519(Ed25519PublicKey(self.0)).fingerprint(HashAlg::Sha256).to_string()
    }

    /// The key as TUF spells it.
    pub(crate) fn tuf(&self) -> Key {
        let keyval = Ed25519Key { public: self.0.to_vec().into(), _extra: HashMap::new() };
        Key::Ed25519 { keyval, scheme: Ed25519Scheme::Ed25519, _extra: HashMap::new() }
    }

    /// The id of [`Self::tuf`]: SHA-256 over its canonical JSON (TUF 4.2), which has this one spelling.
    pub(crate) fn id(&self) -> Decoded<Hex> {
        let canonical =
            format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{}"}},"scheme":"ed25519"}}"#, hex(&self.0));
        Sha256::digest(canonical).to_vec().into()
    }

    /// The key behind what TUF metadata says; `None` for other algorithms.
    pub(crate) fn of_tuf(key: &Key) -> Option<Self> {
        match key {
            Key::Ed25519 { keyval, .. } => <[u8; 32]>::try_from(&keyval.public[..]).ok().map(Self),
            _ => None,
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = ssh_key::PublicKey::from(Ed25519PublicKey(self.0));
        f.write_str(&key.to_openssh().map_err(|_| fmt::Error)?)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = String;

    fn try_from(line: String) -> Result<Self, String> {
        Self::from_openssh(&line)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unreadable(error: &ssh_key::Error) -> String {
    match error {
        ssh_key::Error::AlgorithmUnknown | ssh_key::Error::AlgorithmUnsupported { .. } => {
            wrong_type("another kind")
        }
        error => shown(&format!("it is no OpenSSH public key: {error}")),
    }
}

fn wrong_type(algorithm: &str) -> String {
    shown(&format!("it is a key of {algorithm}; only ssh-ed25519 is accepted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_one_that_tuf_computes() {
        for byte in [0, 1, 0x7f, 0xff] {
            let key = PublicKey([byte; 32]);
            assert_eq!(key.id(), key.tuf().key_id().unwrap());
            assert_eq!(PublicKey::of_tuf(&key.tuf()), Some(key));
        }
    }

    #[test]
    fn its_line_reads_back() {
        let key = PublicKey([7; 32]);
        assert_eq!(PublicKey::from_openssh(&key.to_string()), Ok(key));
        assert_eq!(PublicKey::from_openssh(&format!("{key} somebody\n")), Ok(key));
    }

    #[test]
    fn other_lines_are_refused() {
        for text in ["", "ssh-ed25519", "ssh-rsa AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"] {
            assert!(PublicKey::from_openssh(text).is_err(), "{text:?}");
        }
    }
}
