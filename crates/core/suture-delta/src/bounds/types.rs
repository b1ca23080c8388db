//! What the debug information says of objects whose ends, or places before the first, may be meant, and of who uses them.

use std::ops::Range;
use std::rc::Rc;

use suture_elf::debug::{AggregateKind, DebugError, DebugInfo, EntryId, Shape};

/// How deep types are looked into.
const TYPE_DEPTH_MAX: u32 = 16;
/// Bytes of a pointer.
const POINTER_LEN: u64 = 8;

/// The largest element of a table for which the place one before the first is looked for, in bytes: there a loop downwards ends.
pub(super) const ELEMENT_MAX: u64 = 16;

/// The types of a build's objects and functions, if the debug information tells them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Types<'a, 'd>(pub(crate) Option<&'a DebugInfo<'d>>);

impl Types<'_, '_> {
    /// Whether somebody may have a use for the end of the object at an address without one for its beginning: it consists of
    /// elements, or nobody says of what.
    pub(crate) fn may_end_alone(self, object: u64) -> bool {
        self.of(object, |debug, id| has_elements(debug, id, TYPE_DEPTH_MAX)).unwrap_or(true)
    }

    /// Whether the object at an address is a list of addresses, each of them of something: ends stand in structures.
    pub(crate) fn is_list(self, object: u64) -> bool {
        self.of(object, is_pointers).unwrap_or(false)
    }

    /// Whether an address may be the place one before the first element of a table.
    pub(super) fn is_one_before(self, address: u64, table: &Range<u64>) -> bool {
        let (element, size) = (table.start.saturating_sub(address), table.end - table.start);
        (1..=ELEMENT_MAX).contains(&element)
            && size >= 2 * element
            && size.is_multiple_of(element)
            && self.of(table.start, |debug, id| is_element_size(debug, id, element)).unwrap_or(true)
    }

    /// In how many registers the function at an address may give an address back: 2, unless the debug information says less.
    pub(crate) fn words_given_back(self, function: u64) -> usize {
        self.0.and_then(|debug| words(debug, function).ok().flatten()).unwrap_or(2)
    }

    /// What is so of the type of the object at an address; `None` if that is not known.
    fn of<T>(self, object: u64, ask: impl Fn(&DebugInfo<'_>, EntryId) -> Result<T, DebugError>) -> Option<T> {
        let id = self.0?.variable_at(object).ok()??.type_id?;
        ask(self.0?, id).ok()
    }
}

fn words(debug: &DebugInfo<'_>, function: u64) -> Result<Option<usize>, DebugError> {
    let signature = debug.signature_at(function)?;
    let Some(signature) = signature.filter(|_| debug.knows_types_at(function).unwrap_or(false)) else {
        return Ok(None);
    };
    let Some(result) = signature.result else { return Ok(Some(0)) };
    Ok(match &*bare(debug, result)? {
        Shape::Base { size, .. } if *size < POINTER_LEN => Some(0),
        Shape::Base { size: POINTER_LEN, .. } | Shape::Pointer { .. } => Some(1),
        _ => None,
    })
}

/// Whether the elements of a type have this size, or may have.
fn is_element_size(debug: &DebugInfo<'_>, id: EntryId, size: u64) -> Result<bool, DebugError> {
    let Shape::Array { element: Some(element), counts } = &*bare(debug, id)? else { return Ok(true) };
    let mut one = match &*bare(debug, *element)? {
        Shape::Base { size, .. } => *size,
        Shape::Pointer { .. } => POINTER_LEN,
        Shape::Aggregate(aggregate) => aggregate.size,
        _ => return Ok(true),
    };
    // An element of a table with several dimensions is a table.
    for count in counts.iter().skip(1).rev() {
        if one == size {
            return Ok(true);
        }
        let Some(count) = count else { return Ok(true) };
        one = one.saturating_mul(*count);
    }
    Ok(one == size)
}

/// Whether a type is an array, or a structure that ends with one.
fn has_elements(debug: &DebugInfo<'_>, id: EntryId, depth: u32) -> Result<bool, DebugError> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(true) };
    let shape = bare(debug, id)?;
    let Shape::Aggregate(aggregate) = &*shape else {
        return Ok(matches!(*shape, Shape::Array { .. } | Shape::Declaration { .. }));
    };
    let last = aggregate.members.last().or(aggregate.bases.last());
    let ends = match last.map(|member| member.type_id) {
        Some(Some(id)) => has_elements(debug, id, depth)?,
        Some(None) => true,
        None => false,
    };
    Ok(ends || aggregate.variants.is_some() || aggregate.kind == AggregateKind::Union)
}

/// Whether a type is an array of pointers.
fn is_pointers(debug: &DebugInfo<'_>, id: EntryId) -> Result<bool, DebugError> {
    let Shape::Array { element: Some(element), .. } = *bare(debug, id)? else { return Ok(false) };
    Ok(matches!(&*bare(debug, element)?, Shape::Pointer { .. }))
}

/// What a type is under its other names.
fn bare(debug: &DebugInfo<'_>, id: EntryId) -> Result<Rc<Shape>, DebugError> {
    let mut shape = debug.shape(id)?;
    for _ in 0..TYPE_DEPTH_MAX {
        let Shape::Alias { target: Some(target), .. } = *shape else { break };
        shape = debug.shape(target)?;
    }
    Ok(shape)
}
