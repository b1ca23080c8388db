//! Putting something into a channel that must not be known yet: it is encrypted, and takes the place of what was there in the clear.

use std::collections::BTreeMap;
use std::fs;

use jiff::Timestamp;

use crate::add::{Added, put};
use crate::embargo::{self, Recipients};
use crate::name::{Kind, STATEMENTS};
use crate::parcel::{self, Packed};
use crate::published::Published;
use crate::sealed::{self, Sealed};
use crate::{ChannelError, Place, Refusal, place};

/// That and how something must not be known yet.
pub struct Embargo<'a> {
    /// The disclosure time.
    pub until: Timestamp,
    /// Who may know before.
    pub recipients: &'a Recipients,
    /// Whether it may be earlier than what was declared before.
    pub early: bool,
}

/// Puts it in encrypted. Nothing is taken out before that is done: who is stopped in between has both, and `publish` refuses that.
pub(crate) fn add(
    place: &Place,
    name: &str,
    files: &[Packed],
    embargo: &Embargo<'_>,
) -> Result<Added, ChannelError> {
    let input = |why: String, help: &str| ChannelError::input(format!("the bundle `{name}`"), why, help);
    let public = Published::read(place)?.files();
    refuse_public(place, &public, &files[0])?;
    let known = sealed::records(place)?;
    let digest = sealed::sha256(&files[0].content);
    let is_same = |record: &Sealed| record.bundle_sha256() == digest;
    let later = known.iter().map(|(_, record)| record).filter(|record| is_same(record) && record.holds());
    if let Some(until) = later.map(|record| record.until).max().filter(|until| *until > embargo.until)
        && !embargo.early
    {
        return Err(Refusal::Shortened { name: name.to_owned(), until, wanted: embargo.until }.into());
    }
    let parcel = parcel::pack(files).map_err(|why| input(why, "make the bundle smaller"))?;
    let encrypted = embargo::seal(&parcel, embargo.recipients)?;
    let opaque = embargo::opaque_name()?;
    let kind = Kind::Sealed(opaque.clone());
    let recipients = embargo.recipients.lines().map(str::to_owned).collect();
    sealed::write(place, &opaque, &Sealed::of(files, &encrypted, embargo.until, recipients), files)?;
    // An embargo of something that was not put in would be in the way of trying again.
    put(place, &kind, &encrypted).inspect_err(|_| drop(sealed::forget(place, &opaque)))?;
    let mut replaced = remove_clear(place, name)?;
    for (entry, record) in &known {
        let target = Kind::Sealed(entry.opaque.clone()).target();
        // What was there under that name stays secret until its time, and so does the name that these bytes had.
        if is_same(record) && (record.name == name || embargo.early) {
            sealed::replace(place, &public, &entry.opaque, record)?;
        } else if is_same(record) || record.name == name {
            place::remove(&place.content().join(&target))?;
        } else {
            continue;
        }
        replaced.extend(entry.in_content.then_some(target));
    }
    Ok(Added { names: vec![kind.target()], replaced })
}

/// What has been public can't be made secret again, under no name; whatever else is in the channel in the clear can.
fn refuse_public(
    place: &Place,
    public: &BTreeMap<String, String>,
    bundle: &Packed,
) -> Result<(), ChannelError> {
    let input = |why: String, help: &str| {
        Err(ChannelError::input(format!("the bundle `{}`", bundle.name), why, help))
    };
    // A file that was published once is served as long as it is there.
    let begin = format!("{}.bundle.", sealed::sha256(&bundle.content));
    let directory = place.targets();
    for entry in fs::read_dir(&directory).map_err(ChannelError::at(&directory))?.flatten() {
        if let Some(name) = entry.file_name().to_string_lossy().strip_prefix(&begin) {
            return input(format!("it is public, as `{name}`"), "what is public can't be made secret again");
        }
    }
    if public.contains_key(&Kind::Bundle(bundle.name.clone()).target()) {
        return input("another bundle of that name is public".to_owned(), "give it another name");
    }
    Ok(())
}

/// Takes a bundle in the clear with its statements out of what is to be published.
fn remove_clear(place: &Place, name: &str) -> Result<Vec<String>, ChannelError> {
    let mut removed = Vec::new();
    for name in [name.to_owned(), format!("{name}{STATEMENTS}")] {
        let target = Kind::Bundle(name).target();
        if place.content().join(&target).exists() {
            place::remove(&place.content().join(&target))?;
            removed.push(target);
        }
    }
    Ok(removed)
}
