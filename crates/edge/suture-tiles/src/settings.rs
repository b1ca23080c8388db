//! `log.toml`: which log a directory holds, for whoever appends to it, and between which others it stands.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suture_log::VerifierKey;

use crate::disk;
use crate::error::Error;
use crate::layout::{Layout, read_up_to};

/// Longest settings, in bytes.
const SETTINGS_BYTES_MAX: usize = 64 << 10;
/// Most logs, one following the other, that are looked into for what is pending.
const PREDECESSORS_MAX: usize = 16;

/// What stands in `log.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The log's public key, named after its origin.
    pub vkey: VerifierKey,
    /// Where the private half is, if that is known: a file, or `agent:` and the name of an agent's key.
    pub key_file: Option<PathBuf>,
    /// The directory of the log that this one follows: what is pending there is added here.
    pub predecessor: Option<PathBuf>,
    /// The origin of the log that follows this one, which takes no more entries then.
    pub successor: Option<String>,
}

/// A log that may have something pending.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) layout: Layout,
    pub(crate) origin: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    vkey: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predecessor: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
}

impl Settings {
    /// Those of a log that stands alone.
    pub fn new(vkey: VerifierKey, key_file: Option<PathBuf>) -> Self {
        Self { vkey, key_file, predecessor: None, successor: None }
    }

    /// The settings of the log in `directory`.
    ///
    /// # Errors
    /// There is no log, or its settings are not as they should be.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        Self::read_from(&Layout::new(directory))
    }

    pub(crate) fn read_from(layout: &Layout) -> Result<Self, Error> {
        let path = layout.settings();
        let missing = || Error::NotALog { directory: layout.root().to_owned(), missing: "log.toml" };
        let content = read_up_to(&path, SETTINGS_BYTES_MAX)?.ok_or_else(missing)?;
        let damaged = |what: String| Error::Damaged { path: path.clone(), what };
        let text = String::from_utf8(content).map_err(|_| damaged("is not UTF-8".to_owned()))?;
        let text: Text = toml::from_str(&text).map_err(|error| {
            let line = text[..error.span().unwrap_or_default().start].matches('\n').count() + 1;
            damaged(format!("can't be used: line {line}: {}", error.message()))
        })?;
        let vkey = text.vkey.parse().map_err(|error| damaged(format!("has no key in `vkey`: {error}")))?;
        Ok(Self { vkey, key_file: text.key_file, predecessor: text.predecessor, successor: text.successor })
    }

    /// Replaces those that are there in one instant. Only where the directory is synced after it they stay.
    pub(crate) fn write_to(&self, layout: &Layout) -> Result<(), Error> {
        let Self { vkey, key_file, predecessor, successor } = self.clone();
        let text = Text { vkey: vkey.to_string(), key_file, predecessor, successor };
        let path = layout.settings();
        let unwritable =
            |error: toml::ser::Error| Error::Damaged { path: path.clone(), what: error.to_string() };
        let text = toml::to_string(&text).map_err(unwritable)?;
        disk::write_over(&layout.next_settings(), text.as_bytes())?.sync()?;
        disk::rename(&layout.next_settings(), &path)
    }

    /// The logs that this one follows, newest first, as far as they are still where they were.
    pub(crate) fn predecessors(&self) -> Vec<Place> {
        let mut found = Vec::new();
        let mut next = self.predecessor.clone();
        while let Some(directory) = next.filter(|_| found.len() < PREDECESSORS_MAX) {
            let layout = Layout::new(&directory);
            let Ok(settings) = Self::read_from(&layout) else { break };
            found.push(Place { layout, origin: settings.vkey.name().to_owned() });
            next = settings.predecessor;
        }
        found
    }
}
