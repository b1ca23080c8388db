//! Where acts of this program are recorded: the log that the environment names, or nowhere.
//!
//! It is asked for *before* anything is done ([`Audit::from_environment`]): an act that could not be recorded is not begun. When
//! it is done, refused or has failed, that is said ([`Audit::record`]). The one that does both is `act`.

use std::path::{Path, PathBuf};

use suture_log::{Actor, Draft, Time};
use suture_tiles::{Log, Settings};

use crate::failure::Failure;
use crate::log_key::LogKey;

/// Names the directory of the log.
const DIRECTORY_VARIABLE: &str = "SUTURE_AUDIT_DIR";
/// Names the log's private key, where it is not the one in `log.toml`: its file, or `agent:` and the name of an agent's key.
const KEY_VARIABLE: &str = "SUTURE_AUDIT_KEY";

/// The log that acts are recorded in.
pub(crate) struct Audit {
    directory: PathBuf,
    key: LogKey,
}

impl Audit {
    /// The log of the environment, if it names one. It is opened once, so that what is wrong with it, or with the clock, is said
    /// before anything is done.
    pub(crate) fn from_environment() -> Result<Option<Self>, Failure> {
        let Some(directory) = directory_of_environment() else { return Ok(None) };
        let key = signing_key(&directory)?;
        let opened = Log::open(&directory, &key).and_then(|log| log.takes(now()?));
        opened.map_err(|error| unusable(&directory, &error))?;
        Ok(Some(Self { directory, key }))
    }

    /// Records acts as one batch; they are on the disk when this returns.
    pub(crate) fn record(&self, acts: &[Draft]) -> Result<(), Failure> {
        let Self { directory, key } = self;
        let appended = Log::open(directory, key).and_then(|mut log| log.append(now()?, acts, key));
        appended.map(drop).map_err(|error| {
            Failure::unexpected(format!("what was done is not in the audit log `{}`", directory.display()))
                .why(&error)
                .help(error.help())
        })
    }
}

/// The log that the environment names.
pub(crate) fn directory_of_environment() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The private key of the log in `directory`.
pub(crate) fn signing_key(directory: &Path) -> Result<LogKey, Failure> {
    let settings = Settings::read(directory).map_err(|error| unusable(directory, &error))?;
    let named = std::env::var_os(KEY_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let path = named.or(settings.key_file).ok_or_else(|| {
        Failure::usage(format!("the audit log `{}` has no key to sign with", directory.display()))
            .help(format!("name its private key with {KEY_VARIABLE}: a file, or `agent:NAME`"))
    })?;
    LogKey::of_log(&path, settings.vkey.name())
}

/// Who runs this program.
pub(crate) fn actor() -> Actor {
    let uid = nix::unistd::Uid::effective();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    let name = user.map(|user| user.name).filter(|name| !name.is_empty());
    Actor { key: None, name: name.unwrap_or_else(|| format!("uid {uid}")) }
}

/// What the clock says.
pub(crate) fn now() -> Result<Time, suture_tiles::Error> {
    Ok(Time::from_unix_ms(jiff::Timestamp::now().as_millisecond())?)
}

/// A log that can't be used is a mistake in what the command was told, like any other file.
pub(crate) fn unusable(directory: &Path, error: &suture_tiles::Error) -> Failure {
    let what = format!("the audit log `{}` can't be used", directory.display());
    let failure = match error {
        suture_tiles::Error::Io { .. } | suture_tiles::Error::Busy { .. } => Failure::unexpected(what),
        _ => Failure::usage(what),
    };
    failure.why(error).help(error.help())
}
