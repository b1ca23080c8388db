//! Single entries of the debug information, and the references between them.

use gimli::{AttributeValue, DebuggingInformationEntry, DwAt};

use super::error::DebugError;
use super::{DebugInfo, Slice};

pub(super) type Entry<'s> = DebuggingInformationEntry<Slice<'s>>;
pub(super) type Value<'s> = AttributeValue<Slice<'s>>;

/// Entries that one after another say that they stand for the next.
const ORIGINS_MAX: usize = 16;

/// One entry: a type, a function, a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    pub(super) unit: u32,
    pub(super) offset: usize,
}

impl<'s> DebugInfo<'s> {
    pub(super) fn entry(&self, id: EntryId) -> Result<Entry<'s>, DebugError> {
        Ok(self.parsed(id.unit)?.entry(gimli::UnitOffset(id.offset))?)
    }

    pub(super) fn root(&self, unit: u32) -> Result<Option<Entry<'s>>, DebugError> {
        let parsed = self.parsed(unit)?;
        Ok(Some(parsed.entry(parsed.header.root_offset())?))
    }

    /// The entry that `value`, an attribute of an entry of `unit`, refers to.
    pub(super) fn referred(&self, unit: u32, value: &Value<'s>) -> Result<Option<EntryId>, DebugError> {
        match value {
            AttributeValue::UnitRef(offset) => Ok(Some(EntryId { unit, offset: offset.0 })),
            AttributeValue::DebugInfoRef(offset) => self.in_info(offset.0).map(Some),
            AttributeValue::DebugTypesRef(signature) => {
                let dangling = DebugError::Dangling { what: "a type unit", offset: signature.0 };
                self.signatures.get(&signature.0).copied().map(Some).ok_or(dangling)
            }
            _ => Ok(None),
        }
    }

    fn in_info(&self, offset: usize) -> Result<EntryId, DebugError> {
        let begins = |unit: &super::Unit<'_>| unit.header.debug_info_offset().map_or(usize::MAX, |o| o.0);
        let next = self.units[..self.info_units].partition_point(|unit| begins(unit) <= offset);
        let found = next.checked_sub(1).and_then(|number| {
            let unit = self.units.get(number)?;
            let offset = gimli::DebugInfoOffset(offset).to_unit_offset(&unit.header)?;
            Some(EntryId { unit: number as u32, offset: offset.0 })
        });
        found.ok_or(DebugError::Dangling { what: "an entry", offset: offset as u64 })
    }

    /// The entry that an attribute of `id` refers to.
    pub(super) fn link(
        &self,
        id: EntryId,
        entry: &Entry<'s>,
        name: DwAt,
    ) -> Result<Option<EntryId>, DebugError> {
        entry.attr_value(name).map_or(Ok(None), |value| self.referred(id.unit, &value))
    }

    /// What the entry stands for, if it is a concrete instance of another or completes a declaration.
    pub(super) fn origin(&self, id: EntryId, entry: &Entry<'s>) -> Result<Option<EntryId>, DebugError> {
        match self.link(id, entry, gimli::DW_AT_abstract_origin)? {
            None => self.link(id, entry, gimli::DW_AT_specification),
            found => Ok(found),
        }
    }

    /// The entry and what it stands for, in turn, until `ask` has an answer.
    pub(super) fn through_origins<T>(
        &self,
        id: EntryId,
        mut ask: impl FnMut(EntryId, &Entry<'s>) -> Result<Option<T>, DebugError>,
    ) -> Result<Option<T>, DebugError> {
        let mut id = id;
        for _ in 0..ORIGINS_MAX {
            let entry = self.entry(id)?;
            if let Some(answer) = ask(id, &entry)? {
                return Ok(Some(answer));
            }
            match self.origin(id, &entry)? {
                Some(next) => id = next,
                None => return Ok(None),
            }
        }
        Err(DebugError::TooDeep { limit: ORIGINS_MAX })
    }

    /// The last of those that the entry stands for: where the thing was first declared.
    pub(super) fn declaration(&self, id: EntryId) -> Result<EntryId, DebugError> {
        let mut last = id;
        self.through_origins(id, |id, _| {
            last = id;
            Ok(None::<()>)
        })?;
        Ok(last)
    }

    /// Text of an attribute.
    pub(super) fn string(&self, unit: u32, entry: &Entry<'s>, name: DwAt) -> Option<String> {
        let value = entry.attr_value(name)?;
        let text = self.dwarf.attr_string(self.parsed(unit).ok()?, value).ok()?;
        Some(text.to_string_lossy().into_owned())
    }
}

impl EntryId {
    /// Number of the unit in which it stands.
    pub fn unit(self) -> u32 {
        self.unit
    }
}

/// Whether the entry only declares what another defines.
pub(super) fn is_declaration(entry: &Entry<'_>) -> bool {
    matches!(entry.attr_value(gimli::DW_AT_declaration), Some(AttributeValue::Flag(true)))
}

/// An unsigned number.
pub(super) fn unsigned(entry: &Entry<'_>, name: DwAt) -> Option<u64> {
    entry.attr_value(name)?.udata_value()
}
