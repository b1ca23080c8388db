//! `advisory.toml` to [`Advisory`], and back to a text that reads the same.
//!
//! Every key is known or a mistake: a mistyped `disclose_at` must not publish anything.

use std::collections::BTreeSet;

use suture_case::model::Tlp;
use suture_case::names::VulnerabilityId;
use suture_case::values::Line;

use crate::error::AdvisoryError;
use crate::model::Advisory;
use crate::revision;
use crate::stage::Stage;

/// Longest `advisory.toml` that is read, in bytes.
pub const ADVISORY_BYTES_MAX: usize = 1 << 20;
const HELP: &str = "see docs/formats/advisory.md for what an advisory says";
const HEADING: &str = "# An advisory of Suture: docs/formats/advisory.md says what may stand here. `suture advisory update` makes \
     versions; edit before it.\n\n";

impl Advisory {
    /// Reads the text of an `advisory.toml`.
    ///
    /// # Errors
    /// With line and column: if it is too long, no TOML, has a key that is not known, a value that can't be, or says of one
    /// thing that it is affected and fixed.
    pub fn parse(text: &str) -> Result<Self, AdvisoryError> {
        if text.len() > ADVISORY_BYTES_MAX {
            let what = format!("{} bytes where at most {ADVISORY_BYTES_MAX} may be", text.len());
            return Err(AdvisoryError::at(text, 0, what, "keep long texts behind a reference"));
        }
        let advisory: Self = toml::from_str(text).map_err(|error| {
            let offset = error.span().unwrap_or_default().start;
            let what: Vec<&str> = error.message().split_whitespace().collect();
            AdvisoryError::at(text, offset, what.join(" "), HELP)
        })?;
        advisory.check().map_err(|(key, what)| {
            let offset = text.find(key).unwrap_or_default();
            AdvisoryError::at(text, offset, what, HELP)
        })?;
        Ok(advisory)
    }

    /// The text of an `advisory.toml` that says this.
    ///
    /// # Errors
    /// If a value has no spelling in TOML, which no advisory that was read has.
    pub fn to_text(&self) -> Result<String, AdvisoryError> {
        let text = toml::to_string_pretty(self).map_err(|error| {
            AdvisoryError::at("", 0, error.to_string(), "report this as a fault of suture")
        })?;
        Ok(format!("{HEADING}{text}"))
    }

    /// What no single value can know: nothing twice, nothing both affected and fixed, versions that only grow. The
    /// mistake comes with the word by which its place is found.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let program = &self.program;
        for (key, list) in [("affected", &program.affected), ("fixed", &program.fixed)] {
            if let Some(twice) = first_twice(list.iter().map(Line::as_str)) {
                return Err((key, format!("{twice:?} is listed twice as {key}")));
            }
        }
        if let Some(both) = program.affected.iter().find(|version| program.fixed.contains(version)) {
            return Err(("fixed", format!("{:?} can't be affected and fixed", both.as_str())));
        }
        if let Some(twice) = first_twice(self.hot_patch.iter().map(|patch| patch.patch.as_str())) {
            return Err(("hot_patch", format!("the patch {twice} is listed twice")));
        }
        if let Some(twice) = first_twice(self.ids.iter().map(VulnerabilityId::as_str)) {
            return Err(("ids", format!("{twice} is listed twice")));
        }
        for credit in self.credit.iter() {
            if self.credit.iter().filter(|other| *other == credit).count() > 1 {
                return Err(("credit", format!("{} is thanked twice for the same", credit.name)));
            }
        }
        if self.stage == Stage::Published && self.tlp != Tlp::Clear {
            return Err(("tlp", "what is published is TLP:CLEAR".to_owned()));
        }
        revision::check(&self.revision, self.stage).map_err(|what| ("revision", what))
    }
}

fn first_twice<'a>(mut items: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    items.find(|item| !seen.insert(*item))
}
