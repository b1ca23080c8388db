//! `case.toml` to [`Case`].
//!
//! Every key is known or a mistake: a mistyped `embargo_untill` must not publish anything. Keys of one's own stand
//! under `[x]`.

use crate::error::CaseError;
use crate::model::Case;

/// Longest `case.toml` that is read, in bytes.
pub const CASE_BYTES_MAX: usize = 1 << 20;
const HELP: &str = "see docs/formats/case.md for what a case says";

impl Case {
    /// Reads the text of a `case.toml`.
    ///
    /// # Errors
    /// With line and column: if it is too long, no TOML, has a key that is not known, or a value that can't be.
    pub fn parse(text: &str) -> Result<Self, CaseError> {
        if text.len() > CASE_BYTES_MAX {
            let what = format!("{} bytes where at most {CASE_BYTES_MAX} may be", text.len());
            return Err(CaseError::in_line(1, what, "keep long texts in files of their own beside it"));
        }
        toml::from_str(text).map_err(|error| CaseError::of_toml(text, &error, HELP))
    }
}
