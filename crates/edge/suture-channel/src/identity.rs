//! Which channel signed metadata is for: the one that began with a certain first root.
//!
//! Two channels may be of the same people, and have keys in common. What is signed for one of them must not pass for the
//! other, so targets and every root after the first say, signed, which channel they are of. Metadata that does not say so was made
//! by other programs, or by this one before it knew; channels of the same keys can't be told apart by it.

use std::collections::HashMap;

use serde_json::Value;
use tough::schema::Root;

use crate::limits::ROOT_LEN_MAX;
use crate::metadata::{self, Document};
use crate::{ChannelError, Place};

/// The field: the SHA-256 of what is signed of the first root.
const CHANNEL: &str = "channel_sha256";

/// What metadata says, by its fields that TUF does not know.
pub(crate) fn named(fields: &HashMap<String, Value>) -> Option<&str> {
    fields.get(CHANNEL).and_then(Value::as_str)
}

/// Says of metadata which channel it is of.
pub(crate) fn name(fields: &mut HashMap<String, Value>, channel: &str) {
    fields.insert(CHANNEL.to_owned(), channel.into());
}

/// The channel of which this is a root; `None` if the root alone does not tell.
pub(crate) fn of_root(root: &Root) -> Result<Option<String>, ChannelError> {
    if root.version.get() == 1 {
        metadata::digest(root).map(Some)
    } else {
        Ok(named(&root._extra).map(str::to_owned))
    }
}

/// The channel in a directory, of which this is the newest root.
pub(crate) fn of_place(place: &Place, newest: &Root) -> Result<String, ChannelError> {
    if let Some(channel) = of_root(newest)? {
        return Ok(channel);
    }
    let path = place.metadata().join("1.root.json");
    let first = Document::<Root>::read(&path, ROOT_LEN_MAX)?.ok_or_else(|| {
        let help = "restore it from a copy: nodes begin with it, and no root is ever removed";
        ChannelError::input(format!("`{}`", path.display()), "it is gone", help)
    })?;
    metadata::digest(&first.signed.signed)
}
