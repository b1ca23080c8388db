//! Whether a record can be true. A checksum finds damage; but the memory that a record lies in belongs to the program, which may
//! write there what it likes. Whoever works by a record relies on what is checked here: that everything of the home lies in it,
//! that ranges have an end behind their beginning, and that nothing is longer than a surgeon can hold.

use suture_delta::format::{STACK_MAX, SYMBOLS_MAX};
use suture_delta::model::{JUMP_LEN, Range};

use super::{BODY_LEN_MAX, HEAD_LEN, Record, RecordedOverwrite, RecordedSite};
use crate::link::{HOME_LEN_MAX, PAGE};

/// How far behind its entry a function may have its jump, in bytes: behind an `endbr64`.
const ENDBR64_LEN: u64 = 4;

/// The first thing in the record of the home at `base` that can't be.
pub(super) fn check(record: &Record, base: u64) -> Result<(), &'static str> {
    let Record { home, text, call_stack, .. } = record;
    let ids = || record.on.iter().chain([&record.id]);
    // Before the code there is nothing but the record.
    let text_at_most = base.saturating_add(HEAD_LEN + BODY_LEN_MAX + PAGE);
    let checks = [
        (home.start == base && is_within(*home, base, HOME_LEN_MAX), "it says that it is elsewhere"),
        (is_in(*text, *home) && text.start <= text_at_most, "its code is outside it"),
        (is_in(*call_stack, *home), "its stack is outside it"),
        (record.on.len() <= STACK_MAX, "it stands on too many patches"),
        (record.symbols.len() <= SYMBOLS_MAX, "it has too many symbols"),
        (ids().all(|id| is_id(id)), "the id of a patch is none"),
        (record.sites.iter().all(|site| is_site(site, *text)), "a replaced function is not as one can be"),
        (
            record.overwrites.iter().all(|object| is_overwrite(object, *home)),
            "an object's content is outside it",
        ),
        (
            record.functions.iter().all(|function| is_part(function.range, *text)),
            "a function is outside its code",
        ),
        (hooks(record).all(|hook| text.contains(hook)), "a hook is outside its code"),
        (record.frames.is_none_or(|frames| home.contains(frames)), "its unwind table is outside it"),
    ];
    checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, what)| Err(what))
}

fn hooks(record: &Record) -> impl Iterator<Item = u64> {
    let hooks = record.hooks;
    [hooks.pre_apply, hooks.post_apply, hooks.pre_revert, hooks.post_revert].into_iter().flatten()
}

fn is_within(range: Range, start: u64, len_max: u64) -> bool {
    start <= range.start && range.start < range.end && range.end - start <= len_max
}

/// A part that may be empty.
fn is_part(inner: Range, outer: Range) -> bool {
    outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
}

fn is_in(inner: Range, outer: Range) -> bool {
    is_part(inner, outer) && !inner.is_empty()
}

fn is_id(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_site(site: &RecordedSite, text: Range) -> bool {
    let distance = site.jump_address.checked_sub(site.entry);
    distance.is_some_and(|distance| [0, ENDBR64_LEN].contains(&distance))
        && site.jump_address.checked_add(JUMP_LEN as u64).is_some()
        && [site.stub, site.code].into_iter().all(|address| text.contains(address))
        && site.ranges.iter().all(|range| !range.is_empty())
}

fn is_overwrite(object: &RecordedOverwrite, home: Range) -> bool {
    let place = |start: u64| Some(Range { start, end: start.checked_add(object.size)? });
    let is_kept = |start| place(start).is_some_and(|place| is_in(place, home));
    place(object.address).is_some() && is_kept(object.saved) && is_kept(object.content)
}
