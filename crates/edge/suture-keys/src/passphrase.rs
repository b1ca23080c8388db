//! Where passphrases come from: a terminal that does not show them, or a file that only its owner can read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sys::termios::{self, LocalFlags, SetArg, Termios};
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest passphrase, in bytes. Buffers have this size from the beginning, so that none is left behind when it grows.
const PASSPHRASE_LEN_MAX: usize = 1024;
/// How often a person may try.
const TRIES_MAX: u32 = 3;
/// What a terminal sends for Ctrl-C, Ctrl-D, Ctrl-U, backspace and delete.
const INTERRUPT: u8 = 3;
const END: u8 = 4;
const KILL: u8 = 21;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// A passphrase; overwritten when dropped.
pub struct Passphrase(Zeroizing<Vec<u8>>);

/// Where to ask for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassphraseSource {
    /// The first line of a file.
    File(PathBuf),
    /// A person at the terminal of the process.
    Terminal,
    /// Nowhere: the key has to do without.
    Nobody,
}

/// Why there is no passphrase.
#[derive(Debug, Error)]
pub enum PassphraseError {
    /// It is used where nobody is asked.
    #[error("nobody is there to be asked for its passphrase")]
    Nobody,
    /// No terminal to ask at.
    #[error("there is no terminal to ask at: {0}")]
    NoTerminal(#[source] io::Error),
    /// The file can't be read.
    #[error("the passphrase file `{}` can't be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read the file.
    #[error("the passphrase file `{}` can be read by others (mode {mode:04o})", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Too long.
    #[error("the passphrase is longer than {PASSPHRASE_LEN_MAX} bytes")]
    TooLong,
    /// The person does not want to.
    #[error("interrupted")]
    Interrupted,
    /// The two that were typed differ.
    #[error("the two passphrases differ")]
    Different,
    /// Nothing was given for a new key.
    #[error("the passphrase is empty")]
    Empty,
}

impl Passphrase {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn buffer() -> Zeroizing<Vec<u8>> {
        Zeroizing::new(Vec::with_capacity(PASSPHRASE_LEN_MAX + 1))
    }
}

/// Never shown.
impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl PassphraseSource {
    /// How often it is worth asking.
    pub fn tries(&self) -> u32 {
        match self {
            Self::File(_) | Self::Nobody => 1,
            Self::Terminal => TRIES_MAX,
        }
    }

    /// Asks for the passphrase of the key that people call `key`.
    ///
    /// # Errors
    /// There is none to be had.
    pub fn ask(&self, key: &str) -> Result<Passphrase, PassphraseError> {
        match self {
            Self::File(path) => first_line(path),
            Self::Terminal => type_in(&format!("Passphrase of {key}: ")),
            Self::Nobody => Err(PassphraseError::Nobody),
        }
    }

    /// Asks for the passphrase of a key that is yet to be: a person types it twice.
    ///
    /// # Errors
    /// There is none to be had, it is empty, or the two differ.
    pub fn ask_new(&self, key: &str) -> Result<Passphrase, PassphraseError> {
        let passphrase = match self {
            Self::File(path) => first_line(path)?,
            Self::Terminal => {
                let first = type_in(&format!("New passphrase for {key}: "))?;
                let second = type_in("The same again: ")?;
                if first.0 != second.0 {
                    return Err(PassphraseError::Different);
                }
                first
            }
            Self::Nobody => return Err(PassphraseError::Nobody),
        };
        if passphrase.0.is_empty() { Err(PassphraseError::Empty) } else { Ok(passphrase) }
    }
}

/// Bits of a mode that let others in.
pub(crate) const OTHERS: u32 = 0o077;

fn first_line(path: &Path) -> Result<Passphrase, PassphraseError> {
    let unreadable = |source| PassphraseError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(PassphraseError::TooOpen { path: path.to_owned(), mode });
    }
    let mut line = Passphrase::buffer();
    for byte in io::BufReader::with_capacity(1, file).bytes() {
        match byte.map_err(unreadable)? {
            b'\n' => break,
            byte => push(&mut line, byte)?,
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Passphrase(line))
}

/// Reads a line from the terminal of the process, whatever its standard streams are, without showing it.
fn type_in(prompt: &str) -> Result<Passphrase, PassphraseError> {
    let no_terminal = PassphraseError::NoTerminal;
    let terminal = File::options().read(true).write(true).open("/dev/tty").map_err(no_terminal)?;
    let _silence = Silence::begin(&terminal).map_err(|error| no_terminal(error.into()))?;
    (&terminal).write_all(prompt.as_bytes()).map_err(no_terminal)?;
    let line = read_keys(&terminal);
    // The person's own line end was not shown either.
    let _ = (&terminal).write_all(b"\n");
    line
}

fn read_keys(mut terminal: &File) -> Result<Passphrase, PassphraseError> {
    let mut line = Passphrase::buffer();
    loop {
        let mut key = Zeroizing::new([0; 1]);
        if terminal.read(&mut *key).map_err(PassphraseError::NoTerminal)? == 0 {
            return Err(PassphraseError::Interrupted);
        }
        match key[0] {
            b'\n' | b'\r' => return Ok(Passphrase(line)),
            INTERRUPT => return Err(PassphraseError::Interrupted),
            END if line.is_empty() => return Err(PassphraseError::Interrupted),
            KILL => line.clear(),
            BACKSPACE | DELETE => erase(&mut line),
            byte => push(&mut line, byte)?,
        }
    }
}

/// Takes away the last character, which may be several bytes of UTF-8.
fn erase(line: &mut Vec<u8>) {
    while let Some(byte) = line.pop() {
        if byte & 0xc0 != 0x80 {
            break;
        }
    }
}

fn push(line: &mut Vec<u8>, byte: u8) -> Result<(), PassphraseError> {
    if line.len() == PASSPHRASE_LEN_MAX {
        return Err(PassphraseError::TooLong);
    }
    line.push(byte);
    Ok(())
}

/// While it lives, the terminal shows nothing and sends no signals: Ctrl-C comes as a byte, so that the terminal is
/// always set back.
struct Silence<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Silence<'t> {
    fn begin(terminal: &'t File) -> nix::Result<Self> {
        let before = termios::tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent
            .local_flags
            .remove(LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::ICANON | LocalFlags::ISIG);
        termios::tcsetattr(terminal, SetArg::TCSAFLUSH, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // There is nothing left to try if the terminal has gone away.
        let _ = termios::tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, PassphraseSource) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passphrase");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (directory, PassphraseSource::File(path))
    }

    #[test]
    fn the_first_line_of_a_file() {
        for content in ["secret words", "secret words\n", "secret words\r\nmore\n"] {
            let (_directory, source) = file(content.as_bytes(), 0o600);
            assert_eq!(source.ask("key").unwrap().as_bytes(), b"secret words");
        }
        let (_directory, source) = file(b"\n", 0o400);
        assert!(matches!(source.ask_new("key"), Err(PassphraseError::Empty)));
    }

    #[test]
    fn a_file_that_others_can_read() {
        for mode in [0o644, 0o640, 0o604, 0o620] {
            let (_directory, source) = file(b"secret\n", mode);
            let error = source.ask("key").unwrap_err().to_string();
            assert!(error.contains(&format!("{mode:04o}")) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_file_without_end() {
        assert!(matches!(
            PassphraseSource::File("/dev/zero".into()).ask("key"),
            Err(PassphraseError::TooOpen { .. })
        ));
        let (_directory, source) = file(&[b'x'; 5000], 0o600);
        assert!(matches!(source.ask("key"), Err(PassphraseError::TooLong)));
    }

    #[test]
    fn characters_are_erased_whole() {
        let mut line = "aé".as_bytes().to_vec();
        erase(&mut line);
        assert_eq!(line, b"a");
        erase(&mut line);
        erase(&mut line);
        assert_eq!(line, b"");
    }

    #[test]
    fn a_passphrase_is_never_shown() {
        let (_directory, source) = file(b"secret\n", 0o600);
        assert!(!format!("{:?}", source.ask("key").unwrap()).contains("secret"));
    }
}
