//! The keys of logs and witnesses: like other keys, in a file or with an agent, and here with the name under which they
//! sign.

use std::path::Path;

use suture_keys::PassphraseSource;
use suture_log::{SignError, Signer};

use crate::failure::Failure;
use crate::signer::{self, BoxedSigner};

/// What stands before the name of an agent's key where a file could be named.
const AGENT: &str = "agent:";

/// A private key and the name under which it signs.
pub(crate) struct LogKey {
    name: String,
    signer: BoxedSigner,
}

impl LogKey {
    /// The key of a log, in the file `named` or, after `agent:`, with the agent. It is used whenever an act is recorded, and
    /// then nobody is there to be asked for a passphrase.
    pub(crate) fn of_log(named: &Path, name: &str) -> Result<Self, Failure> {
        Self::read(named, name, &signer::unattended_source())
    }

    /// The key of a witness, who is there.
    pub(crate) fn of_witness(named: &Path, name: &str) -> Result<Self, Failure> {
        Self::read(named, name, &signer::passphrase_source())
    }

    fn read(named: &Path, name: &str, source: &PassphraseSource) -> Result<Self, Failure> {
        let signer = match agents(named) {
            Some(asked) => signer::from_agent(asked)?,
            None => signer::from_file(named, source)?,
        };
        Ok(Self { name: name.to_owned(), signer })
    }
}

/// What an agent is asked for, if the key is with one.
pub(crate) fn agents(named: &Path) -> Option<&str> {
    named.to_str().and_then(|named| named.strip_prefix(AGENT))
}

impl Signer for LogKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> [u8; 32] {
        *self.signer.public_key().as_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        self.signer.sign(message).map_err(|error| SignError { key: self.name.clone(), why: error.why })
    }
}
