//! Keys of roles: Ed25519, in the files that OpenSSH has for them.
//!
//! Whoever publishes needs something that signs ([`RoleSigner`]), not a key: a key file is one way ([`RoleKey`]), an agent or a
//! device can be another.

use std::collections::HashMap;
use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{HashAlg, Kdf, PrivateKey};
use tough::schema::decoded::{Decoded, Hex};
use tough::schema::key::{Ed25519Key, Ed25519Scheme, Key};

use crate::ChannelError;
use crate::limits::BCRYPT_ROUNDS_MAX;

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

/// A private key in memory, overwritten when dropped.
pub struct RoleKey(SigningKey);

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
        let key = key.map_err(|error| unreadable("public", &error))?;
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

impl RoleKey {
    /// Reads an OpenSSH private key file.
    ///
    /// # Errors
    /// It is no such file, of another algorithm than `ssh-ed25519`, or encrypted and `passphrase` does not open it.
    pub fn from_openssh(text: &[u8], passphrase: Option<&[u8]>) -> Result<Self, String> {
        let key = open(text, passphrase)?;
        match key.key_data().ed25519() {
            Some(pair) => Ok(Self(SigningKey::from_bytes(&pair.private.to_bytes()))),
            None => Err(wrong_type(key.algorithm().as_str())),
        }
    }
}

impl RoleSigner for RoleKey {
    fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String> {
        Ok(self.0.sign(message).to_bytes())
    }
}

/// Never shown.
impl fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoleKey({})", self.public().fingerprint())
    }
}

/// An OpenSSH private key, decrypted.
pub(crate) fn open(text: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, String> {
    let key = PrivateKey::from_openssh(text).map_err(|error| unreadable("private", &error))?;
    if !key.is_encrypted() {
        return Ok(key);
    }
    if let Kdf::Bcrypt { rounds, .. } = key.kdf()
        && *rounds > BCRYPT_ROUNDS_MAX
    {
        return Err(format!("it asks for {rounds} rounds of bcrypt, at most {BCRYPT_ROUNDS_MAX} are done"));
    }
    let passphrase = passphrase.ok_or("it is encrypted, and there is no passphrase")?;
    key.decrypt(passphrase).map_err(|_| "the passphrase is not the right one".to_owned())
}

/// Reads a key file of either kind and takes the public half.
///
/// # Errors
/// It is neither, or not Ed25519. An encrypted private key shows its public half without a passphrase.
pub fn public_of(text: &[u8], name: &str) -> Result<PublicKey, ChannelError> {
    let read = || -> Result<PublicKey, String> {
        if !text.starts_with(b"-----BEGIN") {
            let line = std::str::from_utf8(text).map_err(|_| "it is no text".to_owned())?;
            return PublicKey::from_openssh(line);
        }
        let key = PrivateKey::from_openssh(text)
            .map_err(|error| format!("it is no OpenSSH private key: {error}"))?;
        let ed25519 = key.public_key().key_data().ed25519().copied();
        ed25519.map(|key| PublicKey(key.0)).ok_or_else(|| wrong_type(key.algorithm().as_str()))
    };
    read().map_err(|why| {
        ChannelError::input(
            format!("the key `{name}`"),
            why,
            "`ssh-keygen -t ed25519` makes one that can be used",
        )
    })
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unreadable(half: &str, error: &ssh_key::Error) -> String {
    match error {
        ssh_key::Error::AlgorithmUnknown | ssh_key::Error::AlgorithmUnsupported { .. } => {
            wrong_type("another kind")
        }
        error => format!("it is no OpenSSH {half} key: {error}"),
    }
}

fn wrong_type(algorithm: &str) -> String {
    format!("it is a key of {algorithm}; only ssh-ed25519 is accepted")
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
        assert_eq!(public_of(format!("{key} somebody\n").as_bytes(), "k").unwrap(), key);
    }

    #[test]
    fn other_files_are_refused() {
        for text in
            ["", "ssh-ed25519", "ssh-rsa AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "\u{fffd}"]
        {
            assert!(public_of(text.as_bytes(), "k").is_err(), "{text:?}");
            assert!(RoleKey::from_openssh(text.as_bytes(), None).is_err(), "{text:?}");
        }
    }
}
