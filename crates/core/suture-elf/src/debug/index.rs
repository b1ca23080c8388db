//! What one unit holds, found in one pass over its entries.

use std::collections::HashMap;

use gimli::{AttributeValue, DwTag, EntriesRaw};

use super::error::DebugError;
use super::{DebugInfo, Slice};

/// Scopes that nest.
const DEPTH_MAX: usize = 4096;

/// Functions and scopes of a unit, by offset in it.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Ascending by address: first, one past the last, offset of the entry.
    functions: Vec<(u64, u64, usize)>,
    /// Ascending by offset.
    scopes: Vec<Scope>,
    /// For each type without a name the first `typedef` for it.
    aliases: HashMap<usize, usize>,
}

/// An entry within which names are declared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) offset: usize,
    /// One past the last offset inside.
    end: usize,
    /// Index of the scope around it.
    pub(super) parent: Option<u32>,
    pub(super) tag: DwTag,
    /// Number among the scopes of the same tag within the same scope.
    pub(super) ordinal: u32,
}

impl Index {
    /// Reads all entries of `unit`.
    pub(super) fn read(info: &DebugInfo<'_>, unit: u32) -> Result<Self, DebugError> {
        let mut index = Self::default();
        let parsed = info.parsed(unit)?;
        let mut entries = parsed.entries_raw(None)?;
        // For each depth the scope that entries of the next depth stand in, and its children by tag.
        let mut open: Vec<(isize, u32)> = Vec::new();
        let mut ordinals: HashMap<(Option<u32>, DwTag), u32> = HashMap::new();
        while !entries.is_empty() {
            let (offset, depth) = (entries.next_offset().0, entries.next_depth());
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            let (tag, specs) = (abbreviation.tag(), abbreviation.attributes());
            while let Some((_, scope)) = open.pop_if(|(at, _)| *at >= depth) {
                index.scopes[scope as usize].end = offset;
            }
            let is_scope = is_scope(tag);
            if is_scope {
                if open.len() >= DEPTH_MAX {
                    return Err(DebugError::TooDeep { limit: DEPTH_MAX });
                }
                let parent = open.last().map(|(_, scope)| *scope);
                let ordinal = ordinals.entry((parent, tag)).or_default();
                index.scopes.push(Scope { offset, end: usize::MAX, parent, tag, ordinal: *ordinal });
                *ordinal += 1;
                open.push((depth, index.scopes.len() as u32 - 1));
            }
            match tag {
                gimli::DW_TAG_subprogram => {
                    let code = info.code_of(parsed, &mut entries, specs)?;
                    index.functions.extend(code.ranges.iter().map(|(start, end)| (*start, *end, offset)));
                }
                gimli::DW_TAG_typedef => index.alias(&mut entries, specs, offset)?,
                _ => entries.skip_attributes(specs)?,
            }
        }
        index.functions.sort_unstable();
        Ok(index)
    }

    /// Offset of the function with code at `address`.
    pub(super) fn function_at(&self, address: u64) -> Option<usize> {
        let next = self.functions.partition_point(|(start, ..)| *start <= address);
        let (_, end, offset) = self.functions.get(next.checked_sub(1)?)?;
        (address < *end).then_some(*offset)
    }

    /// All scopes, in the order of the unit.
    pub(super) fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// The scope that the entry at `offset` is.
    pub(super) fn scope(&self, offset: usize) -> Option<Scope> {
        let found = self.scopes.binary_search_by_key(&offset, |scope| scope.offset).ok()?;
        self.scopes.get(found).copied()
    }

    /// The innermost scope in which the entry at `offset` stands.
    pub(super) fn scope_around(&self, offset: usize) -> Option<Scope> {
        let before = self.scopes.partition_point(|scope| scope.offset < offset).checked_sub(1)?;
        let mut at = self.scopes.get(before).copied();
        while let Some(scope) = at.filter(|scope| scope.end <= offset) {
            at = scope.parent.and_then(|parent| self.scope_number(parent));
        }
        at
    }

    /// The scope with this index.
    pub(super) fn scope_number(&self, number: u32) -> Option<Scope> {
        self.scopes.get(number as usize).copied()
    }

    /// Offset of the `typedef` that names the type at `offset`.
    pub(super) fn alias_of(&self, offset: usize) -> Option<usize> {
        self.aliases.get(&offset).copied()
    }

    fn alias(
        &mut self,
        entries: &mut EntriesRaw<'_, Slice<'_>>,
        specs: &[gimli::AttributeSpecification],
        offset: usize,
    ) -> Result<(), DebugError> {
        for spec in specs {
            let attribute = entries.read_attribute(*spec)?;
            if attribute.name() == gimli::DW_AT_type
                && let AttributeValue::UnitRef(target) = attribute.value()
            {
                self.aliases.entry(target.0).or_insert(offset);
            }
        }
        Ok(())
    }
}

fn is_scope(tag: DwTag) -> bool {
    is_type_scope(tag)
        || matches!(tag, gimli::DW_TAG_namespace | gimli::DW_TAG_module | gimli::DW_TAG_subprogram)
}

/// Whether entries with this tag are types that hold named parts.
pub(super) fn is_type_scope(tag: DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_interface_type
    )
}
