//! The values of the templates.

use serde::Serialize;

use super::Rendering;
use crate::Stated;
use crate::model::Answers;

/// Everything that a paper may say.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question that a template asks")]
pub(super) struct Context<'a> {
    #[serde(flatten)]
    answers: &'a Answers,
    deltas: Vec<Patch<'a>>,
    source: &'a str,
    bundle: &'a str,
    /// Whether any build has a path to marked code.
    is_critical: bool,
    is_replicated: bool,
    has_hooks: bool,
    has_live_data: bool,
}

/// A delta with what commands call it.
#[derive(Serialize)]
struct Patch<'a> {
    #[serde(flatten)]
    stated: &'a Stated,
    /// The beginning of its id.
    short_id: &'a str,
    /// The beginning of the old build's id, as `suture ps` shows it.
    short_build_id: String,
}

pub(super) fn context<'a>(rendering: &Rendering<'a>) -> Context<'a> {
    let answers = &rendering.dossier.answers;
    let any = |of: fn(&Stated) -> bool| answers.delta.iter().any(of);
    Context {
        answers,
        deltas: answers.delta.iter().map(patch).collect(),
        source: rendering.source,
        bundle: rendering.bundle,
        is_critical: any(|delta| !delta.critical.is_empty()),
        is_replicated: answers.case.consensus_class.trim() == "replicated",
        has_hooks: any(|delta| !delta.hooks.is_empty()),
        has_live_data: any(Stated::has_live_data),
    }
}

/// Digits of a build-id that `suture ps` shows.
const BUILD_ID_DIGITS: usize = 12;

fn patch(stated: &Stated) -> Patch<'_> {
    Patch {
        stated,
        short_id: stated.short_id(),
        short_build_id: stated.old_build_id.chars().take(BUILD_ID_DIGITS).collect(),
    }
}
