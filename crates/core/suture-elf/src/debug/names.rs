//! Names of types, with the scopes they stand in.

use std::cell::Cell;

use super::DebugInfo;
use super::entry::EntryId;
use super::error::DebugError;
use super::index::is_type_scope;
use super::shape::{PointerKind, Shape};

/// Levels of types or scopes in a type's name.
const DEPTH_MAX: usize = 128;
/// Types and scopes in a type's name.
const PARTS_MAX: usize = 4096;

impl DebugInfo<'_> {
    /// The type's name as people write it: `net::Peer`, `char *`, `int[16]`. A type without a name has the
    /// name of its `typedef`, or a number within its scope.
    pub fn type_name(&self, id: EntryId) -> Result<String, DebugError> {
        self.name_of_type(Some(id), 0, &Cell::new(PARTS_MAX))
    }

    /// A type may be named by the same other one many times over: `left` says how many parts are left.
    fn name_of_type(
        &self,
        id: Option<EntryId>,
        depth: usize,
        left: &Cell<usize>,
    ) -> Result<String, DebugError> {
        let Some(id) = id else { return Ok("void".to_owned()) };
        if depth > DEPTH_MAX || left.get() == 0 {
            return Err(DebugError::TooDeep { limit: DEPTH_MAX });
        }
        left.set(left.get() - 1);
        let entry = self.entry(id)?;
        if let Some(full) = self.link(id, &entry, gimli::DW_AT_signature)? {
            return self.name_of_type(Some(full), depth + 1, left);
        }
        if is_type_scope(entry.tag()) {
            return self.qualified(id);
        }
        let inner = |target| self.name_of_type(target, depth + 1, left);
        Ok(match &*self.shape(id)? {
            // rustc names its pointers.
            Shape::Base { name, .. }
            | Shape::Unspecified { name }
            | Shape::Declaration { name }
            | Shape::Pointer { name: Some(name), .. } => name.clone(),
            Shape::Alias { name: None, target } => inner(*target)?,
            Shape::Alias { name: Some(_), .. } | Shape::Aggregate(_) | Shape::Enumeration(_) => {
                self.qualified(id)?
            }
            Shape::Pointer { kind: PointerKind::Pointer, target, .. } => format!("{} *", inner(*target)?),
            Shape::Pointer { kind: PointerKind::Reference, target, .. } => format!("{} &", inner(*target)?),
            Shape::Pointer { kind: PointerKind::RvalueReference, target, .. } => {
                format!("{} &&", inner(*target)?)
            }
            Shape::MemberPointer { class, target } => format!("{} {}::*", inner(*target)?, inner(*class)?),
            Shape::Array { element, counts, .. } => {
                let counts = counts.iter().map(|count| count.map_or("[]".to_owned(), |n| format!("[{n}]")));
                format!("{}{}", inner(*element)?, counts.collect::<String>())
            }
            Shape::Function { result, parameters, .. } => {
                let parameters: Result<Vec<_>, _> = parameters.iter().map(|p| inner(*p)).collect();
                format!("{}({})", inner(*result)?, parameters?.join(", "))
            }
        })
    }

    /// Whether the type has a name of its own or from its `typedef`, by which it can be found elsewhere.
    pub fn is_named(&self, id: EntryId) -> Result<bool, DebugError> {
        Ok(self.own_name(id)?.is_some())
    }

    /// The entry's name behind those of the scopes in which it is declared.
    pub(super) fn qualified(&self, id: EntryId) -> Result<String, DebugError> {
        let mut parts = Vec::new();
        let mut at = Some(id);
        while let Some(id) = at {
            if parts.len() > DEPTH_MAX {
                return Err(DebugError::TooDeep { limit: DEPTH_MAX });
            }
            let declared = self.declaration(id)?;
            let index = self.index(declared.unit)?;
            let scope = index.scope(declared.offset);
            parts.push(match (self.own_name(id)?, scope) {
                (Some(name), _) => name,
                (None, Some(scope)) if scope.tag == gimli::DW_TAG_namespace => {
                    "(anonymous namespace)".to_owned()
                }
                (None, Some(scope)) => format!("{{unnamed {} {}}}", kind(scope.tag), scope.ordinal),
                (None, None) => "{unnamed}".to_owned(),
            });
            let around = match scope {
                Some(scope) => scope.parent.and_then(|parent| index.scope_number(parent)),
                None => index.scope_around(declared.offset),
            };
            at = around.map(|scope| EntryId { unit: declared.unit, offset: scope.offset });
        }
        parts.reverse();
        Ok(parts.join("::"))
    }

    /// The name without scopes.
    fn own_name(&self, id: EntryId) -> Result<Option<String>, DebugError> {
        let name =
            |id| self.through_origins(id, |id, entry| Ok(self.string(id.unit, entry, gimli::DW_AT_name)));
        if let Some(name) = name(id)? {
            return Ok(Some(name));
        }
        match self.index(id.unit)?.alias_of(id.offset) {
            Some(offset) => name(EntryId { unit: id.unit, offset }),
            None => Ok(None),
        }
    }
}

/// Scopes are numbered for each of these alone.
fn kind(tag: gimli::DwTag) -> &'static str {
    match tag {
        gimli::DW_TAG_structure_type => "struct",
        gimli::DW_TAG_class_type => "class",
        gimli::DW_TAG_union_type => "union",
        gimli::DW_TAG_enumeration_type => "enum",
        gimli::DW_TAG_subprogram => "function",
        _ => "scope",
    }
}
