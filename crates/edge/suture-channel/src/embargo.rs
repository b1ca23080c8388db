//! Encryption of what must not be known yet: `age` (age-encryption.org/v1) to the recipients named.
//!
//! The name that the world sees is 128 random bits, and the length is that of the size class, so neither can be
//! derived from the content. What the world does see: that there is something, when it came, its size class, and, by
//! the length of the age header, about how many recipients there are (age adds a stanza of random length). An `ssh-ed25519` recipient also shows 32 bits of
//! the digest of its key, as age specifies; an `age1…` recipient shows nothing.

use std::io::{self, Read as _, Write as _};
use std::str::FromStr as _;

use age::{DecryptError, Decryptor, Encryptor, Identity, IdentityFile, Recipient};
use ssh_key::{Kdf, LineEnding, PrivateKey};

use crate::limits::{BCRYPT_ROUNDS_MAX, FILE_LEN_MAX, RECIPIENTS_MAX};
use crate::{ChannelError, key, parcel};

/// Whom a bundle is encrypted to.
pub struct Recipients(Vec<(String, Box<dyn Recipient + Send>)>);

/// Keys that open what is encrypted to them.
#[derive(Default)]
pub struct Identities(Vec<Box<dyn Identity>>);

impl Recipients {
    /// Reads recipients, one a line: `age1…` or an OpenSSH `ssh-ed25519` public key; empty lines and `#` comments are
    /// skipped.
    ///
    /// # Errors
    /// A line is neither, or there is none, or there are too many.
    pub fn parse(text: &str) -> Result<Self, ChannelError> {
        let input = |what: String, why: &str| {
            ChannelError::input(
                what,
                why,
                "name recipients as `age1…` or as lines like those in id_ed25519.pub",
            )
        };
        let mut recipients = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let shown = || format!("the recipient `{}`", line.escape_debug());
            if recipients.len() == RECIPIENTS_MAX {
                return Err(input("the recipients".to_owned(), "there are more than 4096"));
            }
            let recipient: Box<dyn Recipient + Send> = if line.starts_with("age1") {
                Box::new(age::x25519::Recipient::from_str(line).map_err(|why| input(shown(), why))?)
            } else if line.starts_with("ssh-ed25519 ") {
                let parsed = age::ssh::Recipient::from_str(line);
                Box::new(parsed.map_err(|_| input(shown(), "it is no ssh-ed25519 public key"))?)
            } else {
                return Err(input(shown(), "it is neither an age nor an ssh-ed25519 recipient"));
            };
            recipients.push((line.to_owned(), recipient));
        }
        if recipients.is_empty() {
            return Err(input("the recipients".to_owned(), "there are none"));
        }
        Ok(Self(recipients))
    }

    /// As they were written.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(line, _)| line.as_str())
    }
}

impl Identities {
    /// Adds the keys of an age identity file or of an OpenSSH private key file.
    ///
    /// # Errors
    /// It is neither, or encrypted and `passphrase` does not open it.
    pub fn add(&mut self, text: &[u8], name: &str, passphrase: Option<&[u8]>) -> Result<(), ChannelError> {
        let input = |why: String| {
            let help = "give a file that age-keygen or `ssh-keygen -t ed25519` wrote";
            ChannelError::input(format!("the identity `{name}`"), why, help)
        };
        if text.starts_with(b"-----BEGIN OPENSSH PRIVATE KEY-----") {
            let key = open_key(text, passphrase).map_err(input)?;
            let plain = key.to_openssh(LineEnding::LF).map_err(|error| input(error.to_string()))?;
            let identity = age::ssh::Identity::from_buffer(plain.as_bytes(), None)
                .map_err(|error| input(error.to_string()))?;
            self.0.push(Box::new(identity));
            return Ok(());
        }
        let file = IdentityFile::from_buffer(text).map_err(|error| input(error.to_string()))?;
        let identities = file.into_identities().map_err(|error| input(error.to_string()))?;
        if identities.is_empty() {
            return Err(input("there is no identity in it".to_owned()));
        }
        self.0.extend(identities.into_iter().map(|identity| -> Box<dyn Identity> { identity }));
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An OpenSSH private key, decrypted.
fn open_key(text: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, String> {
    let key = PrivateKey::from_openssh(text)
        .map_err(|error| format!("it is no OpenSSH private key that can be read: {error}"))?;
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

/// A name that says nothing: 128 random bits.
pub(crate) fn opaque_name() -> Result<String, ChannelError> {
    let mut random = [0; 16];
    getrandom::getrandom(&mut random).map_err(|error| ChannelError::Failed {
        what: "a random name".to_owned(),
        source: io::Error::other(error.to_string()),
    })?;
    Ok(key::hex(&random))
}

/// Encrypts `plain` to the recipients.
pub(crate) fn seal(plain: &[u8], recipients: &Recipients) -> Result<Vec<u8>, ChannelError> {
    let failed = |source| ChannelError::Failed { what: "the encryption".to_owned(), source };
    let to = recipients.0.iter().map(|(_, recipient)| &**recipient as &dyn Recipient);
    let encryptor =
        Encryptor::with_recipients(to).map_err(|error| failed(io::Error::other(error.to_string())))?;
    let mut sealed = Vec::with_capacity(plain.len() + plain.len() / 1024 + 4096);
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(failed)?;
    writer.write_all(plain).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(sealed)
}

/// How people say the size class of what is encrypted: its overhead is far less than half of it.
pub(crate) fn class_of_sealed(length: u64) -> String {
    let below = length.checked_ilog2().map_or(0, |exponent| 1 << exponent);
    parcel::class_name(below)
}

/// Decrypts; `None` if it is for others.
///
/// # Errors
/// It is damaged, or no age file.
pub(crate) fn unseal(sealed: &[u8], identities: &Identities) -> Result<Option<Vec<u8>>, String> {
    if identities.is_empty() {
        return Ok(None);
    }
    let decryptor = Decryptor::new(sealed).map_err(|error| error.to_string())?;
    let mut reader = match decryptor.decrypt(identities.0.iter().map(|identity| &**identity)) {
        Ok(reader) => reader,
        Err(DecryptError::NoMatchingKeys) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut plain = Vec::new();
    reader.by_ref().take(FILE_LEN_MAX).read_to_end(&mut plain).map_err(|error| error.to_string())?;
    Ok(Some(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOMEBODY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    fn identity() -> (String, Identities) {
        use age::secrecy::ExposeSecret as _;
        let identity = age::x25519::Identity::generate();
        let mut identities = Identities::default();
        identities.add(identity.to_string().expose_secret().as_bytes(), "test", None).unwrap();
        (identity.to_public().to_string(), identities)
    }

    #[test]
    fn opens_for_its_recipients_and_nobody_else() {
        let (recipient, identities) = identity();
        let (_, others) = identity();
        let recipients = Recipients::parse(&format!("# us\n{recipient}\n\n{SOMEBODY}\n")).unwrap();
        assert_eq!(recipients.lines().count(), 2);
        let sealed = seal(b"secret", &recipients).unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(unseal(&sealed, &identities).unwrap().as_deref(), Some(&b"secret"[..]));
        assert_eq!(unseal(&sealed, &others), Ok(None));
        assert_eq!(unseal(&sealed, &Identities::default()), Ok(None));
        assert_ne!(
            sealed,
            seal(b"secret", &recipients).unwrap(),
            "the same twice would show that it is the same"
        );
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let (recipient, identities) = identity();
        let sealed = seal(b"secret", &Recipients::parse(&recipient).unwrap()).unwrap();
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(!matches!(unseal(&damaged, &identities), Ok(Some(_))), "byte {at}");
            assert!(!matches!(unseal(&sealed[..at], &identities), Ok(Some(_))), "first {at} bytes");
        }
    }

    #[test]
    fn recipients_that_are_none() {
        for text in ["", "# nobody", "age1xyz", "ssh-rsa AAAA", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1", "bob"]
        {
            assert!(Recipients::parse(text).is_err(), "{text}");
        }
    }
}
