//! Keys that an ssh-agent holds: the secret never comes here.
//!
//! Two requests of the protocol (draft-miller-ssh-agent §3.5 and §3.6) are all that is needed; `wire` has their bytes.
//! Every signature is verified before it is given on, so an agent that signs with something else is found here.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use suture_trust::{KeyId, PublicKey, SignError, Signer};
use thiserror::Error;

mod wire;

/// How long an agent may take: it may be asking its owner.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(2);

/// An agent that listens somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    socket: PathBuf,
}

/// A key of an agent.
#[derive(Debug, Clone)]
pub struct AgentKey {
    agent: Agent,
    public: PublicKey,
}

/// Why an agent is of no use.
#[derive(Debug, Error)]
pub enum AgentError {
    /// It does not listen, or it went away.
    #[error("the agent at `{}` does not answer: {source}", socket.display())]
    Silent {
        /// Where it should be.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It says what no agent says.
    #[error("the agent answers what can't be understood: {0}")]
    Nonsense(&'static str),
    /// It says no.
    #[error("the agent refuses")]
    Refused,
    /// It has no such key.
    #[error("the agent has no Ed25519 key `{asked}`; it has {}", shown(has))]
    NoSuchKey {
        /// What was asked for.
        asked: String,
        /// What it has.
        has: Vec<KeyId>,
    },
}

impl Agent {
    /// The agent that listens at `socket`, which is what `SSH_AUTH_SOCK` names.
    pub fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// The Ed25519 keys that it has. Other keys are of no use here and left out.
    ///
    /// # Errors
    /// It does not answer, or not in its protocol.
    pub fn keys(&self) -> Result<Vec<AgentKey>, AgentError> {
        let answer = self.ask(&wire::request_identities())?;
        let keys = wire::identities(&answer)?;
        Ok(keys.into_iter().map(|public| AgentKey { agent: self.clone(), public }).collect())
    }

    /// The key with this name (`SHA256:…`) or, if it is the only one, this comment.
    ///
    /// # Errors
    /// There is none, or the agent does not answer.
    pub fn key(&self, asked: &str) -> Result<AgentKey, AgentError> {
        let mut keys = self.keys()?;
        let has = keys.iter().map(|key| key.public.id()).collect();
        let by_id = keys.iter().position(|key| key.public.id().as_str() == asked);
        let mut by_comment = (0..).zip(&keys).filter(|(_, key)| key.public.comment() == asked);
        let only = by_comment.next().map(|(at, _)| at).filter(|_| by_comment.next().is_none());
        match by_id.or(only) {
            Some(at) => Ok(keys.swap_remove(at)),
            None => Err(AgentError::NoSuchKey { asked: asked.to_owned(), has }),
        }
    }

    fn ask(&self, request: &[u8]) -> Result<Vec<u8>, AgentError> {
        let silent = |source| AgentError::Silent { socket: self.socket.clone(), source };
        let mut stream = UnixStream::connect(&self.socket).map_err(silent)?;
        stream.set_read_timeout(Some(ANSWER_TIME_MAX)).map_err(silent)?;
        stream.set_write_timeout(Some(ANSWER_TIME_MAX)).map_err(silent)?;
        stream.write_all(request).map_err(silent)?;
        let mut len = [0; 4];
        stream.read_exact(&mut len).map_err(silent)?;
        let mut answer = vec![0; wire::answer_len(len)?];
        stream.read_exact(&mut answer).map_err(silent)?;
        Ok(answer)
    }
}

impl Signer for AgentKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let failed = |why: String| SignError { key: self.public.id(), why };
        let request = wire::sign_request(&self.public, message);
        let answer = self.agent.ask(&request).map_err(|error| failed(error.to_string()))?;
        let signature = wire::signature(&answer).map_err(|error| failed(error.to_string()))?;
        if !self.public.verifies(message, &signature) {
            return Err(failed("the agent has signed something else, or with another key".to_owned()));
        }
        Ok(signature)
    }
}

fn shown(keys: &[KeyId]) -> String {
    if keys.is_empty() {
        return "none".to_owned();
    }
    keys.iter().map(KeyId::as_str).collect::<Vec<_>>().join(", ")
}
