//! Which key signs, for commands that may sign.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// The key that signs, if one does.
#[derive(Debug, Args)]
#[group(id = "signing", multiple = false)]
pub(crate) struct SignerArgs {
    /// Sign with the key in this file
    ///
    /// The passphrase of an encrypted key is typed at the terminal, or is the first line of the file that
    /// `SUTURE_PASSPHRASE_FILE` names.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<PathBuf>,

    /// Sign with this key of the agent at `SSH_AUTH_SOCK`: its name (SHA256:…) or its comment
    #[arg(long, value_name = "KEYID")]
    pub(crate) agent: Option<String>,
}
