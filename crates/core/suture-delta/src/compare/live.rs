//! What the old code has left in the process that the comparison of the two builds does not show: pointers.
//!
//! New code and new constants stand at new places, and what points to the old ones goes on doing so. For a function that is what is wanted: its
//! entry leads to the new code. For what is in the middle of a function, for a constant that is another one now, and for a function that two names
//! share, it is not.

mod aligned;
mod code;
mod constants;

use super::Changed;
use crate::objects::{self, Objects};
use crate::refusal::{Refusal, RefusalCode};
use crate::same::Same;
use crate::side::{EntityId, Side};

/// A refusal for everything that may be pointed to and would be something else.
pub(super) fn compare(same: &Same<'_, '_, '_>, changed: &[Changed], objects: &Objects) -> Vec<Refusal> {
    let mut found = constants::compare(same, objects);
    found.extend(code::labels(same, changed));
    found.extend(code::folded(same));
    found.extend(code::renamed(same));
    found.extend(aligned::compare(same, changed));
    found
}

fn refusal(code: RefusalCode, side: &Side<'_, '_>, id: EntityId, message: &str, help: &str) -> Refusal {
    objects::refusal(code, side.entity(id), message, help)
}
