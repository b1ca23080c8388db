//! The answers of `suture case`: one document for scripts, one page for people.

use serde::Serialize;
use suture_case::names::{Person, Role};
use suture_case::timeline::Act;
use suture_case::{Case, Classification};
use suture_policy::RouteDecision;

use super::judge::Judge;
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
    /// What follows by the tables.
    classification: &'a Classification,
    /// What follows by the rules.
    route: RouteDocument<'a>,
    /// Whether `case.toml` is not what the last act left behind.
    edited_by_hand: bool,
    /// Who had which role after each act that changed one, oldest first.
    owners: Vec<Owners<'a>>,
    /// What was done, oldest first.
    timeline: &'a [Act],
}

/// Which way it goes.
#[derive(Serialize)]
struct RouteDocument<'a> {
    #[serde(flatten)]
    decision: &'a RouteDecision,
    /// What nobody has said of what the rules ask for, and is taken for so.
    assumed: &'a [String],
    /// Whose rules they are.
    rules_of: &'a str,
}

/// Who had which role from a moment on.
#[derive(Serialize)]
struct Owners<'a> {
    since: String,
    roles: std::collections::BTreeMap<Role, Person>,
    by: &'a str,
}

/// Answers with everything about a case.
pub(super) fn answer(stored: &Stored, judge: &Judge, console: &Console) -> Result<(), Failure> {
    let classification = judge.classify(&stored.case);
    let routed = judge.route(&stored.case)?;
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
        route: RouteDocument {
            decision: &routed.decision,
            assumed: &routed.assumed,
            rules_of: &judge.rules.name,
        },
        edited_by_hand: stored.is_edited_by_hand(),
        owners: owners.collect(),
        timeline: acts,
    };
    console.answer(&document, |look| page::case(stored, &classification, &routed, look))
}

/// Prints a document that has a format of its own, for people as for scripts.
pub(super) fn print(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::unexpected("the answer can't be written as JSON").why(&error))?;
    console::print(&(text + "\n"))
}
