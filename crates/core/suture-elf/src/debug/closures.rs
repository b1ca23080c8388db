//! Functions that have no names of their own: closures, lambdas, and what is made for them.
//!
//! Compilers number them, and in the older names of rustc only a hash is left of the number. What a closure holds of the
//! variables around it lives in the process, so that it tells a closure from its neighbour.

use super::DebugInfo;
use super::entry::EntryId;
use super::error::DebugError;
use super::index::is_type_scope;
use super::shape::{Place, Shape};

impl DebugInfo<'_> {
    /// The name of the function to which the code at `address` belongs, with the scopes in which it is declared and, in Rust, with what it is an
    /// instance of: `call_once<app::register::{closure_env#0}, (u64)>` behind its scopes.
    pub fn function_path_at(&self, address: u64) -> Result<Option<String>, DebugError> {
        self.function_entry_at(address).map(|id| self.qualified(id)).transpose()
    }

    /// What the closure whose code is at `address` holds, in the order of the places: names and types. `None` if the code is no closure's.
    pub fn captures_at(&self, address: u64) -> Result<Option<Vec<(String, String)>>, DebugError> {
        let Some(function) = self.function_entry_at(address) else { return Ok(None) };
        let class = match self.class_of(function)? {
            Some(class) => class,
            None => match self.environment_of(function)? {
                Some(environment) => environment,
                None => return Ok(None),
            },
        };
        let shape = self.shape(class)?;
        let Shape::Aggregate(aggregate) = &*shape else { return Ok(None) };
        let mut members: Vec<_> = aggregate.members.iter().collect();
        members.sort_by_key(|member| match member.place {
            Place::Bit(bit) => bit,
            Place::Computed(_) => u64::MAX,
        });
        let named = members.into_iter().map(|member| {
            let type_name = member.type_id.map_or(Ok(String::new()), |id| self.type_name(id))?;
            Ok((member.name.clone(), type_name))
        });
        named.collect::<Result<Vec<_>, DebugError>>().map(Some)
    }

    /// The class of which a function is a method.
    fn class_of(&self, function: EntryId) -> Result<Option<EntryId>, DebugError> {
        let declared = self.declaration(function)?;
        let index = self.index(declared.unit)?;
        let around = index.scope(declared.offset).and_then(|scope| index.scope_number(scope.parent?));
        let class = around.filter(|scope| is_type_scope(scope.tag));
        Ok(class.map(|scope| EntryId { unit: declared.unit, offset: scope.offset }))
    }

    /// What rustc calls the type of a closure: `{closure_env#0}` for the function `{closure#0}`.
    fn environment_of(&self, function: EntryId) -> Result<Option<EntryId>, DebugError> {
        const FUNCTION: &str = "{closure#";
        let path = self.qualified(function)?;
        let Some((scopes, number)) = path.rsplit_once(FUNCTION) else { return Ok(None) };
        Ok(self.types_named(&format!("{scopes}{{closure_env#{number}"))?.first().copied())
    }
}
