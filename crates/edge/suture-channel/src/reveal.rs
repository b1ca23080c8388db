//! The end of an embargo: what was encrypted is put into the channel in the clear.

use jiff::Timestamp;

use crate::add::{self, Added};
use crate::limits::FILE_LEN_MAX;
use crate::parcel::Packed;
use crate::published::Published;
use crate::{ChannelError, Place, Refusal, place};

/// What was revealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revealed {
    /// The opaque name that it had.
    pub opaque: String,
    /// Names in the channel, in the clear.
    pub names: Vec<String>,
}

/// Puts a bundle that was under embargo into the channel in the clear, with the next publication.
///
/// `name` is that of the bundle or the opaque one. The encrypted file is no longer listed from then on.
///
/// # Errors
/// Nothing of that name is under embargo, the disclosure time has not come and `early` is not given
/// ([`Refusal::Embargoed`]), or the directory can't be written.
pub fn reveal(place: &Place, name: &str, early: bool, now: Timestamp) -> Result<Revealed, ChannelError> {
    let _lock = place.lock()?;
    let found =
        add::records(place)?.into_iter().find(|(opaque, record)| opaque == name || record.name == name);
    let Some((opaque, record)) = found else {
        let what = format!("`{}`", name.escape_debug());
        let help = "`suture channel show` lists what is";
        return Err(ChannelError::input(what, "nothing of that name is under embargo", help));
    };
    if now < record.until && !early {
        return Err(Refusal::Embargoed { name: record.name, until: record.until, now }.into());
    }
    let mut files = Vec::new();
    for file in &record.files {
        let path = place.embargo().join(&opaque).join(file);
        let content = place::read(&path, FILE_LEN_MAX)?.ok_or_else(|| {
            ChannelError::input(format!("`{}`", path.display()), "it is gone", "restore it from a copy")
        })?;
        files.push(Packed { name: file.clone(), content });
    }
    let Added { names, .. } = add::add_clear(place, &record.name, &files)?;
    add::forget(place, &Published::read(place)?.files(), &opaque)?;
    Ok(Revealed { opaque, names })
}
