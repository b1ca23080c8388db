//! `log.toml`: which log a directory holds, for whoever appends to it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suture_log::VerifierKey;

use crate::disk;
use crate::error::Error;
use crate::layout::{Layout, read_up_to};

/// Longest settings, in bytes.
const SETTINGS_BYTES_MAX: usize = 64 << 10;

/// What stands in `log.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The log's public key, named after its origin.
    pub vkey: VerifierKey,
    /// Where the private half is, if that is known: a file, or `agent:` and the name of an agent's key.
    pub key_file: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    vkey: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_file: Option<PathBuf>,
}

impl Settings {
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
        Ok(Self { vkey, key_file: text.key_file })
    }

    pub(crate) fn write_to(&self, layout: &Layout) -> Result<(), Error> {
        let text = Text { vkey: self.vkey.to_string(), key_file: self.key_file.clone() };
        let path = layout.settings();
        let unwritable =
            |error: toml::ser::Error| Error::Damaged { path: path.clone(), what: error.to_string() };
        disk::write_over(&path, toml::to_string(&text).map_err(unwritable)?.as_bytes())?.sync()
    }
}
