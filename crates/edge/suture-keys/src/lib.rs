//! Private keys where people keep them: OpenSSH key files and ssh-agent.
//!
//! ```text
//!  id_ed25519 ──► file ──► FileKey ──┐
//!  passphrase ────┘                  ├─► suture_trust::Signer
//!  SSH_AUTH_SOCK ─► agent ─► AgentKey ┘
//!  `suture key new` ─► new ─► id_ed25519, id_ed25519.pub
//! ```
//!
//! Secrets live in buffers that are overwritten when they are dropped, are never formatted, and no error quotes what
//! stands in a key file or in a passphrase.
#![forbid(unsafe_code)]

mod agent;
mod file;
mod new;
mod passphrase;
mod random;

pub use agent::{Agent, AgentError, AgentKey};
pub use file::{FileKey, KeyFileError, is_private, read_public};
pub use new::NewKey;
pub use passphrase::{Passphrase, PassphraseError, PassphraseSource};
pub use random::{RandomError, salt};
