//! Key files on the command line.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use suture_channel::{Keys, PublicKey, Role, RoleKey, RoleSigner};

use super::failure;
use crate::args::channel::{RoleKeyArgs, SigningArgs};
use crate::failure::Failure;
use crate::files;

/// The private keys to sign with.
pub(super) struct Signers(Vec<RoleKey>);

impl Signers {
    pub(super) fn read(args: &SigningArgs) -> Result<Self, Failure> {
        Self::of(&args.key, args.passphrase_file.as_deref())
    }

    /// The private keys among `paths`.
    pub(super) fn of(paths: &[PathBuf], passphrase_file: Option<&Path>) -> Result<Self, Failure> {
        let passphrase = passphrase(passphrase_file)?;
        let key = |path: &PathBuf| {
            let text = read_key_file(path, "the key")?;
            RoleKey::from_openssh(text.as_bytes(), passphrase.as_deref()).map_err(|why| {
                Failure::usage(format!("the key `{}` can't be used", path.display()))
                    .why(&why)
                    .help("give an OpenSSH private key of type ssh-ed25519, with --passphrase-file if it is encrypted")
            })
        };
        paths.iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn as_dyn(&self) -> Vec<&dyn RoleSigner> {
        self.0.iter().map(|key| -> &dyn RoleSigner { key }).collect()
    }
}

/// The time of what is signed.
pub(super) fn time(args: &SigningArgs) -> Timestamp {
    args.at.unwrap_or_else(Timestamp::now)
}

/// The keys that are named for roles, as far as any are.
pub(super) fn roles(args: &RoleKeyArgs) -> Result<Vec<(Role, Keys)>, Failure> {
    let majority = args.root_key.len() as u64 / 2 + 1;
    let rows = [
        (Role::Root, &args.root_key, args.root_threshold.unwrap_or(majority)),
        (Role::Targets, &args.targets_key, args.targets_threshold.unwrap_or(1)),
        (Role::Patches, &args.patches_key, args.patches_threshold.unwrap_or(1)),
        (Role::Snapshot, &args.snapshot_key, 1),
        (Role::Timestamp, &args.timestamp_key, 1),
    ];
    let named = rows.into_iter().filter(|(_, paths, _)| !paths.is_empty());
    let keys = named.map(|(role, paths, threshold)| {
        let public = |path: &PathBuf| -> Result<PublicKey, Failure> {
            let text = files::read_text(path, "the key")?;
            suture_channel::public_of(text.as_bytes(), &path.display().to_string())
                .map_err(|error| failure("the keys can't be read", &error))
        };
        let public = paths.iter().map(public).collect::<Result<_, _>>()?;
        let keys =
            Keys::new(role, public, threshold).map_err(|error| failure("the keys can't be used", &error))?;
        Ok((role, keys))
    });
    keys.collect()
}

/// Those of `paths` that hold a private key.
pub(super) fn private_ones(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if files::read_text(path, "the key")?.starts_with("-----BEGIN") {
            found.push(path.clone());
        }
    }
    Ok(found)
}

/// The text of a file with a private key, which others must not be able to read.
pub(in super::super) fn read_key_file(path: &Path, role: &str) -> Result<String, Failure> {
    let text = files::read_text(path, role)?;
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        return Err(Failure::usage(format!("{role} `{}` can't be used", path.display()))
            .why(&format!("others can read it (mode {:04o})", mode & 0o7777))
            .help(format!("`chmod 600 {}`, and think about who may have read it", path.display())));
    }
    Ok(text)
}

/// The first line of the file, if one is named.
pub(in super::super) fn passphrase(path: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let text = read_key_file(path, "the passphrase file")?;
    Ok(Some(text.lines().next().unwrap_or_default().as_bytes().to_vec()))
}
