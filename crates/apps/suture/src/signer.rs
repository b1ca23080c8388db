//! The key that a command line names: a file or an agent's.

use std::path::{Path, PathBuf};

use suture_keys::{Agent, FileKey, PassphraseError, PassphraseSource};
use suture_trust::Signer;

use crate::failure::Failure;

/// Names a file with a passphrase.
pub(crate) const PASSPHRASE_FILE: &str = "SUTURE_PASSPHRASE_FILE";
/// Where ssh-agent listens.
const AGENT_SOCKET: &str = "SSH_AUTH_SOCK";

/// Where passphrases come from in this process.
pub(crate) fn passphrase_source() -> PassphraseSource {
    match std::env::var_os(PASSPHRASE_FILE).filter(|path| !path.is_empty()) {
        Some(path) => PassphraseSource::File(path.into()),
        None => PassphraseSource::Terminal,
    }
}

/// The key that a command line names, if it names one.
pub(crate) fn named(key: Option<&Path>, agent: Option<&str>) -> Result<Option<Box<dyn Signer>>, Failure> {
    match (key, agent) {
        (Some(file), _) => from_file(file).map(Some),
        (None, Some(asked)) => from_agent(asked).map(Some),
        (None, None) => Ok(None),
    }
}

/// The key in a file.
pub(crate) fn from_file(path: &Path) -> Result<Box<dyn Signer>, Failure> {
    let source = passphrase_source();
    let mut ask = |_attempt: u32| source.ask(&path.display().to_string());
    match FileKey::read(path, source.tries(), &mut ask) {
        Ok(key) => Ok(Box::new(key)),
        Err(error) => Err(Failure::usage(format!("the key `{}` can't be used", path.display()))
            .why(&error)
            .help(error.help(path))),
    }
}

/// The key of the agent with this name or comment.
pub(crate) fn from_agent(asked: &str) -> Result<Box<dyn Signer>, Failure> {
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
