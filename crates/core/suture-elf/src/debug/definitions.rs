//! Where in the whole build types are defined and variables stand: one pass, made when first needed.

use std::hash::{DefaultHasher, Hash, Hasher};

use gimli::{AttributeSpecification, AttributeValue, DwTag, EntriesRaw};

use super::entry::{EntryId, Value};
use super::error::DebugError;
use super::index::is_type_scope;
use super::{DebugInfo, Slice};

/// Types by name and variables by address, of all units.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// Ascending by hash of the name without scopes.
    types: Vec<(u64, EntryId)>,
    /// Ascending by address.
    variables: Vec<(u64, EntryId)>,
    /// Variables of which each thread has its own, ascending by offset in the block of the build.
    thread_locals: Vec<(u64, EntryId)>,
    /// Variables whose values are made of what stands at an address, or at several, ascending by it.
    made: Vec<(u64, EntryId)>,
}

/// Where a variable is.
enum Location {
    Address(u64),
    ThreadLocal(u64),
    /// Its value is made of what stands at these addresses.
    Made(Vec<u64>),
}

impl Definitions {
    /// The variable that begins at `address`.
    pub(super) fn variable_at(&self, address: u64) -> Option<EntryId> {
        at(&self.variables, address)
    }

    /// The thread-local variable that begins at `offset`.
    pub(super) fn thread_local_at(&self, offset: u64) -> Option<EntryId> {
        at(&self.thread_locals, offset)
    }

    /// The variable whose value is made of what stands at `address`.
    pub(super) fn made_of(&self, address: u64) -> Option<EntryId> {
        at(&self.made, address)
    }

    /// All variables with an address, ascending by it.
    pub(super) fn variables(&self) -> &[(u64, EntryId)] {
        &self.variables
    }

    /// Types that may have this name, without its scopes.
    fn candidates(&self, name: &[u8]) -> &[(u64, EntryId)] {
        let hash = hash(name);
        let from = self.types.partition_point(|(at, _)| *at < hash);
        let to = self.types.partition_point(|(at, _)| *at <= hash);
        self.types.get(from..to).unwrap_or_default()
    }
}

fn at(places: &[(u64, EntryId)], place: u64) -> Option<EntryId> {
    let found = places.partition_point(|(at, _)| *at < place);
    places.get(found).filter(|(at, _)| *at == place).map(|(_, id)| *id)
}

impl<'s> DebugInfo<'s> {
    /// All definitions of the type with this name (scopes included, as [`DebugInfo::type_name`] gives it),
    /// in the order of the units.
    pub fn types_named(&self, name: &str) -> Result<Vec<EntryId>, DebugError> {
        let mut found = Vec::new();
        for (_, id) in self.definitions()?.candidates(last_part(name).as_bytes()) {
            if self.type_name(*id)? == name {
                found.push(*id);
            }
        }
        Ok(found)
    }

    pub(super) fn definitions(&self) -> Result<&Definitions, DebugError> {
        self.definitions.get_or_init(|| self.find_definitions()).as_ref().map_err(Clone::clone)
    }

    fn find_definitions(&self) -> Result<Definitions, DebugError> {
        let mut definitions = Definitions::default();
        for (number, header) in (0..).zip(self.units.iter().map(|unit| unit.header)) {
            // Parsed anew and let go: only units that matter stay in memory.
            let unit = self.dwarf.unit(header)?;
            let mut entries = unit.entries_raw(None)?;
            while !entries.is_empty() {
                let id = EntryId { unit: number, offset: entries.next_offset().0 };
                let Some(abbreviation) = entries.read_abbreviation()? else { continue };
                let (tag, specs) = (abbreviation.tag(), abbreviation.attributes());
                if tag == gimli::DW_TAG_variable {
                    match self.variable_location(&unit, &mut entries, specs)? {
                        Some(Location::Address(address)) => definitions.variables.push((address, id)),
                        Some(Location::ThreadLocal(offset)) => definitions.thread_locals.push((offset, id)),
                        Some(Location::Made(of)) => {
                            definitions.made.extend(of.into_iter().map(|at| (at, id)));
                        }
                        None => {}
                    }
                } else if is_type_scope(tag) || tag == gimli::DW_TAG_typedef {
                    let name = self.defined_name(&unit, &mut entries, specs, tag)?;
                    definitions.types.extend(name.map(|name| (hash(name.slice()), id)));
                } else {
                    entries.skip_attributes(specs)?;
                }
            }
        }
        definitions.types.sort_unstable();
        definitions.variables.sort_unstable();
        definitions.thread_locals.sort_unstable();
        definitions.made.sort_unstable();
        Ok(definitions)
    }

    /// The name of a type that is defined here; for a `typedef` of a type without a name, which names it,
    /// nothing: those are found through the unit in which they are used.
    fn defined_name(
        &self,
        unit: &gimli::Unit<Slice<'s>>,
        entries: &mut EntriesRaw<'_, Slice<'s>>,
        specs: &[AttributeSpecification],
        tag: DwTag,
    ) -> Result<Option<Slice<'s>>, DebugError> {
        let (mut name, mut is_definition) = (None, tag != gimli::DW_TAG_typedef);
        for spec in specs {
            let attribute = entries.read_attribute(*spec)?;
            match attribute.name() {
                gimli::DW_AT_name => name = Some(attribute.value()),
                gimli::DW_AT_declaration => is_definition = false,
                _ => {}
            }
        }
        let Some(name) = name.filter(|_| is_definition) else { return Ok(None) };
        Ok(Some(self.dwarf.attr_string(unit, name)?))
    }

    fn variable_location(
        &self,
        unit: &gimli::Unit<Slice<'s>>,
        entries: &mut EntriesRaw<'_, Slice<'s>>,
        specs: &[AttributeSpecification],
    ) -> Result<Option<Location>, DebugError> {
        let mut found = None;
        for spec in specs {
            let attribute = entries.read_attribute(*spec)?;
            if attribute.name() == gimli::DW_AT_location {
                found = self.static_location(unit, &attribute.value())?;
            }
        }
        // What the linker has left out has no address.
        Ok(found.filter(|location| !matches!(location, Location::Address(0))))
    }

    /// The fixed place, or the places, that a location names, if it does.
    fn static_location(
        &self,
        unit: &gimli::Unit<Slice<'s>>,
        location: &Value<'s>,
    ) -> Result<Option<Location>, DebugError> {
        let AttributeValue::Exprloc(expression) = location else { return Ok(None) };
        let mut operations = expression.operations(unit.encoding());
        let number = match operations.next()? {
            Some(gimli::Operation::Address { address }) => address,
            Some(gimli::Operation::AddressIndex { index }) => self.dwarf.address(unit, index)?,
            Some(gimli::Operation::UnsignedConstant { value }) => {
                let is_thread_local = matches!(operations.next()?, Some(gimli::Operation::TLS));
                return Ok(is_thread_local.then_some(Location::ThreadLocal(value)));
            }
            _ => return Ok(None),
        };
        if operations.next()?.is_none() {
            return Ok(Some(Location::Address(number)));
        }
        // Anything behind it makes something else of the address.
        let (mut operations, mut of) = (expression.operations(unit.encoding()), Vec::new());
        while let Some(operation) = operations.next()? {
            match operation {
                gimli::Operation::Address { address } => of.push(address),
                gimli::Operation::AddressIndex { index } => of.push(self.dwarf.address(unit, index)?),
                _ => {}
            }
        }
        Ok(Some(Location::Made(of)))
    }
}

fn hash(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// The name without its scopes: what stands behind the last `::` outside brackets.
fn last_part(name: &str) -> &str {
    let (mut depth, mut start, mut previous) = (0_i32, 0, ' ');
    for (at, c) in name.char_indices() {
        match c {
            '<' | '(' | '{' | '[' => depth += 1,
            // The arrow of a function type closes nothing.
            '>' if previous == '-' => {}
            '>' | ')' | '}' | ']' => depth -= 1,
            ':' if depth == 0 && previous == ':' => start = at + 1,
            _ => {}
        }
        previous = c;
    }
    name.get(start..).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn scopes_end_before_the_name() {
        assert_eq!(last_part("client"), "client");
        assert_eq!(last_part("a::b::C<d::e>"), "C<d::e>");
        assert_eq!(
            last_part("p::{impl#0}::f::{closure_env#0}<fn(u8) -> x::Y>"),
            "{closure_env#0}<fn(u8) -> x::Y>"
        );
        assert_eq!(last_part("(anonymous namespace)::T"), "T");
    }
}
