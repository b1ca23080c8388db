//! Names for what the code of the old build refers to.

use std::collections::HashMap;

use suture_elf::{Build, Slot, SymbolKind};

use super::listing::{Field, Line, Operand, Operands, lines};
use crate::model::{Delta, Range, Resolution, Site};
use crate::page::clean;

/// Longest string that is shown beside an instruction, in bytes.
const STRING_BYTES_MAX: u64 = 60;
/// Shorter texts are as likely numbers.
const STRING_BYTES_MIN: usize = 3;
/// Symbols may lie inside others: this many before an address are asked whether they cover it.
const NEIGHBOURS: usize = 8;
/// What a jump inside its own function is compared by.
pub(super) const INSIDE: &str = "inside";

/// The old build, with the names that the delta has for places in it.
pub(super) struct OldCode<'a> {
    build: &'a Build<'a>,
    named: HashMap<u64, &'a str>,
}

impl<'a> OldCode<'a> {
    pub(super) fn new(build: &'a Build<'a>, delta: &'a Delta) -> Self {
        let named = delta.references.iter().filter_map(|reference| match reference.resolution {
            Resolution::Image { address } => Some((address, reference.name.as_str())),
            _ => None,
        });
        Self { build, named: named.collect() }
    }

    /// The code that `site` replaces, part by part.
    pub(super) fn lines(&self, site: &Site) -> Vec<Line> {
        let body = Body { old: self, ranges: &site.ranges };
        let code = |range: &Range| Some((range.start, self.build.read(range.start, range.len())?));
        site.ranges.iter().filter_map(code).flat_map(|(start, code)| lines(code, start, &body)).collect()
    }

    /// What is at `address`, of which an instruction accesses `access_len` bytes.
    pub(super) fn place(&self, address: u64, access_len: u64) -> Operand {
        let string = self.string(address);
        let constant = self.constant(address, access_len);
        let key = match (&string, constant) {
            (Some(string), _) => format!("string {string}"),
            (None, Some(bytes)) => format!("constant {bytes:02x?}"),
            (None, None) => format!("old {address:#x}"),
        };
        Operand { shown: self.name(address), key, remark: string }
    }

    fn name(&self, address: u64) -> String {
        if let Some(name) = self.named.get(&address) {
            return (*name).to_owned();
        }
        let import = |slot| match self.build.slot(slot) {
            Some(Slot::Import(import, _)) => Some(import.name),
            _ => None,
        };
        if let Some(name) = self.build.stub(address).and_then(import) {
            return format!("{name}@plt");
        }
        if let Some(name) = import(address) {
            return format!("{name}@got");
        }
        self.symbol(address).or_else(|| self.section(address)).unwrap_or_else(|| format!("{address:#x}"))
    }

    fn symbol(&self, address: u64) -> Option<String> {
        let order = self.build.symbols_by_address();
        let symbols = self.build.symbols();
        let symbol = |index: &u32| symbols.get(*index as usize);
        let behind = order.partition_point(|index| symbol(index).is_some_and(|s| s.address <= address));
        let covers = |index: &u32| {
            symbol(index).filter(|s| {
                !s.name.is_empty()
                    && s.kind != SymbolKind::Section
                    && address.wrapping_sub(s.address) < s.size.max(1)
            })
        };
        let near = order.get(behind.saturating_sub(NEIGHBOURS)..behind)?;
        near.iter().rev().find_map(covers).map(|s| with_offset(s.name, address.wrapping_sub(s.address)))
    }

    fn section(&self, address: u64) -> Option<String> {
        let section = self.build.section_at(address)?;
        Some(with_offset(section.name, address.wrapping_sub(section.address)))
    }

    fn is_constant(&self, address: u64) -> bool {
        self.build.section_at(address).is_some_and(|s| s.is_loaded() && !s.is_writable() && !s.is_code())
    }

    fn constant(&self, address: u64, len: u64) -> Option<&[u8]> {
        (len > 0 && self.is_constant(address)).then(|| self.build.read(address, len))?
    }

    fn string(&self, address: u64) -> Option<String> {
        let section = self.build.section_at(address).filter(|_| self.is_constant(address))?;
        let rest = section.data.get(address.wrapping_sub(section.address) as usize..)?;
        string_at(rest)
    }
}

/// The text at the beginning of `bytes`, quoted, if it is one that ends with a NUL.
pub(super) fn string_at(bytes: &[u8]) -> Option<String> {
    let shown = bytes.get(..STRING_BYTES_MAX as usize).unwrap_or(bytes);
    let (text, dots) = match shown.iter().position(|byte| *byte == 0) {
        Some(end) => (shown.get(..end)?, ""),
        None => (shown, "…"),
    };
    let is_text = text.iter().all(|byte| byte.is_ascii_graphic() || b" \t\n\r".contains(byte));
    (is_text && text.len() >= STRING_BYTES_MIN).then(|| {
        let quoted: String =
            text.iter().copied().flat_map(std::ascii::escape_default).map(char::from).collect();
        format!("\"{}\"{dots}", clean(&quoted))
    })
}

/// `name+0x12`, or just the name.
pub(super) fn with_offset(name: &str, offset: u64) -> String {
    if offset == 0 { name.to_owned() } else { format!("{name}+{offset:#x}") }
}

/// One function of the old build.
struct Body<'a> {
    old: &'a OldCode<'a>,
    ranges: &'a [Range],
}

impl Operands for Body<'_> {
    fn operand(&self, field: Field) -> Option<Operand> {
        if self.ranges.iter().any(|range| range.contains(field.value)) && field.relative {
            let shown = format!("{:#x}", field.value);
            return Some(Operand { shown, key: INSIDE.to_owned(), remark: None });
        }
        let is_address =
            field.relative || !self.old.build.relocations_in(field.at, field.at.saturating_add(1)).is_empty();
        is_address.then(|| self.old.place(field.value, field.access_len))
    }

    fn place(&self, ip: u64) -> String {
        format!("{ip:#x}")
    }
}
