//! Where acts of this program are recorded: the log that the environment names, or nowhere.
//!
//! It is asked for *before* anything is done ([`Audit::from_environment`], [`Audit::begin`]): an act that could not be recorded is not
//! begun, and one that is begun is noted beside the log, so that it is recorded even if this program is killed. When it is done, refused or
//! has failed, that is said ([`Record::end`]). The one that does all this is `act`.

use std::path::{Path, PathBuf};

use suture_log::{Actor, Draft, Time};
use suture_tiles::{Log, Pending, Settings};

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

/// The record of an act that is going on.
pub(crate) struct Record {
    audit: Audit,
    pending: Pending,
}

impl Audit {
    /// The log of the environment, if it names one.
    pub(crate) fn from_environment() -> Result<Option<Self>, Failure> {
        let Some(directory) = directory_of_environment() else { return Ok(None) };
        let key = signing_key(&directory)?;
        Ok(Some(Self { directory, key }))
    }

    /// Notes that an act is begun, of which `acts` is what is known. What is wrong with the log, or with the clock, is said here, before
    /// anything is done; and what others have begun who are gone is recorded first.
    pub(crate) fn begin(self, acts: &[Draft]) -> Result<Record, Failure> {
        let Self { directory, key } = &self;
        let begun = Log::open(directory, key).and_then(|mut log| {
            let now = now()?;
            log.settle(now, key)?;
            log.begin(now, acts)
        });
        let pending = begun.map_err(|error| unusable(directory, &error))?;
        Ok(Record { audit: self, pending })
    }
}

impl Record {
    /// Notes what is known now, for whoever records it if this program can't.
    pub(crate) fn note(&self, acts: &[Draft]) {
        if let Err(error) = self.pending.note(acts) {
            // What was noted first is there, and the act is recorded as a whole when it ends.
            tracing::debug!("{error}");
        }
    }

    /// Records how it has ended, as one batch; it is on the disk when this returns.
    pub(crate) fn end(&self, acts: &[Draft]) -> Result<(), Failure> {
        let Audit { directory, key } = &self.audit;
        let recorded = now().and_then(|now| {
            // If what follows fails, this tells more than that nobody has seen the end.
            let _ = self.pending.end(now, acts);
            Log::open(directory, key)?.finish(now, acts, key, &self.pending)
        });
        recorded.map(drop).map_err(|error| {
            Failure::unexpected(format!(
                "what was done is not in the audit log `{}` yet",
                directory.display()
            ))
            .why(&error)
            .help(format!("{}; it is noted beside the log, and the next act adds it", error.help()))
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
