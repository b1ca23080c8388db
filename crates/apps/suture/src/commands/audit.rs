//! `suture audit …`: one file for each, and here what they have in common.

mod consistency;
mod export;
mod init;
mod prove;
mod receive;
mod show;
mod unrecorded;
mod verify;
mod witness;

use std::path::{Path, PathBuf};

use suture_log::{KeyKind, NOTE_BYTES_MAX, Policy, SignedCheckpoint, VerifierKey};
use suture_tiles::Reader;

use crate::args::audit::{AuditArgs, AuditCommand, LogArgs};
use crate::audit::{directory_of_environment, unusable};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

pub(super) fn run(args: &AuditArgs, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        AuditCommand::Init(args) => init::run(args, console),
        AuditCommand::Show(args) => show::run(args, console),
        AuditCommand::Verify(args) => verify::run(args, console),
        AuditCommand::Export(args) => export::run(args, console),
        AuditCommand::Prove(args) => prove::run(args, console),
        AuditCommand::Consistency(args) => consistency::run(args, console),
        AuditCommand::Witness(args) => witness::run(args, console),
        AuditCommand::Receive(args) => receive::run(args, console),
    }
}

/// The directory that was named, or that of the environment.
fn directory(named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    named.cloned().or_else(directory_of_environment).ok_or_else(|| {
        Failure::usage("no audit log is named").help("name its directory, or set SUTURE_AUDIT_DIR")
    })
}

/// The log at its newest checkpoint.
fn open(args: &LogArgs) -> Result<(PathBuf, Reader), Failure> {
    let directory = directory(args.directory.as_ref())?;
    let reader = Reader::open(&directory).map_err(|error| unusable(&directory, &error))?;
    Ok((directory, reader))
}

/// A log's public key, or a file with it.
fn log_key(text: &str) -> Result<VerifierKey, Failure> {
    let is_file = !text.contains('+') || Path::new(text).is_file();
    let content = if is_file { files::read_text(Path::new(text), "the key")? } else { text.to_owned() };
    let failure = || {
        let help = "a public key of a log has the form NAME+ID+BASE64, as `suture audit init` prints it";
        Failure::usage(format!("`{text}` is no public key of a log")).help(help)
    };
    let key: VerifierKey = content.trim().parse().map_err(|error| failure().why(&error))?;
    match key.kind() {
        KeyKind::Note => Ok(key),
        KeyKind::Cosignature => Err(failure().why("it is a witness's")),
    }
}

/// A policy file.
fn policy(path: &Path) -> Result<Policy, Failure> {
    let content = files::read_text(path, "the policy")?;
    Policy::parse(content.as_bytes()).map_err(|error| {
        Failure::usage(format!("the policy `{}` can't be used", path.display()))
            .why(&error)
            .help(error.help())
    })
}

/// A checkpoint in a file.
fn checkpoint(path: &Path) -> Result<SignedCheckpoint, Failure> {
    let content = files::read_text(path, "the checkpoint")?;
    let content = content.get(..=NOTE_BYTES_MAX).unwrap_or(&content);
    SignedCheckpoint::parse(content.as_bytes()).map_err(|error| {
        Failure::usage(format!("the checkpoint `{}` can't be used", path.display()))
            .why(&error)
            .help(error.help())
    })
}
