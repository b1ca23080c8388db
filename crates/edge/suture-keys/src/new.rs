//! Making a key: a private file that only its owner can read, and its public half beside it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ssh_key::private::Ed25519Keypair;
use ssh_key::{Cipher, Kdf, LineEnding, PrivateKey};
use suture_trust::PublicKey;
use zeroize::Zeroizing;

use crate::file::public_path;
use crate::passphrase::Passphrase;
use crate::random::RandomError;

/// Rounds of bcrypt, as OpenSSH does them today.
const ROUNDS: u32 = 24;
const SALT_LEN: usize = 16;

/// A key that is not yet in any file.
pub struct NewKey {
    key: PrivateKey,
    public: PublicKey,
}

impl NewKey {
    /// Makes a key that people call `comment`.
    ///
    /// # Errors
    /// The system gives no randomness.
    ///
    /// # Panics
    /// Never: every 32 bytes are an Ed25519 secret whose public half is no weak point.
    pub fn generate(comment: &str) -> Result<Self, RandomError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::getrandom(&mut *seed)?;
        let pair = Ed25519Keypair::from_seed(&seed);
        let public =
            PublicKey::from_bytes(&pair.public.0, comment).expect("clamped scalars give no weak points");
        let mut key = PrivateKey::from(pair);
        key.set_comment(comment);
        Ok(Self { key, public })
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Writes `path` and `path.pub`, neither of which may be there: a key that is overwritten is gone for good. Returns
    /// where the public half is.
    ///
    /// # Errors
    /// Nothing was written, or it was removed again.
    pub fn write(&self, path: &Path, passphrase: Option<&Passphrase>) -> io::Result<PathBuf> {
        let text = self.text(passphrase)?;
        let public_path = public_path(path);
        if public_path.symlink_metadata().is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("`{}` is there", public_path.display()),
            ));
        }
        create(path, 0o600, text.as_bytes())?;
        let written = create(&public_path, 0o644, format!("{}\n", self.public).as_bytes());
        if written.is_err() {
            let _ = fs::remove_file(path);
        }
        written.map(|()| public_path)
    }

    fn text(&self, passphrase: Option<&Passphrase>) -> io::Result<Zeroizing<String>> {
        let invalid = |error: ssh_key::Error| io::Error::other(format!("the key can't be written: {error}"));
        let Some(passphrase) = passphrase else {
            return self.key.to_openssh(LineEnding::LF).map_err(invalid);
        };
        let mut salt = vec![0; SALT_LEN];
        let mut check = [0; 4];
        getrandom::getrandom(&mut salt)?;
        getrandom::getrandom(&mut check)?;
        let kdf = Kdf::Bcrypt { salt, rounds: ROUNDS };
        let check = u32::from_ne_bytes(check);
        let encrypted = self.key.encrypt_with(Cipher::Aes256Ctr, kdf, check, passphrase.as_bytes());
        encrypted.and_then(|key| key.to_openssh(LineEnding::LF)).map_err(invalid)
    }
}

/// The public half alone.
impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// A file that was not there, whole or not at all.
fn create(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}
