//! The directory in which a channel is kept by those who publish it. Only `public` is for others.
//!
//! ```text
//! channel.toml          settings: lifetimes, and the keys of the patch team
//! pending/root.json     a root that is not yet published
//! pending/publication.json  files of a publication that is going on, or was cut short
//! content/              the bundles that the next publication will contain, under their names in the channel
//! policy.json           the trust policy that it will contain
//! embargo/              what is under embargo, in the clear: mode 0700
//! refusals/             refusals that the channel was told of, by the digest of the bundle: mode 0700
//! public/metadata/      1.root.json … timestamp.json
//! public/targets/       SHA256.NAME
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suture_trust::TrustRoot;

use crate::limits::{FILE_LEN_MAX, KEY_FILE_LEN_MAX};
use crate::name::Kind;
use crate::policy::kept;
use crate::{ChannelError, Keys, Lifetimes, Role, leftovers, metadata};

/// A channel's directory.
#[derive(Debug, Clone)]
pub struct Place {
    directory: PathBuf,
    /// Whom those believe who keep it: whose refusals count.
    trust: Option<TrustRoot>,
}

/// What `channel.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) schema: u32,
    /// How long metadata is good for.
    pub(crate) expires: Lifetimes,
    /// The patch team.
    pub(crate) patches: Keys,
}

/// Held while something is changed; other changes wait.
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock is the open file")] File);

/// Version of `channel.toml`.
const SCHEMA: u32 = 1;
/// How the names of files begin that are being written.
pub(crate) const UNFINISHED: &str = ".new-";

impl Place {
    /// The channel in `directory`.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), trust: None }
    }

    /// The same, kept by those who believe whom `trust` names. Whom the channel's own trust policy names is believed as well.
    #[must_use]
    pub fn believing(self, trust: Option<TrustRoot>) -> Self {
        Self { trust, ..self }
    }

    pub(crate) fn trust(&self) -> Option<&TrustRoot> {
        self.trust.as_ref()
    }

    /// What a web server serves.
    pub fn public(&self) -> PathBuf {
        self.directory.join("public")
    }

    /// The root that waits for signatures or for being published.
    pub fn pending_root(&self) -> PathBuf {
        self.directory.join("pending/root.json")
    }

    /// The SHA-256 of a file that the next publication will contain, in hexadecimal digits; `None` if it is not there.
    ///
    /// # Errors
    /// It can't be read.
    pub fn content_sha256(&self, name: &str) -> Result<Option<String>, ChannelError> {
        let content = self.read_content(name)?;
        Ok(content.map(|content| metadata::sha256(&metadata::target(&content))))
    }

    /// A file that the next publication will contain.
    pub(crate) fn read_content(&self, name: &str) -> Result<Option<Vec<u8>>, ChannelError> {
        match Kind::parse(name) {
            Ok(Kind::Policy(file)) => Ok(kept::read(self)?.remove(&file)),
            _ => read(&self.content().join(name), FILE_LEN_MAX),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn metadata(&self) -> PathBuf {
        self.directory.join("public/metadata")
    }

    pub(crate) fn targets(&self) -> PathBuf {
        self.directory.join("public/targets")
    }

    pub(crate) fn content(&self) -> PathBuf {
        self.directory.join("content")
    }

    pub(crate) fn embargo(&self) -> PathBuf {
        self.directory.join("embargo")
    }

    pub(crate) fn refusals(&self) -> PathBuf {
        self.directory.join("refusals")
    }

    fn settings_file(&self) -> PathBuf {
        self.directory.join("channel.toml")
    }

    /// Makes the directories of a new channel.
    pub(crate) fn create(&self) -> Result<Lock, ChannelError> {
        if self.settings_file().exists() {
            let what = format!("`{}`", self.directory.display());
            return Err(ChannelError::input(
                what,
                "there is a channel in it already",
                "name another directory",
            ));
        }
        for directory in [self.metadata(), self.targets(), self.content(), self.directory.join("pending")] {
            fs::create_dir_all(&directory).map_err(ChannelError::at(&directory))?;
        }
        let embargo = self.embargo();
        DirBuilder::new().recursive(true).mode(0o700).create(&embargo).map_err(ChannelError::at(&embargo))?;
        self.lock_file()
    }

    /// Waits until nobody else changes the channel, and takes away what those have left who did not get to their end.
    pub(crate) fn lock(&self) -> Result<Lock, ChannelError> {
        self.settings()?;
        let lock = self.lock_file()?;
        leftovers::clear(self)?;
        Ok(lock)
    }

    fn lock_file(&self) -> Result<Lock, ChannelError> {
        let path = self.directory.join(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(ChannelError::at(&path))?;
        file.lock().map_err(ChannelError::at(&path))?;
        Ok(Lock(file))
    }

    pub(crate) fn settings(&self) -> Result<Settings, ChannelError> {
        let path = self.settings_file();
        let what = || format!("`{}`", path.display());
        let Some(text) = read(&path, KEY_FILE_LEN_MAX)? else {
            let what = format!("`{}`", self.directory.display());
            return Err(ChannelError::input(
                what,
                "there is no channel in it",
                "make one with `suture channel init`",
            ));
        };
        let input =
            |why: String| ChannelError::input(what(), why, "write it as docs/formats/channel.md says");
        let text = String::from_utf8(text).map_err(|error| input(error.to_string()))?;
        let settings: Settings = toml::from_str(&text).map_err(|error| input(error.to_string()))?;
        if settings.schema != SCHEMA {
            return Err(input(format!("schema {}, this program knows {SCHEMA}", settings.schema)));
        }
        Keys::new(Role::Patches, settings.patches.keys.clone(), settings.patches.threshold)?;
        Ok(settings)
    }

    pub(crate) fn write_settings(&self, expires: Lifetimes, patches: Keys) -> Result<(), ChannelError> {
        let path = self.settings_file();
        let settings = Settings { schema: SCHEMA, expires, patches };
        let text = toml::to_string(&settings)
            .map_err(|error| ChannelError::input(format!("`{}`", path.display()), error, ""))?;
        replace(&path, text.as_bytes())
    }
}

/// The content of a file, or nothing if it is not there.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, ChannelError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ChannelError::at(path)(error)),
    };
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content).map_err(ChannelError::at(path))?;
    if content.len() as u64 > limit {
        let what = format!("`{}`", path.display());
        return Err(ChannelError::input(what, format!("it is longer than {limit} bytes"), ""));
    }
    Ok(Some(content))
}

/// Writes a file as a whole or not at all, and lets everyone read it whom the umask lets.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), ChannelError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mode = fs::Permissions::from_mode(0o666);
        let mut file =
            tempfile::Builder::new().prefix(UNFINISHED).permissions(mode).tempfile_in(directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(ChannelError::at(path))
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), ChannelError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ChannelError::at(path)(error)),
        _ => Ok(()),
    }
}
