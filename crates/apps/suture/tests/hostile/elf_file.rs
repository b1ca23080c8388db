//! An ELF file as its bytes and where they mean something: to be damaged at chosen places, and to be put together anew around
//! a part that says something else.

use std::ops::Range;

use crate::chance::Chance;

pub(crate) const HEADER_LEN: usize = 0x40;
pub(crate) const ENTRY_LEN: usize = 0x40;
/// Where an entry of the section table has each field that names a number: name, type, flags, address, place, length, link, info,
/// alignment, entry length.
pub(crate) const FIELDS: [Range<usize>; 10] =
    [0..4, 4..8, 8..16, 16..24, 24..32, 32..40, 40..44, 44..48, 48..56, 56..64];
const NOBITS: u32 = 8;

/// A section.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Where its entry in the table begins.
    pub(crate) entry: usize,
    /// Its content; empty if it has none in the file.
    pub(crate) content: Range<usize>,
}

fn number(bytes: &[u8], field: Range<usize>) -> usize {
    bytes[field].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Writes a number into a field of an entry of the section table.
pub(crate) fn set(bytes: &mut [u8], entry: usize, field: &Range<usize>, value: u64) {
    let field = entry + field.start..entry + field.end;
    let len = field.len();
    bytes[field].copy_from_slice(&value.to_le_bytes()[..len]);
}

/// Where the section table stands.
pub(crate) fn table(bytes: &[u8]) -> Range<usize> {
    let (at, count) = (number(bytes, 0x28..0x30), number(bytes, 0x3c..0x3e));
    at..at + count * ENTRY_LEN
}

/// All sections but the one that is none.
pub(crate) fn parts(bytes: &[u8]) -> Vec<Part> {
    let field = |entry: usize, index: usize| {
        let Range { start, end } = FIELDS[index].clone();
        number(bytes, entry + start..entry + end)
    };
    let entries: Vec<usize> = table(bytes).step_by(ENTRY_LEN).skip(1).collect();
    let names = field(entries[number(bytes, 0x3e..0x40) - 1], 4);
    let part = |entry: usize| {
        let name = bytes[names + field(entry, 0)..].iter().take_while(|byte| **byte != 0);
        let name = name.map(|byte| char::from(*byte)).collect();
        let len = if field(entry, 1) == NOBITS as usize { 0 } else { field(entry, 5) };
        Part { name, entry, content: field(entry, 4)..field(entry, 4) + len }
    };
    entries.into_iter().map(part).collect()
}

/// The section of this name.
pub(crate) fn part(bytes: &[u8], name: &str) -> Part {
    parts(bytes).into_iter().find(|part| part.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// The file with other content in the section `name`; what stands behind it moves.
pub(crate) fn with_content(bytes: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    let mut table = bytes[table(bytes)].to_vec();
    let mut file = bytes[..HEADER_LEN].to_vec();
    let begin = self::table(bytes).start;
    for part in parts(bytes) {
        let entry = part.entry - begin;
        let align = number(&table, entry + FIELDS[8].start..entry + FIELDS[8].end).max(1);
        file.resize(if part.content.is_empty() { file.len() } else { file.len().next_multiple_of(align) }, 0);
        let here = file.len() as u64;
        set(&mut table, entry, &FIELDS[4], here);
        if part.name == name {
            file.extend(content);
            set(&mut table, entry, &FIELDS[5], content.len() as u64);
        } else {
            file.extend(&bytes[part.content]);
        }
    }
    file.resize(file.len().next_multiple_of(8), 0);
    let at = file.len() as u64;
    file[0x28..0x30].copy_from_slice(&at.to_le_bytes());
    file.extend(table);
    file
}

/// Damaged files, each with what was done to it: cut off at the edges of its parts, and with a bit turned over in the header, in
/// each entry of the section table, and `each` times in each of the sections that `is_deep` picks.
pub(crate) fn mutants(
    bytes: &[u8],
    each: usize,
    is_deep: impl Fn(&str) -> bool,
    chance: &mut Chance,
) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut edges = vec![0, 1, 4, 0x10, HEADER_LEN - 1, HEADER_LEN, bytes.len() - 1];
    for part in parts(bytes) {
        edges.extend([part.content.start, part.content.end - part.content.len() / 2]);
    }
    edges.extend([table(bytes).start, table(bytes).start + ENTRY_LEN / 2, table(bytes).end - ENTRY_LEN]);
    edges.sort_unstable();
    edges.dedup();
    let cut = edges.into_iter().filter(|edge| *edge < bytes.len());
    all.extend(cut.map(|edge| (format!("cut off at {edge:#x}"), bytes[..edge].to_vec())));
    let mut flip = |what: String, range: Range<usize>| {
        let mut bytes = bytes.to_vec();
        chance.flip(&mut bytes, range);
        all.push((what, bytes));
    };
    for at in 0..HEADER_LEN {
        flip(format!("header at {at:#x}"), at..at + 1);
    }
    for part in parts(bytes) {
        for field in [0, 1, 4, 5, 6, 7].map(|index| FIELDS[index].clone()) {
            let range = part.entry + field.start..part.entry + field.end;
            flip(format!("entry of {} at {:#x}", part.name, field.start), range);
        }
        for number in 0..if is_deep(&part.name) && !part.content.is_empty() { each } else { 0 } {
            flip(format!("{}, bit {number}", part.name), part.content.clone());
        }
    }
    all
}
