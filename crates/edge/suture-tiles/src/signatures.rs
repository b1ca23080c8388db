//! Cosignatures come from elsewhere, and nobody needs the log's private key to put them where they belong.

use std::path::Path;

use suture_log::SignedCheckpoint;

use crate::error::Error;
use crate::layout::Layout;
use crate::log::{LOCK_WAIT_MAX, lock, publish};
use crate::reader::read_checkpoint;
use crate::settings::Settings;

/// Adds the signatures under `signed` to those under the newest checkpoint of the log in `directory`, if it is the same
/// one, and gives that. Whether they are worth anything is for [`suture_log::Policy::judge_signatures`].
///
/// # Errors
/// The log has gone on, is busy, or can't be written.
pub fn add_signatures(directory: &Path, signed: &SignedCheckpoint) -> Result<SignedCheckpoint, Error> {
    let layout = Layout::new(directory);
    let key = Settings::read_from(&layout)?.vkey;
    let _lock = lock(&layout, LOCK_WAIT_MAX)?;
    let missing = || Error::NotALog { directory: directory.to_owned(), missing: "public/checkpoint" };
    let mut newest = read_checkpoint(&layout)?.ok_or_else(missing)?;
    let size = newest.checkpoint().size;
    if !newest.add_signatures_of(signed) {
        return Err(Error::GoneOn { signed: signed.checkpoint().size, size });
    }
    // What is read again must be what is written: a note has room for so many signatures and no more.
    let is_readable = SignedCheckpoint::parse(newest.to_string().as_bytes()).is_ok_and(|read| read == newest);
    if !is_readable || !newest.is_signed_by(&key) {
        let what = "would not be a checkpoint of the log any more".to_owned();
        return Err(Error::Damaged { path: layout.checkpoint(), what });
    }
    publish(&layout, &newest)?;
    Ok(newest)
}
