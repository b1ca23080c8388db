//! `suture key`: arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

/// Make keys, and see what they are called and whether they are trusted
///
/// Keys are Ed25519 keys of OpenSSH: those that `ssh-keygen -t ed25519` makes can be used, and ssh-keygen reads
/// those that are made here. A key is named by its fingerprint, as `ssh-keygen -lf` prints it.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    New(KeyNewArgs),
    Show(KeyShowArgs),
}

/// Make a key: FILE for its owner alone, and FILE.pub for everybody
///
/// The key is encrypted. Its passphrase is typed at the terminal, twice, or is the first line of the file that
/// `SUTURE_PASSPHRASE_FILE` names, which nobody else may be able to read. A file that is there is never overwritten.
#[derive(Debug, Args)]
pub(crate) struct KeyNewArgs {
    /// Where to write the key
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,

    /// What people are to call the key, such as alice@core; without it the name of the file
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,

    /// The algorithm
    #[arg(long = "type", value_enum, value_name = "TYPE", default_value_t = KeyType::Ed25519)]
    pub(crate) kind: KeyType,

    /// Do not encrypt it: for machines whose disks nobody else can read
    #[arg(long)]
    pub(crate) no_passphrase: bool,
}

/// Algorithms of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyType {
    /// RFC 8032; the only one.
    Ed25519,
}

/// Show the name of a key, and whether a trust root believes it
///
/// No passphrase is needed: the public half of a key file is not encrypted.
#[derive(Debug, Args)]
pub(crate) struct KeyShowArgs {
    /// A private or a public key; without one the keys of the agent at `SSH_AUTH_SOCK`
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,

    /// The trust root: a directory with a `root.toml`, or that file
    #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) trust: Option<PathBuf>,
}
