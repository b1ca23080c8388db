//! OpenSSH private key files (`openssh-key-v1`), encrypted ones too, read as ssh reads them: a file that others can read
//! is refused.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey};
use ssh_key::{Kdf, PrivateKey};
use suture_trust::{KeyError, PublicKey, SignError, Signer};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::passphrase::{OTHERS, Passphrase, PassphraseError};

/// Longest key file, in bytes.
const FILE_LEN_MAX: usize = 64 << 10;
/// How private keys begin, of whatever format.
const BEGIN: &[u8] = b"-----BEGIN";
/// Most rounds of bcrypt that a file may ask for: some ten seconds. OpenSSH asks for 16 or 24.
const ROUNDS_MAX: u32 = 1024;

/// A private key in memory; overwritten when dropped.
pub struct FileKey {
    secret: SigningKey,
    public: PublicKey,
}

/// Why a key file can't be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(#[source] io::Error),
    /// Others can read it.
    #[error("others can read it (mode {0:04o})")]
    TooOpen(u32),
    /// Too long for a key.
    #[error("it is longer than {} KiB", FILE_LEN_MAX >> 10)]
    TooLong,
    /// Something else altogether.
    #[error("it is no private key")]
    NotPrivate,
    /// Not of the format.
    #[error("it is no OpenSSH private key: {0}")]
    Malformed(ssh_key::Error),
    /// Another algorithm.
    #[error("it is a key of type {0}; only ssh-ed25519 is accepted")]
    WrongType(String),
    /// It would keep the machine busy.
    #[error("it asks for {0} rounds of bcrypt, at most {ROUNDS_MAX} are done")]
    TooManyRounds(u32),
    /// It is encrypted.
    #[error("it is encrypted: {0}")]
    NoPassphrase(#[source] PassphraseError),
    /// It is encrypted with another passphrase.
    #[error("the passphrase is not the right one")]
    WrongPassphrase,
    /// What is in it is no key to sign with.
    #[error("it can't be used: {0}")]
    Unusable(KeyError),
}

impl KeyFileError {
    /// How to go on.
    pub fn help(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::TooOpen(_) => format!("`chmod 600 {path}`, and think about who has read it"),
            Self::NoPassphrase(PassphraseError::TooOpen { path, .. }) => {
                format!("`chmod 600 {}`", path.display())
            }
            Self::NoPassphrase(PassphraseError::Nobody) => {
                "name a file with the passphrase in SUTURE_PASSPHRASE_FILE, give the key to an agent, or take one without a passphrase"
                    .to_owned()
            }
            Self::NoPassphrase(_) => {
                "run it at a terminal, or name a file with the passphrase in SUTURE_PASSPHRASE_FILE"
                    .to_owned()
            }
            Self::WrongPassphrase => "try again".to_owned(),
            Self::TooManyRounds(_) => format!("`ssh-keygen -p -a 24 -f {path}` writes it with fewer"),
            Self::Malformed(_) => {
                format!("`ssh-keygen -p -f {path}` writes keys of older formats in the current one")
            }
            Self::NotPrivate => {
                "a private key file begins with `-----BEGIN OPENSSH PRIVATE KEY-----`".to_owned()
            }
            Self::Unreadable(_) | Self::TooLong | Self::WrongType(_) | Self::Unusable(_) => {
                "`suture key new` makes a key".to_owned()
            }
        }
    }
}

impl FileKey {
    /// Reads a key file. `passphrase` is asked, with the number of the attempt from 1 on, if the file is encrypted; it is
    /// asked again after a wrong one until it gives an error or `tries` are used up.
    ///
    /// # Errors
    /// Why the file can't be used.
    pub fn read(
        path: &Path,
        tries: u32,
        passphrase: &mut dyn FnMut(u32) -> Result<Passphrase, PassphraseError>,
    ) -> Result<Self, KeyFileError> {
        let text = read_private(path)?;
        let key = parse(&text)?;
        if !key.algorithm().is_ed25519() {
            return Err(KeyFileError::WrongType(key.algorithm().to_string()));
        }
        if !key.is_encrypted() {
            return Self::new(&key);
        }
        if let Kdf::Bcrypt { rounds, .. } = key.kdf()
            && *rounds > ROUNDS_MAX
        {
            return Err(KeyFileError::TooManyRounds(*rounds));
        }
        for attempt in 1..=tries.max(1) {
            let passphrase = passphrase(attempt).map_err(KeyFileError::NoPassphrase)?;
            if let Ok(key) = key.decrypt(passphrase.as_bytes()) {
                return Self::new(&key);
            }
        }
        Err(KeyFileError::WrongPassphrase)
    }

    /// The public half is computed from the secret, whatever the file says that it is.
    fn new(key: &PrivateKey) -> Result<Self, KeyFileError> {
        let pair = key.key_data().ed25519();
        let pair = pair.ok_or_else(|| KeyFileError::WrongType(key.algorithm().to_string()))?;
        let seed = Zeroizing::new(pair.private.to_bytes());
        let secret = SigningKey::from_bytes(&seed);
        let public = PublicKey::from_bytes(secret.verifying_key().as_bytes(), key.comment());
        Ok(Self { public: public.map_err(KeyFileError::Unusable)?, secret })
    }
}

impl Signer for FileKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.secret.sign(message).to_bytes())
    }
}

/// The public half alone.
impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The public key in `path`: a `.pub` file, or a private key file, whose public half can be read without its
/// passphrase.
///
/// # Errors
/// Why it can't be used.
pub fn read_public(path: &Path) -> Result<PublicKey, KeyFileError> {
    let (text, _) = read_up_to_limit(path)?;
    if let Ok(line) = str::from_utf8(&text)
        && !line.trim_start().starts_with("-----BEGIN")
    {
        return line.parse().map_err(|error| match error {
            KeyError::WrongType(name) => KeyFileError::WrongType(name),
            other => KeyFileError::Unusable(other),
        });
    }
    let key = parse(&text)?;
    let public = key.public_key().key_data().ed25519();
    let public = public.ok_or_else(|| KeyFileError::WrongType(key.algorithm().to_string()))?;
    PublicKey::from_bytes(&public.0, key.comment()).map_err(KeyFileError::Unusable)
}

/// Whether the file in `path` is one of a private key, and not of a public one.
///
/// # Errors
/// It can't be read.
pub fn is_private(path: &Path) -> Result<bool, KeyFileError> {
    read_up_to_limit(path).map(|(text, _)| text.starts_with(BEGIN))
}

fn parse(text: &[u8]) -> Result<PrivateKey, KeyFileError> {
    PrivateKey::from_openssh(text).map_err(|error| match error {
        ssh_key::Error::AlgorithmUnsupported { algorithm } => KeyFileError::WrongType(algorithm.to_string()),
        // The crate knows the names of the ECDSA types, but without its feature does not say which it was.
        ssh_key::Error::AlgorithmUnknown => KeyFileError::WrongType("ecdsa".to_owned()),
        other => KeyFileError::Malformed(other),
    })
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let (text, mode) = read_up_to_limit(path)?;
    if !text.starts_with(BEGIN) {
        return Err(KeyFileError::NotPrivate);
    }
    if mode & OTHERS != 0 { Err(KeyFileError::TooOpen(mode)) } else { Ok(text) }
}

/// The content, and the mode of the very file that was read. The buffer never grows, so no copy is left behind.
fn read_up_to_limit(path: &Path) -> Result<(Zeroizing<Vec<u8>>, u32), KeyFileError> {
    let mut file = File::open(path).map_err(KeyFileError::Unreadable)?;
    let mode = file.metadata().map_err(KeyFileError::Unreadable)?.mode() & 0o7777;
    let mut content = Zeroizing::new(vec![0; FILE_LEN_MAX + 1]);
    let mut len = 0;
    while len < content.len() {
        match file.read(&mut content[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(KeyFileError::Unreadable(error)),
        }
    }
    if len > FILE_LEN_MAX {
        return Err(KeyFileError::TooLong);
    }
    content.truncate(len);
    Ok((content, mode))
}

/// Where the public half of a private key file is kept.
pub(crate) fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}
