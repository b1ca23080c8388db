//! Names for what the code of a delta refers to.

use super::listing::{Field, Line, Operand, Operands, lines};
use super::old_code::{INSIDE, OldCode, string_at, with_offset};
use crate::model::{
    Delta, Reference, Relocation, RelocationKind, Resolution, Section, SectionKind, Symbol, Target,
};

/// The delta, and the old build if it is at hand, to compare with.
pub(super) struct NewCode<'a> {
    pub(super) delta: &'a Delta,
    pub(super) old: Option<&'a OldCode<'a>>,
}

impl NewCode<'_> {
    /// The code of a symbol, with its parts elsewhere if the compiler has split it.
    pub(super) fn lines(&self, symbol: &Symbol) -> Vec<Line> {
        let parts = self.delta.symbols.iter().filter(|part| {
            part.name.strip_prefix(symbol.name.as_str()).is_some_and(|suffix| suffix.starts_with(".cold"))
        });
        std::iter::once(symbol).chain(parts).flat_map(|part| self.part(part)).collect()
    }

    fn part(&self, symbol: &Symbol) -> Vec<Line> {
        let Some(section) = self.delta.sections.get(symbol.section as usize) else { return Vec::new() };
        let end = symbol.offset.saturating_add(symbol.size) as usize;
        let Some(code) = section.data.get(symbol.offset as usize..end) else { return Vec::new() };
        lines(code, symbol.offset, &Body { new: self, section, symbol })
    }

    fn target(&self, relocation: &Relocation, addend: i64, access_len: u64) -> Option<Operand> {
        match relocation.target {
            Target::Reference(index) => {
                self.delta.references.get(index as usize).map(|r| self.reference(r, addend, access_len))
            }
            Target::Symbol(index) => {
                let symbol = self.delta.symbols.get(index as usize)?;
                Some(self.symbol(index, symbol, addend, access_len))
            }
        }
    }

    fn reference(&self, reference: &Reference, addend: i64, access_len: u64) -> Operand {
        let shown = with_addend(&reference.name, addend);
        match reference.resolution {
            Resolution::Image { address } => {
                let address = address.wrapping_add_signed(addend);
                match self.old {
                    Some(old) => Operand { shown, ..old.place(address, access_len) },
                    None => Operand { shown, key: format!("old {address:#x}"), remark: None },
                }
            }
            _ => Operand { key: shown.clone(), shown, remark: None },
        }
    }

    fn symbol(&self, index: u32, symbol: &Symbol, addend: i64, access_len: u64) -> Operand {
        let shown = with_addend(&symbol.name, addend);
        let content = self.constant(symbol, addend);
        let remark = content.and_then(string_at);
        let accessed = content.and_then(|bytes| bytes.get(..access_len as usize)).filter(|_| access_len > 0);
        let site = self.delta.meta.sites.iter().find(|site| site.code == index && addend == 0);
        let key = match (&remark, accessed, site) {
            (Some(string), ..) => format!("string {string}"),
            (None, Some(bytes), _) => format!("constant {bytes:02x?}"),
            (None, None, Some(site)) => format!("old {:#x}", site.address),
            (None, None, None) => format!("new {shown}"),
        };
        Operand { shown, key, remark }
    }

    fn constant(&self, symbol: &Symbol, addend: i64) -> Option<&[u8]> {
        let section = self.delta.sections.get(symbol.section as usize)?;
        let start = symbol.offset.checked_add_signed(addend)?;
        (section.kind == SectionKind::ReadOnly).then(|| section.data.get(start as usize..))?
    }
}

fn with_addend(name: &str, addend: i64) -> String {
    match addend {
        0.. => with_offset(name, addend as u64),
        _ => format!("{name}-{:#x}", addend.unsigned_abs()),
    }
}

/// One function of the delta.
struct Body<'a> {
    new: &'a NewCode<'a>,
    section: &'a Section,
    symbol: &'a Symbol,
}

impl Operands for Body<'_> {
    fn operand(&self, field: Field) -> Option<Operand> {
        let relocations = &self.section.relocations;
        let found = relocations.binary_search_by_key(&field.at, |relocation| relocation.offset);
        if let Some(relocation) = found.ok().and_then(|index| relocations.get(index)) {
            let addend = match relocation.kind {
                // The field counts from the end of the instruction, the relocation from its own place.
                RelocationKind::Pc32 | RelocationKind::Pc64 => {
                    relocation.addend.wrapping_add(field.next.wrapping_sub(field.at) as i64)
                }
                _ => relocation.addend,
            };
            return self.new.target(relocation, addend, field.access_len);
        }
        let offset = field.value.wrapping_sub(self.symbol.offset);
        if offset < self.symbol.size {
            let shown = format!("+{offset:#x}");
            return field.relative.then(|| Operand { shown, key: INSIDE.to_owned(), remark: None });
        }
        let shown = with_offset(&self.section.name, field.value);
        field.relative.then(|| Operand { key: shown.clone(), shown, remark: None })
    }

    fn place(&self, ip: u64) -> String {
        format!("+{:#x}", ip.wrapping_sub(self.symbol.offset))
    }
}
