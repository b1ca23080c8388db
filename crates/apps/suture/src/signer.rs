//! The key that a command line names: a file or an agent's.

use std::path::{Path, PathBuf};

use suture_keys::{Agent, FileKey, KeyFileError, PassphraseError, PassphraseSource};
use suture_trust::Signer;

use crate::failure::Failure;

/// Names a file with a passphrase.
pub(crate) const PASSPHRASE_FILE: &str = "SUTURE_PASSPHRASE_FILE";
/// Where ssh-agent listens.
const AGENT_SOCKET: &str = "SSH_AUTH_SOCK";

/// Something that signs, wherever its key is.
pub(crate) type BoxedSigner = Box<dyn Signer + Send>;

/// Where passphrases come from in this process.
pub(crate) fn passphrase_source() -> PassphraseSource {
    passphrase_file().map_or(PassphraseSource::Terminal, PassphraseSource::File)
}

/// Where they come from if nobody is there to be asked.
pub(crate) fn unattended_source() -> PassphraseSource {
    passphrase_file().map_or(PassphraseSource::Nobody, PassphraseSource::File)
}

fn passphrase_file() -> Option<PathBuf> {
    std::env::var_os(PASSPHRASE_FILE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The key that a command line names, if it names one.
pub(crate) fn named(key: Option<&Path>, agent: Option<&str>) -> Result<Option<BoxedSigner>, Failure> {
    match (key, agent) {
        (Some(file), _) => from_file(file, &passphrase_source()).map(Some),
        (None, Some(asked)) => from_agent(asked).map(Some),
        (None, None) => Ok(None),
    }
}

/// The key in a file, whose passphrase `source` knows if it has one.
pub(crate) fn from_file(path: &Path, source: &PassphraseSource) -> Result<BoxedSigner, Failure> {
    let mut ask = |_attempt: u32| source.ask(&path.display().to_string());
    match FileKey::read(path, source.tries(), &mut ask) {
        Ok(key) => Ok(Box::new(key)),
        Err(error) => Err(unusable(path, &error)),
    }
}

/// Why a key file is of no use.
pub(crate) fn unusable(path: &Path, error: &KeyFileError) -> Failure {
    Failure::usage(format!("the key `{}` can't be used", path.display())).why(error).help(error.help(path))
}

/// The key of the agent with this name or comment.
pub(crate) fn from_agent(asked: &str) -> Result<BoxedSigner, Failure> {
    let key = agent()?.key(asked).map_err(|error| {
        Failure::usage(format!("the key `{}` can't be used", asked.escape_debug()))
            .why(&error)
            .help("`ssh-add FILE` gives a key to the agent, `suture key show` lists those that it has")
    })?;
    Ok(Box::new(key))
}

/// The agent of this process.
pub(crate) fn agent() -> Result<Agent, Failure> {
    let socket: Option<PathBuf> =
        std::env::var_os(AGENT_SOCKET).filter(|path| !path.is_empty()).map(Into::into);
    let socket = socket.ok_or_else(|| {
        Failure::usage("there is no agent")
            .why("SSH_AUTH_SOCK is not set")
            .help("start one with `eval $(ssh-agent)`, or name a key file")
    })?;
    Ok(Agent::at(&socket))
}

/// A passphrase for a new key could not be had.
pub(crate) fn no_new_passphrase(error: &PassphraseError) -> Failure {
    let help = "run it at a terminal, name a file with the passphrase in SUTURE_PASSPHRASE_FILE, or give --no-passphrase";
    Failure::usage("no key was made, since it is to be encrypted").why(error).help(help)
}
