//! Which types the code of a function deals with.

use std::collections::BTreeSet;

use super::DebugInfo;
use super::entry::{self, EntryId};
use super::error::DebugError;
use super::index::is_type_scope;

/// What a function uses, as far as the debug information says. Casts leave no trace in it, so that the types
/// of the function's units ([`DebugInfo::types_of_unit`]) are the safe answer to "which types may matter".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// Types of parameters, results and local variables, of itself, of what was inlined into it and of what
    /// it calls.
    pub types: BTreeSet<EntryId>,
    /// Units in which it and what was inlined into it were written.
    pub units: BTreeSet<u32>,
}

/// What a function takes and returns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// What it returns; `None`: nothing.
    pub result: Option<EntryId>,
    /// What it takes, in order.
    pub parameters: Vec<Option<EntryId>>,
}

impl DebugInfo<'_> {
    /// What the function with code at `address` uses; nothing if it has no debug information.
    pub fn uses(&self, address: u64) -> Result<Uses, DebugError> {
        let mut uses = Uses::default();
        let Some(function) = self.function_entry_at(address) else { return Ok(uses) };
        let parsed = self.parsed(function.unit)?;
        let mut entries = parsed.entries_at_offset(gimli::UnitOffset(function.offset))?;
        while let Some(entry) = entries.next_dfs()? {
            let id = EntryId { unit: function.unit, offset: entry.offset().0 };
            if id != function && entry.depth() <= 0 {
                break;
            }
            let called = self.link(id, entry, gimli::DW_AT_call_origin)?;
            for id in [Some(id), called].into_iter().flatten() {
                self.through_origins(id, |id, entry| {
                    uses.units.insert(id.unit);
                    uses.types.extend(self.link(id, entry, gimli::DW_AT_type)?);
                    Ok(None::<()>)
                })?;
            }
        }
        Ok(uses)
    }

    /// What the function with code at `address` takes and returns; `None` without debug information.
    pub fn signature_at(&self, address: u64) -> Result<Option<Signature>, DebugError> {
        let Some(function) = self.function_entry_at(address) else { return Ok(None) };
        let result = self.through_origins(function, |id, entry| self.link(id, entry, gimli::DW_AT_type))?;
        let mut parameters = Vec::new();
        self.through_origins(function, |id, _| {
            // A specialised instance may lack parameters, a declaration has them all.
            let here = self.parameters(id)?;
            if here.len() > parameters.len() {
                parameters = here;
            }
            Ok(None::<()>)
        })?;
        Ok(Some(Signature { result, parameters }))
    }

    /// Whether the types are known that the function with code at `address` deals with. They are not where
    /// the debug information holds lines only (`-g1`, `debug = "line-tables-only"`): then
    /// [`DebugInfo::uses`] finds nothing, and that means nothing. Assembly has no types to know.
    pub fn knows_types_at(&self, address: u64) -> Result<bool, DebugError> {
        let Some(concrete) = self.units_at(address).next() else { return Ok(false) };
        if self.is_assembly(concrete)? {
            return Ok(true);
        }
        let Some(function) = self.function_entry_at(address) else { return Ok(false) };
        let unit = self.declaration(function)?.unit;
        if self.has_types(unit)? {
            return Ok(true);
        }
        // A small unit may need no type; then others that were compiled alike have some.
        let producer = self.producer(unit)?;
        for other in 0..self.info_units as u32 {
            if self.producer(other)? == producer && self.has_types(other)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_types(&self, unit: u32) -> Result<bool, DebugError> {
        let parsed = self.parsed(unit)?;
        let mut entries = parsed.entries_raw(None)?;
        while !entries.is_empty() {
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            if abbreviation.tag() == gimli::DW_TAG_base_type || is_type_scope(abbreviation.tag()) {
                return Ok(true);
            }
            entries.skip_attributes(abbreviation.attributes())?;
        }
        Ok(false)
    }

    fn is_assembly(&self, unit: u32) -> Result<bool, DebugError> {
        let language = self.root(unit)?.and_then(|root| root.attr_value(gimli::DW_AT_language));
        let assembly = gimli::DW_LANG_Mips_Assembler;
        Ok(matches!(language, Some(gimli::AttributeValue::Language(language)) if language == assembly))
    }

    /// All structures, unions and enumerations that a unit speaks of, in its order; of those that it only declares the definitions in
    /// other units (compilers describe a class once, where its constructor or first virtual function is, and `-fdebug-types-section` puts all
    /// into units of their own). Compilers leave out those that the unit's code does not use.
    pub fn types_of_unit(&self, unit: u32) -> Result<Vec<EntryId>, DebugError> {
        let (mut types, mut seen) = (Vec::new(), BTreeSet::new());
        for scope in self.index(unit)?.scopes().iter().filter(|scope| is_type_scope(scope.tag)) {
            let id = EntryId { unit, offset: scope.offset };
            for defined in self.definitions_of(id)? {
                if seen.insert(defined) {
                    types.push(defined);
                }
            }
        }
        Ok(types)
    }

    /// A type, if it is defined there, or its definitions elsewhere; none if it is declared only.
    pub fn definitions_of(&self, id: EntryId) -> Result<Vec<EntryId>, DebugError> {
        let entry = self.entry(id)?;
        if let Some(full) = self.link(id, &entry, gimli::DW_AT_signature)? {
            return Ok(vec![full]);
        }
        if !entry::is_declaration(&entry) {
            return Ok(vec![id]);
        }
        if !self.is_named(id)? {
            return Ok(Vec::new());
        }
        self.types_named(&self.type_name(id)?)
    }
}
