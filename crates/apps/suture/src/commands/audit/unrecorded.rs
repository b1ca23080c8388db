//! Acts that have ended without anybody to record them: the log gets them with the next act, and whoever looks before that is told; also of
//! what may be such an act, and can't be read.

use std::path::Path;

use serde::Serialize;
use suture_delta::page::Page;
use suture_log::Time;
use suture_tiles::{Noted, Settings};

use crate::audit::UNUSABLE_HELP;
use crate::console::Console;

/// What the log does not have.
#[derive(Default, Serialize)]
pub(super) struct Waiting {
    /// Acts that the next one adds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unrecorded: Vec<Unrecorded>,
    /// What is left where acts are noted, and can't be added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unusable: Vec<Unusable>,
    /// The log that follows this one, to which they are added.
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
}

#[derive(Serialize)]
struct Unrecorded {
    act: String,
    /// Who did it.
    by: String,
    begun: Time,
    /// Nothing if nobody has seen that.
    ended: Option<Time>,
}

#[derive(Serialize)]
struct Unusable {
    path: String,
    why: String,
    /// Both in one sentence.
    #[serde(skip)]
    text: String,
}

/// What the log in `directory` does not have. That it can't be seen is no reason not to show the log.
pub(super) fn of(directory: &Path, console: &Console) -> Waiting {
    let successor = Settings::read(directory).ok().and_then(|settings| settings.successor);
    match suture_tiles::cut_short(directory) {
        Ok(waiting) => Waiting {
            unrecorded: waiting.acts.into_iter().filter_map(act).collect(),
            unusable: waiting.unusable.iter().map(unusable).collect(),
            successor,
        },
        Err(error) => {
            console.note(&format!("whether acts are waiting to be recorded can't be seen: {error}"));
            Waiting { successor, ..Waiting::default() }
        }
    }
}

fn act(noted: Noted) -> Option<Unrecorded> {
    let Noted { begun, ended, entries, .. } = noted;
    let first = entries.into_iter().next()?;
    Some(Unrecorded { act: first.act, by: first.actor.name, begun, ended })
}

fn unusable(unusable: &suture_tiles::Unusable) -> Unusable {
    let (path, why) = (unusable.path.display().to_string(), unusable.why.clone());
    Unusable { path, why, text: unusable.to_string() }
}

/// Says which.
pub(super) fn show(waiting: &Waiting, page: &mut Page) {
    let next = waiting.successor.as_ref().map_or_else(String::new, |successor| format!(" of {successor}"));
    for Unrecorded { act, by, begun, .. } in &waiting.unrecorded {
        page.line(&format!(
            "not in the log yet: {act} by {by}, begun on {begun}; the next act{next} adds it"
        ));
    }
    for Unusable { text, .. } in &waiting.unusable {
        page.line(&format!("{text}; {UNUSABLE_HELP}"));
    }
    if let Some(successor) = &waiting.successor {
        page.line(&format!("the log {successor} follows this one, which takes no more entries"));
    }
}
