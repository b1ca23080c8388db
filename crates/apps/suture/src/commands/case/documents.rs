//! The answers of `suture case`: one document for scripts, one page for people.

use serde::Serialize;
use suture_case::names::{Person, Role};
use suture_case::table::Table;
use suture_case::timeline::Act;
use suture_case::{Case, Classification};

use super::page;
use super::store::Stored;
use crate::console::{self, Console};
use crate::failure::Failure;

/// What `new`, `classify` and `show` print.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    schema: u32,
    /// Where its files are.
    directory: String,
    /// What the case says.
    case: &'a Case,
    /// What follows.
    classification: &'a Classification,
    /// Whether `case.toml` is not what the last act left behind.
    edited_by_hand: bool,
    /// Who had which role after each act that changed one, oldest first.
    owners: Vec<Owners<'a>>,
    /// What was done, oldest first.
    timeline: &'a [Act],
}

/// Who had which role from a moment on.
#[derive(Serialize)]
struct Owners<'a> {
    since: String,
    roles: std::collections::BTreeMap<Role, Person>,
    by: &'a str,
}

/// Answers with everything about a case.
pub(super) fn answer(stored: &Stored, tables: &[Table], console: &Console) -> Result<(), Failure> {
    let classification = suture_case::classify(&stored.case, tables);
    let acts = stored.timeline.acts();
    let changing = acts.iter().filter(|act| !act.roles.is_empty());
    let owners = changing.map(|act| Owners {
        since: act.at.to_string(),
        roles: stored.timeline.owners_at(act.at),
        by: act.by.as_str(),
    });
    let document = Document {
        schema: 1,
        directory: stored.directory.display().to_string(),
        case: &stored.case,
        classification: &classification,
        edited_by_hand: stored.is_edited_by_hand(),
        owners: owners.collect(),
        timeline: acts,
    };
    console.answer(&document, |look| page::case(stored, &classification, look))
}

/// Prints a document that has a format of its own, for people as for scripts.
pub(super) fn print(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::unexpected("the answer can't be written as JSON").why(&error))?;
    console::print(&(text + "\n"))
}
