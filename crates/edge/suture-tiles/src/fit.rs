//! Acts on so much that one entry can't hold it are told by several.

use suture_log::{Draft, EntryError, Time};

use crate::error::Error;

/// The same acts in drafts that can be entries, in order.
///
/// # Errors
/// One can't be an entry, however few things it is on.
pub(crate) fn fitting(drafts: &[Draft], when: Time) -> Result<Vec<Draft>, Error> {
    let mut fitting = Vec::with_capacity(drafts.len());
    let mut left: Vec<Draft> = drafts.iter().rev().cloned().collect();
    while let Some(draft) = left.pop() {
        match draft.at(when).encode() {
            Ok(_) => fitting.push(draft),
            Err(EntryError::TooLong(_)) if draft.subjects.len() > 1 => {
                let mut first = draft;
                let second = first.subjects.split_off(first.subjects.len() / 2);
                left.push(Draft { subjects: second, ..first.clone() });
                left.push(first);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(fitting)
}
