//! The trust policy that the next publication will contain: one file, `policy.json` in the channel's directory, so that it is replaced
//! as a whole or not at all. Whoever is killed, or has no room, leaves the one that was there.
//!
//! Programs before this one kept its files in `content`, one by one. What is there is not published, since nobody knows whether
//! it is complete.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Files;
use crate::limits::FILE_LEN_MAX;
use crate::name::{self, Kind};
use crate::{ChannelError, Place, add, place};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: u32,
    /// Texts by the names of their files.
    files: BTreeMap<String, String>,
}

const SCHEMA: u32 = 1;

/// Its files; none where there is no policy.
pub(crate) fn read(place: &Place) -> Result<Files, ChannelError> {
    let path = file(place);
    let Some(text) = place::read(&path, FILE_LEN_MAX)? else { return Ok(Files::new()) };
    let wrong = |why: String| {
        let help = "put the policy in again with `suture channel add --policy`";
        ChannelError::input(format!("`{}`", path.display()), why, help)
    };
    let document: Document = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if document.schema != SCHEMA || document.files.keys().any(|name| name::check(name).is_err()) {
        return Err(wrong("it is not what this program writes".to_owned()));
    }
    Ok(document.files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect())
}

/// Puts these files in the place of those that are there, all at once.
pub(crate) fn replace(place: &Place, files: &Files) -> Result<(), ChannelError> {
    let path = file(place);
    if files.is_empty() {
        place::remove(&path)?;
    } else {
        let input = |error: String| ChannelError::input(format!("`{}`", path.display()), error, "");
        let text = |(name, content): (&String, &Vec<u8>)| {
            let text = String::from_utf8(content.clone()).map_err(|error| input(error.to_string()))?;
            Ok((name.clone(), text))
        };
        let files = files.iter().map(text).collect::<Result<_, ChannelError>>()?;
        let document = serde_json::to_vec_pretty(&Document { schema: SCHEMA, files });
        place::replace(&path, &document.map_err(|error| input(error.to_string()))?)?;
    }
    for stray in strays(place)? {
        place::remove(&place.content().join(stray))?;
    }
    Ok(())
}

/// Files of a policy that are not where one is kept.
pub(crate) fn strays(place: &Place) -> Result<Vec<String>, ChannelError> {
    let mut names = add::content_files(place)?;
    names.retain(|name| matches!(Kind::parse(name), Ok(Kind::Policy(_))));
    Ok(names)
}

pub(crate) fn file(place: &Place) -> PathBuf {
    place.directory().join("policy.json")
}
