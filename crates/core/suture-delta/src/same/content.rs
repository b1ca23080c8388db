//! Whether constants that have no names, or names that say nothing, are the same.

use std::ops::Range;

use super::extent::{gap, to_the_next};
use super::{Same, differences, same_places};
use crate::fields::{self, Field, Form};
use crate::side::Side;
use crate::target;

/// Nesting of constants that refer to constants.
const CONTENT_DEPTH_MAX: u32 = 64;

impl Same<'_, '_, '_> {
    /// Whether what the new code can read through a reference to `new` stands at `old` as well.
    ///
    /// A constant without a name extends to the next thing that is referred to. Its neighbours may differ
    /// between the builds, so the old bytes are taken over the *new* extent: if they are the same, the old
    /// address serves the new code. Behind the NUL of a text there may be more of it (a list of texts), so that all counts that nothing
    /// else refers to.
    pub(crate) fn same_content(&self, old: u64, new: u64, depth: u32) -> bool {
        if depth > CONTENT_DEPTH_MAX {
            return false;
        }
        if let Some(known) = self.known.borrow().get(&(old, new)) {
            return *known;
        }
        // A constant that refers to itself is the same if the rest is.
        self.known.borrow_mut().insert((old, new), true);
        let same = self.compare_content(old, new, depth);
        self.known.borrow_mut().insert((old, new), same);
        same
    }

    fn compare_content(&self, old: u64, new: u64, depth: u32) -> bool {
        let len = to_the_next(self.new, new);
        let Some(b) = self.new.build.read(new, len) else { return false };
        let y = fields::of_data(self.new.build, new, len, true);
        let after = Constant { address: new, bytes: b, fields: y };
        let whole = to_the_next(self.old, old);
        Constant::read(self.old, old, len).is_some_and(|before| self.same_bytes(&before, &after, depth))
            || Constant::read(self.old, old, whole)
                .is_some_and(|before| self.same_but_gaps(&before, &after, depth))
    }

    /// Whether two equally long constants are the same, byte for byte and field for field.
    fn same_bytes(&self, before: &Constant<'_>, after: &Constant<'_>, depth: u32) -> bool {
        let (x, y) = (&before.fields, &after.fields);
        if !same_places(x, y) {
            return false;
        }
        let mut differing = differences(before.bytes, after.bytes, y).peekable();
        if differing.peek().is_some()
            && !(is_location(self.new, after) && differing.all(|at| at >= LOCATION_LINE))
        {
            return false;
        }
        x.iter().zip(y).all(|(x, y)| self.same_field_at(x, y, depth))
    }

    /// Whether two constants are the same but for gaps between their pieces: what extends to the next thing that is
    /// referred to may be several constants, or end in front of an aligned one.
    ///
    /// Both must be used up to their ends. So the real constant can't be one that has a gap's zeros in it in
    /// one build only: it would be longer there, and what uses it would say so. Zeros behind addresses are never taken for
    /// a gap, for they may be what ends a table of those; an entry of a jump table is none without a relocation.
    fn same_but_gaps(&self, before: &Constant<'_>, after: &Constant<'_>, depth: u32) -> bool {
        let (f, g) = (&before.fields, &after.fields);
        let alike = |(f, g): (&Field, &Field)| {
            [f.form, g.form] == [Form::TableRelative; 2] && f.len == g.len && self.same_field_at(f, g, depth)
        };
        f.len() == g.len()
            && before.pieces().zip(after.pieces()).all(|(x, y)| same_piece((before, x), (after, y)))
            && f.iter().zip(g).all(alike)
    }

    fn same_field_at(&self, old: &Field, new: &Field, depth: u32) -> bool {
        let (old, new) = (target::meaning(self.old, old), target::meaning(self.new, new));
        self.same_meaning(old, new, depth + 1)
    }
}

/// What stands from an address to the next thing that is referred to.
struct Constant<'d> {
    address: u64,
    bytes: &'d [u8],
    fields: Vec<Field>,
}

impl<'d> Constant<'d> {
    fn read(side: &Side<'_, 'd>, address: u64, len: u64) -> Option<Self> {
        let bytes = side.build.read(address, len)?;
        Some(Self { address, bytes, fields: fields::of_data(side.build, address, len, true) })
    }

    /// Where there are bytes between the fields: before each, and behind the last.
    fn pieces(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let ends = self.fields.iter().map(|field| field.offset as usize + usize::from(field.len));
        let begins = self.fields.iter().map(|field| field.offset as usize);
        let len = self.bytes.len();
        let clamped = move |(from, to): (usize, usize)| from.min(len)..to.min(len).max(from.min(len));
        std::iter::once(0).chain(ends).zip(begins.chain([len])).map(clamped)
    }
}

/// Whether bytes without references are the same but for gaps.
fn same_piece((before, x): (&Constant<'_>, Range<usize>), (after, y): (&Constant<'_>, Range<usize>)) -> bool {
    // A gap ends where a field begins.
    let (a, b) = (&before.bytes[..x.end], &after.bytes[..y.end]);
    let (mut x, mut y) = (x.start, y.start);
    loop {
        let same = a[x..].iter().zip(&b[y..]).take_while(|(a, b)| a == b).count();
        (x, y) = (x + same, y + same);
        match (gap(a, before.address, x), gap(b, after.address, y)) {
            _ if x == a.len() && y == b.len() => return true,
            (0, 0) => return false,
            (0, len) => y += len,
            (len, _) => x += len,
        }
    }
}

/// Offset of line and column in a `core::panic::Location`: behind the file's name and its length.
const LOCATION_LINE: usize = 16;
const LOCATION_LEN: usize = 24;

/// Whether the bytes are a `core::panic::Location`: a pointer to the name of a `.rs` file, its length, a
/// line and a column. Where the panic came from is no behaviour.
fn is_location(side: &Side<'_, '_>, constant: &Constant<'_>) -> bool {
    let ([name], bytes) = (constant.fields.as_slice(), constant.bytes) else { return false };
    let number = |at: usize, len: usize| {
        bytes
            .get(at..at + len)
            .map(|bytes| bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let small = |value: Option<u64>, limit| value.is_some_and(|value| (1..limit).contains(&value));
    let is_source = |len| side.build.read(name.address, len).is_some_and(|name| name.ends_with(b".rs"));
    bytes.len() == LOCATION_LEN
        && name.offset == 0
        && name.form == Form::Absolute
        && small(number(8, 8), 1024)
        && number(8, 8).is_some_and(is_source)
        && small(number(16, 4), 1 << 20)
        && small(number(20, 4), 1 << 12)
}
