//! Keys of logs and witnesses in files of OpenSSH: Ed25519, not encrypted, since nobody is there to be asked when an act
//! is recorded; the file must be its owner's alone.

use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};
use ssh_key::PrivateKey;
use ssh_key::private::KeypairData;
use suture_log::{SignError, Signer};

use crate::failure::Failure;
use crate::files;

/// A private key and the name under which it signs. It is zeroed when it is dropped.
pub(crate) struct LogKey {
    name: String,
    key: SigningKey,
}

impl LogKey {
    /// The key in the file `path`.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Self, Failure> {
        let failure = || Failure::usage(format!("the key `{}` can't be used", path.display()));
        refuse_if_others_read(path)?;
        let text = zeroize::Zeroizing::new(files::read_text(path, "the key")?);
        let private = PrivateKey::from_openssh(text.as_bytes()).map_err(|_| {
            failure()
                .why("it is no private key of OpenSSH")
                .help("make one with `ssh-keygen -t ed25519 -N ''`")
        })?;
        match private.key_data() {
            KeypairData::Ed25519(pair) => {
                Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(&pair.private.to_bytes()) })
            }
            KeypairData::Encrypted(_) => Err(failure()
                .why("it is encrypted, and nobody is there to be asked when an act is recorded")
                .help(
                    "give the log a key of its own without a passphrase, with `ssh-keygen -t ed25519 -N ''`",
                )),
            _ => Err(failure()
                .why(&format!("it is of type {}", private.algorithm()))
                .help("logs are signed with Ed25519; make a key with `ssh-keygen -t ed25519 -N ''`")),
        }
    }
}

impl Signer for LogKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.key.sign(message).to_bytes())
    }
}

/// As ssh does: a key that others can read is nobody's.
fn refuse_if_others_read(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    let mode = path.metadata().map_or(0, |metadata| metadata.permissions().mode());
    if mode & OTHERS == 0 {
        return Ok(());
    }
    Err(Failure::usage(format!("the key `{}` can't be used", path.display()))
        .why(&format!("others may read it: its mode is {:04o}", mode & 0o7777))
        .help(format!(
            "take that from them with `chmod 600 {}`, and think about whether they have",
            path.display()
        )))
}
