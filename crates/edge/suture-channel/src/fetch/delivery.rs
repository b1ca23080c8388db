//! The directory that a fetch writes: complete and verified, or as it was before.
//!
//! ```text
//! trust/          the trust policy, as a trust directory has it: root.toml, policy/*.cedar
//! bundles/        NAME, NAME.intoto.jsonl
//! channel.json    what was fetched
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tough::Repository;

use crate::key::hex;
use crate::name::{self, Kind};
use crate::parcel::Packed;
use crate::{ChannelError, Refusal, Role, embargo, metadata, place, policy};

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    schema: u32,
    /// When, by the clock of the caller.
    pub fetched_at: Timestamp,
    /// The first moment at which something of it expires.
    pub good_until: Timestamp,
    /// Versions of the metadata, by role.
    pub versions: BTreeMap<String, u64>,
    /// SHA-256 of what is signed of the root, by which a channel is known.
    pub root_sha256: String,
    /// The files.
    pub files: Vec<Delivered>,
    /// Bundles under embargo that are for others.
    pub not_for_us: Vec<NotForUs>,
}

/// A file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// Where it is in the directory.
    pub path: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its digest.
    pub sha256: String,
    /// The opaque name under which it was encrypted; `null` if it was in the clear.
    pub sealed: Option<String>,
}

/// A bundle under embargo that is for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotForUs {
    /// Its opaque name.
    pub name: String,
    /// Its size class.
    pub size_class: String,
}

/// How old what was fetched is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// When it was fetched.
    pub at: Timestamp,
    /// The first moment at which something of it expires.
    pub good_until: Timestamp,
}

/// How old what a fetch has written to a directory is; `None` if none has.
///
/// # Errors
/// What is there can't be read.
pub fn fetched(out: &Path) -> Result<Option<Fetched>, ChannelError> {
    let summary = Summary::read(out)?;
    Ok(summary.map(|summary| Fetched { at: summary.fetched_at, good_until: summary.good_until }))
}

/// What is read of a summary again.
#[derive(Deserialize)]
struct Summary {
    fetched_at: Timestamp,
    good_until: Timestamp,
    versions: BTreeMap<String, u64>,
    root_sha256: String,
}

impl Summary {
    fn read(out: &Path) -> Result<Option<Self>, ChannelError> {
        let path = out.join(SUMMARY);
        let Some(text) = place::read(&path, SUMMARY_LEN_MAX)? else { return Ok(None) };
        let summary = serde_json::from_slice(&text).map_err(|why| {
            let help = "it is what `suture fetch` writes; fetch into another directory with --out, or remove this one if it is the right one";
            ChannelError::input(format!("`{}`", path.display()), why, help)
        })?;
        Ok(Some(summary))
    }
}

/// The directory being written.
pub(super) struct Directory {
    out: PathBuf,
    /// Beside it, so that a rename brings one to the other; holds `new`.
    room: TempDir,
    files: Vec<Delivered>,
    not_for_us: Vec<NotForUs>,
}

const SUMMARY: &str = "channel.json";
/// Longest summary, in bytes: more than the most files need.
const SUMMARY_LEN_MAX: u64 = 16 << 20;

impl Directory {
    /// Whether a fetch may write there: nothing is there, or what a fetch has written.
    pub(super) fn check(out: &Path) -> Result<(), ChannelError> {
        let mut entries = match fs::read_dir(out) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(ChannelError::input(format!("`{}`", out.display()), error, "name a directory"));
            }
        };
        if entries.next().is_none() || out.join(SUMMARY).is_file() {
            return Ok(());
        }
        let why = "it has content that no fetch has written, and that would be lost";
        Err(ChannelError::input(format!("`{}`", out.display()), why, "name another directory"))
    }

    /// Version and digest of the root of the channel that an earlier fetch has written there.
    pub(super) fn root(out: &Path) -> Result<Option<(u64, String)>, ChannelError> {
        let summary = Summary::read(out)?;
        Ok(summary.map(|summary| {
            (summary.versions.get(Role::Root.name()).copied().unwrap_or_default(), summary.root_sha256)
        }))
    }

    /// Whether an earlier fetch has brought a trust policy.
    pub(super) fn has_policy(out: &Path) -> bool {
        out.join("trust").join(policy::ROOT).exists()
    }

    pub(super) fn begin(out: &Path) -> Result<Self, ChannelError> {
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(ChannelError::at(parent))?;
        let room = tempfile::Builder::new().prefix(".fetch-").tempdir_in(parent);
        let room = room.map_err(ChannelError::at(parent))?;
        let new = Self { out: out.to_owned(), room, files: Vec::new(), not_for_us: Vec::new() };
        for part in ["trust", "bundles"] {
            let path = new.new_path(part);
            fs::create_dir_all(&path).map_err(ChannelError::at(&path))?;
        }
        Ok(new)
    }

    /// Puts a file where it belongs.
    pub(super) fn put(&mut self, kind: &Kind, content: &[u8]) -> Result<(), ChannelError> {
        let path = match kind {
            Kind::Policy(name) if name::is_rule(name) => format!("trust/policy/{name}"),
            Kind::Policy(name) => format!("trust/{name}"),
            Kind::Bundle(name) => format!("bundles/{name}"),
            Kind::Sealed(name) => format!("bundles/{name}.age"),
        };
        self.write(path, content, None)
    }

    /// Puts a file there that was encrypted.
    pub(super) fn put_unsealed(&mut self, opaque: &str, file: &Packed) -> Result<(), ChannelError> {
        let path = format!("bundles/{}", file.name);
        if self.files.iter().any(|other| other.path == path) {
            let why = format!("it holds `{}`, which is there already", file.name);
            return Err(Refusal::Sealed { name: opaque.to_owned(), why }.into());
        }
        self.write(path, &file.content, Some(opaque))
    }

    pub(super) fn not_for_us(&mut self, opaque: &str, length: u64) {
        self.not_for_us
            .push(NotForUs { name: opaque.to_owned(), size_class: embargo::class_of_sealed(length) });
    }

    /// Writes the summary and puts the directory in its place, in one rename.
    pub(super) fn finish(self, repository: &Repository, now: Timestamp) -> Result<Delivery, ChannelError> {
        let delivery = Delivery {
            schema: 1,
            fetched_at: now,
            good_until: good_until(repository),
            versions: super::versions(repository),
            root_sha256: metadata::digest(&repository.root().signed)?,
            files: self.files.clone(),
            not_for_us: self.not_for_us.clone(),
        };
        let mut text =
            serde_json::to_vec_pretty(&delivery).map_err(|error| ChannelError::input(SUMMARY, error, ""))?;
        text.push(b'\n');
        let summary = self.new_path(SUMMARY);
        write(&summary, &text).map_err(ChannelError::at(&summary))?;
        let new = self.new_path("");
        if self.files.iter().any(|file| file.sealed.is_some()) {
            // What is under embargo is nobody else's business on this machine either.
            let mode = fs::Permissions::from_mode(0o700);
            fs::set_permissions(&new, mode).map_err(ChannelError::at(&new))?;
        }
        File::open(&new).and_then(|directory| directory.sync_all()).map_err(ChannelError::at(&new))?;
        self.exchange(&new).map_err(ChannelError::at(&self.out))?;
        Ok(delivery)
    }

    /// Puts the new directory in the place of the old one, which is removed with the room.
    fn exchange(&self, new: &Path) -> io::Result<()> {
        let exchanged = renameat2(AT_FDCWD, new, AT_FDCWD, &self.out, RenameFlags::RENAME_EXCHANGE);
        match exchanged {
            Err(Errno::ENOENT) => fs::rename(new, &self.out)?,
            exchanged => exchanged?,
        }
        let parent = self.room.path().parent().unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()
    }

    fn write(&mut self, path: String, content: &[u8], sealed: Option<&str>) -> Result<(), ChannelError> {
        let place = self.new_path(&path);
        let directory = place.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory).map_err(ChannelError::at(directory))?;
        write(&place, content).map_err(ChannelError::at(&place))?;
        self.files.push(Delivered {
            path,
            length: content.len() as u64,
            sha256: hex(&Sha256::digest(content)),
            sealed: sealed.map(str::to_owned),
        });
        Ok(())
    }

    fn new_path(&self, path: &str) -> PathBuf {
        let new = self.room.path().join("new");
        if path.is_empty() { new } else { new.join(path) }
    }
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn good_until(repository: &Repository) -> Timestamp {
    let mut first = [
        repository.root().signed.expires,
        repository.timestamp().signed.expires,
        repository.snapshot().signed.expires,
        repository.targets().signed.expires,
    ]
    .into_iter()
    .fold(Timestamp::MAX, Timestamp::min);
    let looked = super::each_delegated(&repository.targets().signed, &mut |role| {
        first = role.targets.as_ref().map_or(first, |targets| first.min(targets.signed.expires));
        Ok(())
    });
    debug_assert!(looked.is_ok(), "the closure refuses nothing");
    first
}
