//! Acts that have ended without anybody to record them: the log gets them with the next act, and whoever looks before that is told.

use std::path::Path;

use serde::Serialize;
use suture_delta::page::Page;
use suture_log::Time;
use suture_tiles::Noted;

use crate::console::Console;

/// One of them.
#[derive(Serialize)]
pub(super) struct Unrecorded {
    act: String,
    /// Who did it.
    by: String,
    begun: Time,
    /// Nothing if nobody has seen that.
    ended: Option<Time>,
}

/// Those of the log in `directory`. That they can't be seen is no reason not to show the log.
pub(super) fn of(directory: &Path, console: &Console) -> Vec<Unrecorded> {
    match suture_tiles::cut_short(directory) {
        Ok(noted) => noted.into_iter().filter_map(one).collect(),
        Err(error) => {
            console.note(&format!("whether acts are waiting to be recorded can't be seen: {error}"));
            Vec::new()
        }
    }
}

fn one(noted: Noted) -> Option<Unrecorded> {
    let Noted { begun, ended, entries, .. } = noted;
    let first = entries.into_iter().next()?;
    Some(Unrecorded { act: first.act, by: first.actor.name, begun, ended })
}

/// Says which.
pub(super) fn show(unrecorded: &[Unrecorded], page: &mut Page) {
    for Unrecorded { act, by, begun, .. } in unrecorded {
        page.line(&format!("not in the log yet: {act} by {by}, begun on {begun}; the next act adds it"));
    }
}
