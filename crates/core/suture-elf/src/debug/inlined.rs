//! Functions whose code the compiler has put into others.
//!
//! Such a copy has no symbol: only the debug information says that code of one function is another's.

use std::collections::HashMap;

use gimli::{AttributeSpecification, EntriesRaw};

use super::entry::{EntryId, Value};
use super::error::DebugError;
use super::functions::FunctionInfo;
use super::{DebugInfo, Slice};

/// Inlined functions and where their code is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inlined {
    /// The functions, in the order in which they were found.
    pub functions: Vec<FunctionInfo>,
    /// Where copies of them are, in the order of the debug information: an outer one before those inside it.
    pub copies: Vec<InlinedCode>,
}

/// A range of code that is a copy of an inlined function's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InlinedCode {
    /// Index into [`Inlined::functions`].
    pub function: u32,
    /// First address.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

/// What the attributes of an entry say about its code.
#[derive(Debug, Default)]
pub(super) struct CodeOf<'s> {
    /// Ranges of addresses that are code of the build.
    pub(super) ranges: Vec<(u64, u64)>,
    /// Of what it is an instance.
    origin: Option<Value<'s>>,
}

impl<'s> DebugInfo<'s> {
    /// All copies of those inlined functions that `is_wanted`, which is asked once for each.
    pub fn inlined(&self, is_wanted: &dyn Fn(&FunctionInfo) -> bool) -> Result<Inlined, DebugError> {
        let mut found = Inlined::default();
        let mut known: HashMap<EntryId, Option<u32>> = HashMap::new();
        for (number, header) in (0..self.info_units as u32).zip(self.units.iter().map(|unit| unit.header)) {
            // Parsed anew and let go: only units that matter stay in memory.
            let unit = self.dwarf.unit(header)?;
            let mut entries = unit.entries_raw(None)?;
            while !entries.is_empty() {
                let Some(abbreviation) = entries.read_abbreviation()? else { continue };
                let (tag, specs) = (abbreviation.tag(), abbreviation.attributes());
                if tag != gimli::DW_TAG_inlined_subroutine {
                    entries.skip_attributes(specs)?;
                    continue;
                }
                let code = self.code_of(&unit, &mut entries, specs)?;
                let origin = code.origin.map_or(Ok(None), |origin| self.referred(number, &origin))?;
                let Some(origin) = origin.filter(|_| !code.ranges.is_empty()) else { continue };
                let function = if let Some(function) = known.get(&origin) {
                    *function
                } else {
                    let dangling = DebugError::Dangling { what: "a function", offset: origin.offset as u64 };
                    let function = self.function(origin).ok_or(dangling)?;
                    let number = is_wanted(&function).then_some(found.functions.len() as u32);
                    found.functions.extend(number.map(|_| function));
                    known.insert(origin, number);
                    number
                };
                let Some(function) = function else { continue };
                let copies = code.ranges.iter().map(|(start, end)| (*start, *end));
                found.copies.extend(copies.map(|(start, end)| InlinedCode { function, start, end }));
            }
        }
        Ok(found)
    }

    /// Reads the attributes of an entry that may have code.
    pub(super) fn code_of(
        &self,
        unit: &gimli::Unit<Slice<'s>>,
        entries: &mut EntriesRaw<'_, Slice<'s>>,
        specs: &[AttributeSpecification],
    ) -> Result<CodeOf<'s>, DebugError> {
        let mut code = CodeOf::default();
        let (mut low, mut high, mut ranges) = (None, None, None);
        for spec in specs {
            let attribute = entries.read_attribute(*spec)?;
            match attribute.name() {
                gimli::DW_AT_low_pc => low = self.dwarf.attr_address(unit, attribute.value())?,
                gimli::DW_AT_high_pc => high = Some(attribute.value()),
                gimli::DW_AT_ranges => ranges = Some(attribute.value()),
                gimli::DW_AT_abstract_origin => code.origin = Some(attribute.value()),
                _ => {}
            }
        }
        if let Some(ranges) = ranges
            && let Some(mut ranges) = self.dwarf.attr_ranges(unit, ranges)?
        {
            while let Some(range) = ranges.next()? {
                code.ranges.push((range.begin, range.end));
            }
        } else if let (Some(low), Some(high)) = (low, high) {
            let end = match self.dwarf.attr_address(unit, high)? {
                Some(end) => end,
                None => low.wrapping_add(high.udata_value().unwrap_or(0)),
            };
            code.ranges.push((low, end));
        }
        code.ranges.retain(|(start, end)| self.is_code(*start, *end));
        Ok(code)
    }
}
