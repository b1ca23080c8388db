//! Where acts of this program are recorded: the log that the environment names, or nowhere.
//!
//! It is asked for *before* anything is done ([`Record::begin`]): an act that could not be recorded is not
//! begun, and one that is begun is noted beside the log, so that it is recorded even if this program is killed. When it is done, refused or
//! has failed, that is said ([`Record::end`]). The way back alone is done whatever the log says ([`Record::begin_the_way_back`]). The one that does
//! all this is `act`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use suture_log::{Actor, Draft, Outcome, OutcomeResult, Time};
use suture_tiles::{Log, Pending, Settings, Unusable};

use crate::console::Console;
use crate::failure::Failure;
use crate::log_key::LogKey;

/// Names the directory of the log.
const DIRECTORY_VARIABLE: &str = "SUTURE_AUDIT_DIR";
/// Names the log's private key, where it is not the one in `log.toml`: its file, or `agent:` and the name of an agent's key.
const KEY_VARIABLE: &str = "SUTURE_AUDIT_KEY";
/// How long other writers of the log are waited for by whoever has done what can't wait, or was told to end: what is not recorded then is
/// noted beside the log.
const HASTY_WAIT_MAX: Duration = Duration::from_secs(5);
/// What to do about what is left in `pending/` and is no note.
pub(crate) const UNUSABLE_HELP: &str =
    "it stays as it is, and may be an act that nobody tells: docs/operate/audit-log.md says what to do";

/// The record of an act that is going on.
pub(crate) struct Record {
    directory: PathBuf,
    /// Nothing if the act could not wait for the log and its key, which are asked for when it has ended.
    key: Option<LogKey>,
    /// Nothing if it could not be noted, and is done all the same.
    pending: Option<Pending>,
}

impl Record {
    /// Notes in the log of the environment, if it names one, that an act is begun, of which `acts` is what is known. What is wrong with the
    /// log, or with the clock, is said here, before anything is done; and what others have begun who are gone is recorded first.
    pub(crate) fn begin(acts: &[Draft], console: &Console) -> Result<Option<Self>, Failure> {
        let Some(directory) = directory_of_environment() else { return Ok(None) };
        let key = signing_key(&directory)?;
        let begun = Log::open(&directory, &key).and_then(|mut log| {
            let now = now()?;
            warn(&log.settle(now, &key)?.unusable, console);
            log.begin(now, acts)
        });
        let pending = begun.map_err(|error| unusable(&directory, &error))?;
        Ok(Some(Self { directory, key: Some(key), pending: Some(pending) }))
    }

    /// The same for an act that is done whatever is wrong with the log. It is noted without a look at the rest of it.
    pub(crate) fn begin_the_way_back(acts: &[Draft], console: &Console) -> Option<Self> {
        let directory = directory_of_environment()?;
        let noted = now().and_then(|now| Pending::begin(&directory, now, acts));
        let pending = noted.map_err(|error| go_on_without(&unusable(&directory, &error), console)).ok();
        Some(Self { directory, key: None, pending })
    }

    /// Notes what is known now, for whoever records it if this program can't.
    pub(crate) fn note(&self, acts: &[Draft]) {
        if let Some(Err(error)) = self.pending.as_ref().map(|pending| pending.note(acts)) {
            // What was noted first is there, and the act is recorded as a whole when it ends.
            tracing::debug!("{error}");
        }
    }

    /// Records how it has ended, as one batch; it is on the disk when this returns. Whoever was told to end waits less for others.
    pub(crate) fn end(&self, acts: &[Draft], outcome: &Outcome, was_told_to: bool) -> Result<(), Failure> {
        // If what follows fails, this tells more than that nobody has seen the end.
        if let (Some(pending), Ok(now)) = (&self.pending, now()) {
            let _ = pending.end(now, acts);
        }
        let recorded = match &self.key {
            Some(key) => {
                let wait_max = if was_told_to { HASTY_WAIT_MAX } else { suture_tiles::LOCK_WAIT_MAX };
                let log = Log::open_within(&self.directory, key, wait_max);
                log.and_then(|log| self.append(log, acts, key))
                    .map_err(|error| (error.to_string(), error.help()))
            }
            None => self.catch_up(acts),
        };
        recorded.map_err(|(why, help)| {
            let ended = match outcome.result {
                OutcomeResult::Done => "the act was done",
                OutcomeResult::Refused => "the act was refused",
                OutcomeResult::Failed => "the act has failed",
            };
            let what = format!("{ended}, and is not in the audit log `{}`", self.directory.display());
            let (what, then) = match &self.pending {
                Some(_) => (format!("{what} yet"), "it is noted beside the log, and the next act adds it"),
                None => (what, "nothing else tells of it: keep this answer for whoever audits"),
            };
            Failure::unexpected(what).why(&why).help(format!("{help}; {then}"))
        })
    }

    /// The time is taken when the log is this program's: others may have written to it while it was waited for.
    fn append(&self, mut log: Log, acts: &[Draft], key: &LogKey) -> Result<(), suture_tiles::Error> {
        let now = now()?;
        match &self.pending {
            Some(pending) => log.finish(now, acts, key, pending).map(drop),
            None => log.append(now, acts, key).map(drop),
        }
    }

    /// Does what could not be waited for before the act. Why not, and how to go on.
    fn catch_up(&self, acts: &[Draft]) -> Result<(), (String, &'static str)> {
        let key = signing_key(&self.directory);
        let key = key.map_err(|failure| (failure.in_one_line(), "see to the log and its key"))?;
        let recorded = Log::open_within(&self.directory, &key, HASTY_WAIT_MAX).and_then(|mut log| {
            for unusable in log.settle(now()?, &key)?.unusable {
                tracing::warn!("{unusable}; {UNUSABLE_HELP}");
            }
            self.append(log, acts, &key)
        });
        recorded.map_err(|error| (error.to_string(), error.help()))
    }
}

/// Says that what takes a patch back is done without the log, which `failure` keeps from being used.
fn go_on_without(failure: &Failure, console: &Console) {
    console.note(&format!("{}; the way back is open all the same", failure.in_one_line()));
}

/// Says that there may be acts that can't be added.
pub(crate) fn warn(unusable: &[Unusable], console: &Console) {
    for unusable in unusable {
        console.note(&format!("{unusable}; {UNUSABLE_HELP}"));
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
    let uid = suture_process::effective_uid();
    let name = suture_process::user_name(uid);
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
