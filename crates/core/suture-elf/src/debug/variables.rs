//! Variables by address, or by their place in the block of each thread.

use gimli::AttributeValue;

use super::DebugInfo;
use super::entry::EntryId;
use super::error::DebugError;

/// A variable with a fixed address, or a fixed place in the block of each thread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct VariableInfo {
    /// Name as in the source, without its scope.
    pub name: String,
    /// Path of the file as the compiler was told; empty if unknown.
    pub file: String,
    /// Line of the declaration; 0 if unknown.
    pub line: u32,
    /// The main source file of its unit.
    pub unit: String,
    /// Its type.
    pub type_id: Option<EntryId>,
}

/// Where in the source a variable is declared: what is left of it when a compiler numbers static variables anew.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Declared {
    /// The main source file of its unit.
    pub unit: String,
    /// Its name with the scopes in which it stands: `serve::calls` for a static variable of a function.
    pub path: String,
    /// Whether it stands in a function; of Rust, where a function is a scope like others, it is never known.
    pub in_function: bool,
    /// Line of the declaration; 0 if unknown.
    pub line: u32,
    /// The entry; those of one line are in the order of the source.
    pub id: EntryId,
}

impl VariableInfo {
    /// File and line of the declaration; empty and 0 if unknown.
    pub fn place(self) -> (String, u32) {
        (self.file, self.line)
    }
}

impl DebugInfo<'_> {
    /// The variable that begins at `address`. No table leads from data to units, so that the first question
    /// costs a pass over all of them.
    pub fn variable_at(&self, address: u64) -> Result<Option<VariableInfo>, DebugError> {
        let Some(id) = self.definitions()?.variable_at(address) else { return Ok(None) };
        self.variable(id).map(Some)
    }

    /// The variable whose value is made of what stands at `address`, and how, if an optimiser keeps it in another way than its type says: a truth
    /// value in place of one of two numbers, or each member by itself. The operations of its location (DWARF 5, 2.6), without addresses.
    pub fn made_of(&self, address: u64) -> Result<Option<(VariableInfo, Vec<u8>)>, DebugError> {
        let Some(id) = self.definitions()?.made_of(address) else { return Ok(None) };
        let entry = self.entry(id)?;
        let Some(AttributeValue::Exprloc(expression)) = entry.attr_value(gimli::DW_AT_location) else {
            return Ok(None);
        };
        let parsed = self.parsed(id.unit)?;
        let (bytes, mut operations) = (expression.0.slice(), expression.operations(parsed.encoding()));
        let (mut made, mut from) = (Vec::new(), 0);
        while let Some(operation) = operations.next()? {
            let to = operations.offset_from(&expression);
            let place = match operation {
                gimli::Operation::Address { address } => Some(address),
                gimli::Operation::AddressIndex { index } => Some(self.dwarf.address(parsed, index)?),
                _ => None,
            };
            match place {
                // Which of several parts it is, and not where it stands.
                Some(place) => made.extend([gimli::DW_OP_addr.0, u8::from(place == address)]),
                None => made.extend_from_slice(bytes.get(from..to).unwrap_or_default()),
            }
            from = to;
        }
        Ok(Some((self.variable(id)?, made)))
    }

    /// The thread-local variable that begins at `offset` in the block of the build.
    pub fn thread_local_at(&self, offset: u64) -> Result<Option<VariableInfo>, DebugError> {
        let Some(id) = self.definitions()?.thread_local_at(offset) else { return Ok(None) };
        self.variable(id).map(Some)
    }

    /// Where the variable that begins at `address` is declared.
    pub fn declared_variable_at(&self, address: u64) -> Result<Option<Declared>, DebugError> {
        self.definitions()?.variable_at(address).map(|id| self.declared(id)).transpose()
    }

    /// Where the thread-local variable that begins at `offset` in the block of the build is declared.
    pub fn declared_thread_local_at(&self, offset: u64) -> Result<Option<Declared>, DebugError> {
        self.definitions()?.thread_local_at(offset).map(|id| self.declared(id)).transpose()
    }

    /// The tables of functions by which Rust calls methods of `dyn` objects, each with its address and its name
    /// (`<net::Peer as net::Speaks>::{vtable}`), ascending by address.
    pub fn rust_vtables(&self) -> Result<Vec<(u64, String)>, DebugError> {
        let mut tables = Vec::new();
        for (address, id) in self.definitions()?.variables() {
            let name =
                self.through_origins(*id, |id, entry| Ok(self.string(id.unit, entry, gimli::DW_AT_name)))?;
            tables.extend(name.filter(|name| name.ends_with("::{vtable}")).map(|name| (*address, name)));
        }
        Ok(tables)
    }

    fn declared(&self, id: EntryId) -> Result<Declared, DebugError> {
        let declaration = self.declaration(id)?;
        let unit = self.unit_name(declaration.unit).unwrap_or_default();
        let around = self.index(declaration.unit)?.scope_around(declaration.offset);
        let in_function = around.is_some_and(|scope| scope.tag == gimli::DW_TAG_subprogram);
        let (path, (_, line)) = (self.qualified(id)?, self.declared_at(id));
        Ok(Declared { unit, path, in_function, line, id: declaration })
    }

    fn variable(&self, id: EntryId) -> Result<VariableInfo, DebugError> {
        let name =
            self.through_origins(id, |id, entry| Ok(self.string(id.unit, entry, gimli::DW_AT_name)))?;
        let type_id = self.through_origins(id, |id, entry| self.link(id, entry, gimli::DW_AT_type))?;
        let (file, line) = self.declared_at(id);
        let unit = self.unit_name(self.declaration(id)?.unit).unwrap_or_default();
        Ok(VariableInfo { name: name.unwrap_or_default(), file, line, unit, type_id })
    }
}
