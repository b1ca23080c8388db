//! Cases on disk: `DIR/ID/case.toml` and `DIR/ID/timeline.jsonl`.
//!
//! A new case is made beside its place and moved there as a whole. A change replaces the case first and the timeline
//! after it, each as a whole; killed in between, the timeline lacks the last act, which shows as an edit by hand, and nothing is
//! lost. Two who change the same case at the same time do so one after the other: the directory is locked.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use suture_case::names::CaseId;
use suture_case::read::CASE_BYTES_MAX;
use suture_case::timeline::{Entry, TIMELINE_BYTES_MAX, Timeline};
use suture_case::values::{Digest, Moment};
use suture_case::{Case, CaseError};
use suture_log::Subject;

use super::unusable;
use crate::act::{self, Act};
use crate::failure::Failure;
use crate::files;

/// The file that makes a directory a case.
pub(in crate::commands) const CASE: &str = "case.toml";
const TIMELINE: &str = "timeline.jsonl";
/// What a directory is called while it is being made; `list` passes over it.
const UNFINISHED: &str = ".new-";

/// The directory of all cases.
pub(in crate::commands) struct Store<'a> {
    directory: &'a Path,
}

/// A case with its files.
pub(in crate::commands) struct Stored {
    pub(in crate::commands) directory: PathBuf,
    pub(in crate::commands) case: Case,
    pub(in crate::commands) timeline: Timeline,
    text: String,
    /// Kept while the case may be changed.
    lock: Option<File>,
}

impl Stored {
    /// Whether `case.toml` is not what the last act left behind.
    pub(in crate::commands) fn is_edited_by_hand(&self) -> bool {
        self.timeline.acts().last().is_none_or(|act| act.case != Digest::of(self.text.as_bytes()))
    }

    /// Writes down a change to `case`.
    pub(in crate::commands) fn change(self, case: &Case, entry: Entry, act: &Act) -> Result<Self, Failure> {
        let (case_path, timeline_path) = (self.directory.join(CASE), self.directory.join(TIMELINE));
        let text = case.edit(&self.text).map_err(|error| unusable(&case_path, &error))?;
        // Read back before it is written: a file that can't be read again must not replace one that can.
        if Case::parse(&text).as_ref() != Ok(case) {
            return Err(Failure::unexpected(format!("`{}` can't be edited", case_path.display()))
                .why("the edited text does not say what it should; nothing was changed")
                .help("report this as a fault of suture, with the file"));
        }
        let mut timeline = self.timeline;
        let entry = Entry { case: Digest::of(text.as_bytes()), ..entry };
        timeline.append(entry).map_err(|error| unusable(&timeline_path, &error))?;
        act.outlast_interruptions();
        files::write(&case_path, text.as_bytes())?;
        files::write(&timeline_path, timeline.text().as_bytes())?;
        sync(&self.directory);
        Ok(Self { directory: self.directory, case: case.clone(), timeline, text, lock: self.lock })
    }

    /// The case as a log may show it that others read: under embargo it has no name.
    pub(in crate::commands) fn subject(&self) -> Subject {
        let now = jiff::Timestamp::now().as_second();
        let is_secret = self.case.embargo_until.is_some_and(|until| until.unix_s() > now);
        let id = (!is_secret).then(|| self.case.id.to_string());
        Subject { id, ..act::content("case", self.text.as_bytes()) }
    }

    /// The last act of its timeline, as a log may show it: that says who did it, and is bound to all before it.
    pub(in crate::commands) fn last_act(&self) -> Option<Subject> {
        let last = self.timeline.text().lines().next_back();
        last.map(|line| act::content("timeline", line.as_bytes()))
    }

    /// The time of the last act.
    pub(in crate::commands) fn changed_at(&self) -> Moment {
        self.timeline.acts().last().map_or(self.case.opened, |act| act.at)
    }
}

impl<'a> Store<'a> {
    pub(in crate::commands) fn at(directory: &'a Path) -> Self {
        Self { directory }
    }

    /// The ids of all cases, and of what looks like one, ascending.
    pub(in crate::commands) fn ids(&self) -> Result<Vec<CaseId>, Failure> {
        let unreadable = |error: std::io::Error| {
            Failure::usage(format!("the cases in `{}` can't be listed", self.directory.display()))
                .why(&error)
                .help("name the directory of the cases with --cases, or open one with `suture case new`")
        };
        let mut ids = Vec::new();
        for entry in fs::read_dir(self.directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let id = entry.file_name().to_str().and_then(|name| name.parse::<CaseId>().ok());
            if let Some(id) = id.filter(|_| entry.path().join(CASE).exists()) {
                ids.push(id);
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    pub(in crate::commands) fn refuse_existing(&self, id: &CaseId) -> Result<(), Failure> {
        if self.path(id).exists() { Err(self.existing(id)) } else { Ok(()) }
    }

    fn existing(&self, id: &CaseId) -> Failure {
        Failure::usage(format!("`{}` is there already", self.path(id).display()))
            .help(format!("`suture case classify {id}` changes it; a new case needs another id"))
    }

    /// Reads a case.
    pub(in crate::commands) fn open(&self, id: &CaseId) -> Result<Stored, Failure> {
        self.read(id, None)
    }

    /// Reads a case that is to be changed, and keeps others from changing it.
    pub(in crate::commands) fn open_to_change(&self, id: &CaseId) -> Result<Stored, Failure> {
        let directory = self.path(id);
        if !directory.join(CASE).exists() {
            return self.open(id);
        }
        let lock = File::open(&directory).and_then(|file| file.lock().map(|()| file));
        let lock = lock.map_err(|error| {
            Failure::unexpected(format!("`{}` can't be locked", directory.display())).why(&error)
        })?;
        self.read(id, Some(lock))
    }

    /// Writes a new case, as a whole or not at all.
    pub(in crate::commands) fn create(
        &self,
        case: &Case,
        entry: Entry,
        act: &Act,
    ) -> Result<Stored, Failure> {
        let target = self.path(&case.id);
        let unwritable = |error: &std::io::Error| {
            Failure::unexpected(format!("`{}` can't be written", target.display()))
                .why(error)
                .help("make room, or name another directory with --cases")
        };
        let text = case.to_text().map_err(|error| unusable(&target.join(CASE), &error))?;
        let mut timeline = Timeline::default();
        let entry = Entry { case: Digest::of(text.as_bytes()), ..entry };
        timeline.append(entry).map_err(|error| unusable(&target.join(TIMELINE), &error))?;
        act.outlast_interruptions();
        fs::create_dir_all(self.directory).map_err(|error| unwritable(&error))?;
        let unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .tempdir_in(self.directory)
            .map_err(|error| unwritable(&error))?;
        files::write(&unfinished.path().join(CASE), text.as_bytes())?;
        files::write(&unfinished.path().join(TIMELINE), timeline.text().as_bytes())?;
        // Fails if somebody else was faster: a directory with something in it is not replaced.
        fs::rename(unfinished.path(), &target).map_err(|error| match error.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => self.existing(&case.id),
            _ => unwritable(&error),
        })?;
        // It has moved away, and there is nothing left to remove.
        let _ = unfinished.keep();
        sync(self.directory);
        Ok(Stored { directory: target, case: case.clone(), timeline, text, lock: None })
    }

    fn read(&self, id: &CaseId, lock: Option<File>) -> Result<Stored, Failure> {
        let directory = self.path(id);
        let (case_path, timeline_path) = (directory.join(CASE), directory.join(TIMELINE));
        if !case_path.exists() {
            return Err(Failure::usage(format!("there is no case `{id}` in `{}`", self.directory.display()))
                .help("`suture case list` shows those that are there; --cases names another directory"));
        }
        let text = files::read_text_up_to(&case_path, "the case", CASE_BYTES_MAX as u64)?;
        let case = Case::parse(&text).map_err(|error| unusable(&case_path, &error))?;
        if case.id != *id {
            let what = format!("the case in the directory `{id}` calls itself `{}`", case.id);
            let error = CaseError { line: 1, column: 1, what, help: "make both the same".to_owned() };
            return Err(unusable(&case_path, &error));
        }
        let acts = files::read_text_up_to(&timeline_path, "the timeline", TIMELINE_BYTES_MAX as u64)?;
        let timeline = Timeline::parse(&acts).map_err(|error| unusable(&timeline_path, &error))?;
        Ok(Stored { directory, case, timeline, text, lock })
    }

    fn path(&self, id: &CaseId) -> PathBuf {
        self.directory.join(id.as_str())
    }
}

/// Makes names in a directory outlive a power cut, where the file system can do that.
fn sync(directory: &Path) {
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
}
