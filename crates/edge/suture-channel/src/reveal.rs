//! The end of an embargo: what was encrypted is put into the channel in the clear.

use jiff::Timestamp;

use crate::add::{self, Added};
use crate::name::Kind;
use crate::sealed::{self, Entry, Sealed};
use crate::{ChannelError, Place, Refusal};

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
/// `name` is that of the bundle or the opaque one. The encrypted file is no longer listed from then on. One that was taken out
/// meanwhile is put in again.
///
/// # Errors
/// Nothing of that name is under embargo, the disclosure time has not come and `early` is not given
/// ([`Refusal::Embargoed`]), or the directory can't be read or written.
pub fn reveal(place: &Place, name: &str, early: bool, now: Timestamp) -> Result<Revealed, ChannelError> {
    let _lock = place.lock()?;
    let known = sealed::records(place)?;
    let (entry, record) = find(place, &known, name)?;
    let is_same = |other: &Sealed| other.bundle_sha256() == record.bundle_sha256();
    let due = |other: &Sealed| early || !other.holds() || other.until <= now;
    let mut same = known.iter().map(|(_, other)| other).filter(|other| is_same(other));
    if let Some(held) = same.find(|other| !due(other)) {
        return Err(Refusal::Embargoed { name: held.name.clone(), until: held.until, now }.into());
    }
    refuse_other(place, entry, record)?;
    let files = record.files(place, &entry.opaque);
    let files = files.map_err(|why| sealed::unknown(&[(entry.opaque.clone(), why)]))?;
    let Added { names, .. } = add::add_clear(place, &record.name, &files)?;
    // What was in the channel under that name before is told with it.
    let told = known.iter().filter(|(_, other)| is_same(other) || other.name == record.name);
    for (other, told) in told.filter(|(_, other)| due(other)) {
        sealed::end(place, &other.opaque, told)?;
    }
    Ok(Revealed { opaque: entry.opaque.clone(), names })
}

/// One that was taken out does not take the place of another that is there in the clear.
fn refuse_other(place: &Place, entry: &Entry, record: &Sealed) -> Result<(), ChannelError> {
    let there = place.content_sha256(&Kind::Bundle(record.name.clone()).target())?;
    match there {
        Some(there) if !entry.in_content && there != record.bundle_sha256() => {
            let what = format!("the bundle `{}`", record.name);
            let help = "take that out first; or end the embargo alone: `suture channel remove` with its opaque name and --early";
            Err(ChannelError::input(what, "another of that name is in the channel in the clear", help))
        }
        _ => Ok(()),
    }
}

/// The one that is in the channel, or else the one that is secret for the longest.
fn find<'a>(
    place: &Place,
    known: &'a [(Entry, Sealed)],
    name: &str,
) -> Result<&'a (Entry, Sealed), ChannelError> {
    let named = known.iter().filter(|(entry, record)| {
        (entry.opaque == name || record.name == name) && (entry.in_content || record.holds())
    });
    if let Some(found) = named.max_by_key(|(entry, record)| (entry.in_content, record.until)) {
        return Ok(found);
    }
    let unknown = sealed::all_unknown(place)?.into_iter().find(|(opaque, _)| opaque == name);
    Err(unknown.map_or_else(
        || {
            let what = format!("`{}`", name.escape_debug());
            let help = "`suture channel show` lists what is";
            ChannelError::input(what, "nothing of that name is under embargo", help)
        },
        |unknown| sealed::unknown(&[unknown]),
    ))
}
