//! Where acts of this program are recorded: the log that the environment names, or nowhere.
//!
//! It is asked for *before* anything is done ([`Audit::from_environment`], [`Audit::begin`]): an act that could not be recorded is not
//! begun, and one that is begun is noted beside the log, so that it is recorded even if this program is killed. When it is done, refused or
//! has failed, that is said ([`Record::end`]). The way back alone is done whatever the log says ([`Audit::begin_anyway`]). The one that does
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

/// What to do about an act that nobody will record any more.
const KEEP_THIS: &str = "nothing else tells of it: keep this answer for whoever audits";

/// The log that acts are recorded in.
pub(crate) struct Audit {
    directory: PathBuf,
    key: LogKey,
}

/// The record of an act that is going on.
pub(crate) struct Record {
    audit: Audit,
    /// Nothing if it could not be noted, and is done all the same.
    pending: Option<Pending>,
    /// Whether what it does could not wait for the log.
    is_the_way_back: bool,
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
    pub(crate) fn begin(self, acts: &[Draft], console: &Console) -> Result<Record, Failure> {
        let Self { directory, key } = &self;
        let begun = Log::open(directory, key).and_then(|mut log| {
            let now = now()?;
            warn(&log.settle(now, key)?.unusable, console);
            log.begin(now, acts)
        });
        let pending = begun.map_err(|error| unusable(directory, &error))?;
        Ok(Record { audit: self, pending: Some(pending), is_the_way_back: false })
    }

    /// The same for an act that is done whatever is wrong with the log. It is noted without a look at the rest of it.
    pub(crate) fn begin_anyway(self, acts: &[Draft], console: &Console) -> Record {
        let noted = now().and_then(|now| Pending::begin(&self.directory, now, acts));
        let failed = |error| go_on_without(&unusable(&self.directory, &error), console);
        let pending = noted.map_err(failed).ok();
        Record { audit: self, pending, is_the_way_back: true }
    }
}

impl Record {
    /// Notes what is known now, for whoever records it if this program can't.
    pub(crate) fn note(&self, acts: &[Draft]) {
        if let Some(Err(error)) = self.pending.as_ref().map(|pending| pending.note(acts)) {
            // What was noted first is there, and the act is recorded as a whole when it ends.
            tracing::debug!("{error}");
        }
    }

    /// Records how it has ended, as one batch; it is on the disk when this returns. Whoever was told to end waits less for others.
    pub(crate) fn end(&self, acts: &[Draft], outcome: &Outcome, was_told_to: bool) -> Result<(), Failure> {
        let Audit { directory, key } = &self.audit;
        // If what follows fails, this tells more than that nobody has seen the end.
        if let (Some(pending), Ok(now)) = (&self.pending, now()) {
            let _ = pending.end(now, acts);
        }
        let is_hasty = self.is_the_way_back || was_told_to;
        let log = if is_hasty {
            Log::open_within(directory, key, HASTY_WAIT_MAX)
        } else {
            Log::open(directory, key)
        };
        let recorded = log.and_then(|mut log| {
            // Others may have written to it while it was waited for.
            let now = now()?;
            if self.is_the_way_back {
                // It could not look after what others have left before it began.
                log.settle(now, key)?
                    .unusable
                    .iter()
                    .for_each(|left| tracing::warn!("{left}; {UNUSABLE_HELP}"));
            }
            match &self.pending {
                Some(pending) => log.finish(now, acts, key, pending),
                None => log.append(now, acts, key),
            }
        });
        recorded.map(drop).map_err(|error| {
            let what = format!("{}, and is not in the audit log `{}`", ended(outcome), directory.display());
            let (what, help) = match &self.pending {
                Some(_) => (format!("{what} yet"), "it is noted beside the log, and the next act adds it"),
                None => (what, KEEP_THIS),
            };
            Failure::unexpected(what).why(&error).help(format!("{}; {help}", error.help()))
        })
    }
}

/// Why an act is not recorded of which nothing could even be noted, as `log` can't be used.
pub(crate) fn unrecorded(outcome: &Outcome, log: &Failure) -> Failure {
    let what = format!("{}, and is not in the audit log", ended(outcome));
    Failure::unexpected(what).why(&log.in_one_line()).help(KEEP_THIS)
}

/// Says that what takes a patch back is done without the log, which `failure` keeps from being used.
pub(crate) fn go_on_without(failure: &Failure, console: &Console) {
    console.note(&format!("{}; the way back is open all the same", failure.in_one_line()));
}

fn ended(outcome: &Outcome) -> &'static str {
    match outcome.result {
        OutcomeResult::Done => "the act was done",
        OutcomeResult::Refused => "the act was refused",
        OutcomeResult::Failed => "the act has failed",
    }
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
