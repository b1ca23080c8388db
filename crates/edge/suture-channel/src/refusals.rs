//! Refusals stay. Whoever has refused a bundle blocks it until they withdraw that; a refusal must not end because somebody
//! puts the bundle in again without it, under another name, or after it was taken out.
//!
//! What a channel was told of refusals is kept by the digest of the bundle, in `refusals`, and what is public counts as well. Whether
//! they are genuine is not asked here: one that is not counts nowhere, and is in nobody's way. A withdrawal stands beside
//! the refusal and does not replace it, so that nobody has to be believed about it but its signer.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use suture_trust::{Digest, Envelope, IN_TOTO, Kind as Says, Statement, WRITTEN_LEN_MAX, lines};

use crate::error::shown;
use crate::limits::FILE_LEN_MAX;
use crate::name::{Kind, STATEMENTS};
use crate::published::Published;
use crate::{ChannelError, Place, Refusal, add, place};

/// Looks that statements lack no refusal of the bundle that is known, and remembers those that are new.
pub(crate) fn keep(
    place: &Place,
    name: &str,
    bundle: &[u8],
    statements: Option<&[u8]>,
) -> Result<(), ChannelError> {
    let digest = Digest::of(bundle);
    let statements = statements.unwrap_or_default();
    let offered = refusals(name, statements, digest)?;
    let mut known = remembered(place, digest)?;
    known.extend(public(place, digest)?);
    let is_there = |known: &Envelope| offered.iter().any(|offered| has(offered, known));
    if let Some(dropped) = known.iter().find(|known| !is_there(known)) {
        return Err(Refusal::RefusalDropped { name: name.to_owned(), reason: reason(dropped) }.into());
    }
    remember(place, name, bundle, statements)
}

/// Remembers the refusals of a bundle that are in statements.
pub(crate) fn remember(
    place: &Place,
    name: &str,
    bundle: &[u8],
    statements: &[u8],
) -> Result<(), ChannelError> {
    let digest = Digest::of(bundle);
    let known = remembered(place, digest)?;
    let mut new = refusals(name, statements, digest)?;
    new.retain(|refusal| !known.contains(refusal));
    if new.is_empty() {
        return Ok(());
    }
    let directory = place.refusals();
    // What is under embargo may be among them.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    made.map_err(ChannelError::at(&directory))?;
    let lines = known.iter().chain(&new).map(|refusal| format!("{}\n", refusal.to_json()));
    place::replace(&file(place, digest), lines.collect::<String>().as_bytes())
}

/// The same for everything that is about to be published, whoever has put it there.
pub(crate) fn keep_all(place: &Place) -> Result<(), ChannelError> {
    for target in add::content_names(place)? {
        let Ok(Kind::Bundle(name)) = Kind::parse(&target) else { continue };
        if name.ends_with(STATEMENTS) {
            continue;
        }
        let path = place.content().join(&target);
        let bundle = place::read(&path, FILE_LEN_MAX)?.unwrap_or_default();
        let statements = place.content().join(format!("{target}{STATEMENTS}"));
        keep(place, &name, &bundle, place::read(&statements, FILE_LEN_MAX)?.as_deref())?;
    }
    for (opaque, record) in add::records(place)? {
        let (bundle, statements) = record.read(place, &opaque)?;
        keep(place, &record.name, &bundle, statements.as_deref())?;
    }
    Ok(())
}

/// Refusals of a bundle in statements, in however many lines of others.
fn refusals(name: &str, statements: &[u8], bundle: Digest) -> Result<Vec<Envelope>, ChannelError> {
    if statements.len() > WRITTEN_LEN_MAX {
        let why = format!("they are longer than {} MiB", WRITTEN_LEN_MAX >> 20);
        return Err(ChannelError::input(format!("the statements about `{name}`"), why, ""));
    }
    let envelopes = lines(statements).filter_map(|(_, envelope)| envelope.ok());
    Ok(envelopes.filter(|envelope| refuses(envelope, bundle)).collect())
}

fn refuses(envelope: &Envelope, bundle: Digest) -> bool {
    let statement = (envelope.payload_type == IN_TOTO).then(|| Statement::parse(&envelope.payload));
    statement.and_then(Result::ok).is_some_and(|statement| {
        statement.kind() == Says::Refused && statement.subjects.iter().any(|of| of.digest == bundle)
    })
}

/// Whether it says what `known` says, with all its signatures.
fn has(offered: &Envelope, known: &Envelope) -> bool {
    offered.payload_type == known.payload_type
        && offered.payload == known.payload
        && known.signatures.iter().all(|signature| offered.signatures.contains(signature))
}

fn reason(refusal: &Envelope) -> String {
    let statement = Statement::parse(&refusal.payload);
    statement.map_or_else(|_| String::new(), |statement| shown(statement.predicate.words()))
}

fn remembered(place: &Place, bundle: Digest) -> Result<Vec<Envelope>, ChannelError> {
    let path = file(place, bundle);
    let Some(text) = place::read(&path, FILE_LEN_MAX)? else { return Ok(Vec::new()) };
    let damaged =
        |why: String| ChannelError::input(format!("`{}`", path.display()), why, "restore it from a copy");
    let envelopes = lines(&text).map(|(_, envelope)| envelope);
    envelopes.collect::<Result<_, _>>().map_err(|unread| damaged(unread.to_string()))
}

/// What nodes have been told.
fn public(place: &Place, bundle: Digest) -> Result<Vec<Envelope>, ChannelError> {
    let mut found = Vec::new();
    for (name, sha256) in Published::read(place)?.files() {
        if name.ends_with(STATEMENTS) {
            let path = place.targets().join(format!("{sha256}.{name}"));
            let statements = place::read(&path, FILE_LEN_MAX)?.unwrap_or_default();
            found.extend(refusals(&name, &statements, bundle)?);
        }
    }
    Ok(found)
}

fn file(place: &Place, bundle: Digest) -> PathBuf {
    place.refusals().join(format!("{bundle}{STATEMENTS}"))
}
