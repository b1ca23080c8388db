//! Reads shapes of types.

use std::rc::Rc;

use gimli::AttributeValue;

use super::DebugInfo;
use super::entry::{self, Entry, EntryId, unsigned};
use super::error::DebugError;
use super::shape::{
    Aggregate, AggregateKind, Enumeration, Member, Place, PointerKind, Shape, Variant, Variants,
};

impl<'s> DebugInfo<'s> {
    /// What the type is, one level deep. Shapes are remembered.
    pub fn shape(&self, id: EntryId) -> Result<Rc<Shape>, DebugError> {
        if let Some(shape) = self.shapes.borrow().get(&id) {
            return Ok(Rc::clone(shape));
        }
        let shape = Rc::new(self.read_shape(id)?);
        self.shapes.borrow_mut().insert(id, Rc::clone(&shape));
        Ok(shape)
    }

    fn read_shape(&self, id: EntryId) -> Result<Shape, DebugError> {
        let entry = self.entry(id)?;
        if let Some(full) = self.link(id, &entry, gimli::DW_AT_signature)? {
            // A stub for a type that stands in a unit of its own.
            return Ok(Shape::Alias { name: None, target: Some(full) });
        }
        let name = self.string(id.unit, &entry, gimli::DW_AT_name);
        if entry::is_declaration(&entry) {
            return Ok(Shape::Declaration { name: name.unwrap_or_default() });
        }
        let target = self.link(id, &entry, gimli::DW_AT_type)?;
        let size = || unsigned(&entry, gimli::DW_AT_byte_size).unwrap_or(0);
        Ok(match entry.tag() {
            gimli::DW_TAG_base_type => Shape::Base {
                name: name.unwrap_or_default(),
                encoding: match entry.attr_value(gimli::DW_AT_encoding) {
                    Some(AttributeValue::Encoding(encoding)) => encoding.0,
                    _ => 0,
                },
                size: size(),
            },
            gimli::DW_TAG_pointer_type => Shape::Pointer { name, kind: PointerKind::Pointer, target },
            gimli::DW_TAG_reference_type => Shape::Pointer { name, kind: PointerKind::Reference, target },
            gimli::DW_TAG_rvalue_reference_type => {
                Shape::Pointer { name, kind: PointerKind::RvalueReference, target }
            }
            gimli::DW_TAG_ptr_to_member_type => {
                let class = self.link(id, &entry, gimli::DW_AT_containing_type)?;
                Shape::MemberPointer { class, target }
            }
            gimli::DW_TAG_typedef | gimli::DW_TAG_template_alias => Shape::Alias { name, target },
            gimli::DW_TAG_const_type
            | gimli::DW_TAG_volatile_type
            | gimli::DW_TAG_restrict_type
            | gimli::DW_TAG_atomic_type
            | gimli::DW_TAG_immutable_type
            | gimli::DW_TAG_packed_type => Shape::Alias { name: None, target },
            gimli::DW_TAG_array_type => Shape::Array { element: target, counts: self.counts(id)? },
            gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type | gimli::DW_TAG_interface_type => {
                self.aggregate(id, AggregateKind::Structure, size())?
            }
            gimli::DW_TAG_union_type => self.aggregate(id, AggregateKind::Union, size())?,
            gimli::DW_TAG_enumeration_type => self.enumeration(id, size())?,
            gimli::DW_TAG_subroutine_type => {
                Shape::Function { result: target, parameters: self.parameters(id)? }
            }
            _ => Shape::Unspecified { name: name.unwrap_or_default() },
        })
    }

    /// The direct children of an entry.
    pub(super) fn children(&self, id: EntryId) -> Result<Vec<(EntryId, Entry<'s>)>, DebugError> {
        let parsed = self.parsed(id.unit)?;
        let mut tree = parsed.entries_tree(Some(gimli::UnitOffset(id.offset)))?;
        let mut nodes = tree.root()?.children();
        let mut children = Vec::new();
        while let Some(node) = nodes.next()? {
            let entry = node.entry().clone();
            children.push((EntryId { unit: id.unit, offset: entry.offset().0 }, entry));
        }
        Ok(children)
    }

    fn counts(&self, id: EntryId) -> Result<Vec<Option<u64>>, DebugError> {
        let ranges = self.children(id)?.into_iter().filter(|(_, e)| e.tag() == gimli::DW_TAG_subrange_type);
        let count = |entry: &Entry<'_>| {
            let bound = || unsigned(entry, gimli::DW_AT_upper_bound).map(|last| last.wrapping_add(1));
            unsigned(entry, gimli::DW_AT_count).or_else(bound)
        };
        Ok(ranges.map(|(_, entry)| count(&entry)).collect())
    }

    /// Types of the parameters of a function or of a function's type.
    pub(super) fn parameters(&self, id: EntryId) -> Result<Vec<Option<EntryId>>, DebugError> {
        let children = self.children(id)?;
        let parameters = children.iter().filter(|(_, e)| e.tag() == gimli::DW_TAG_formal_parameter);
        let of = |(id, _): &(EntryId, Entry<'s>)| {
            self.through_origins(*id, |id, entry| self.link(id, entry, gimli::DW_AT_type))
        };
        parameters.map(of).collect()
    }

    fn enumeration(&self, id: EntryId, size: u64) -> Result<Shape, DebugError> {
        let children = self.children(id)?;
        let values = children.iter().filter(|(_, entry)| entry.tag() == gimli::DW_TAG_enumerator);
        let value = |(id, entry): &(EntryId, Entry<'s>)| {
            let name = self.string(id.unit, entry, gimli::DW_AT_name).unwrap_or_default();
            (name, entry.attr_value(gimli::DW_AT_const_value).as_ref().and_then(constant).unwrap_or(0))
        };
        Ok(Shape::Enumeration(Enumeration { size, values: values.map(value).collect() }))
    }

    fn aggregate(&self, id: EntryId, kind: AggregateKind, size: u64) -> Result<Shape, DebugError> {
        let mut aggregate = Aggregate {
            kind,
            size,
            bases: Vec::new(),
            members: Vec::new(),
            variants: None,
            virtuals: Vec::new(),
            arguments: Vec::new(),
        };
        for (id, entry) in self.children(id)? {
            match entry.tag() {
                gimli::DW_TAG_inheritance => aggregate.bases.push(self.member(id, &entry)?),
                // A member that takes no place in the object is a static one, declared here.
                gimli::DW_TAG_member if is_static(&entry) => {}
                gimli::DW_TAG_member => aggregate.members.push(self.member(id, &entry)?),
                gimli::DW_TAG_variant_part => aggregate.variants = Some(self.variants(id, &entry)?),
                gimli::DW_TAG_subprogram => aggregate.virtuals.extend(self.virtual_function(id, &entry)),
                gimli::DW_TAG_template_type_parameter => {
                    aggregate.arguments.push(self.link(id, &entry, gimli::DW_AT_type)?);
                }
                _ => {}
            }
        }
        aggregate.virtuals.sort();
        Ok(Shape::Aggregate(Box::new(aggregate)))
    }

    fn member(&self, id: EntryId, entry: &Entry<'s>) -> Result<Member, DebugError> {
        let bits = unsigned(entry, gimli::DW_AT_bit_size);
        let location = entry.attr_value(gimli::DW_AT_data_member_location);
        let place = match location {
            Some(AttributeValue::Exprloc(computed)) => match self.constant_distance(id, &computed)? {
                Some(bytes) => Place::Bit(bytes.wrapping_mul(8).wrapping_add(bit_offset(entry, bits))),
                None => Place::Computed(computed.0.slice().to_vec()),
            },
            offset => {
                let bytes = offset.and_then(|offset| offset.udata_value()).unwrap_or(0);
                Place::Bit(bytes.wrapping_mul(8).wrapping_add(bit_offset(entry, bits)))
            }
        };
        Ok(Member {
            name: self.string(id.unit, entry, gimli::DW_AT_name).unwrap_or_default(),
            place,
            bits,
            type_id: self.link(id, entry, gimli::DW_AT_type)?,
        })
    }

    /// The number of bytes that an expression adds, if that is all it does: DWARF 2 says it so.
    fn constant_distance(
        &self,
        id: EntryId,
        expression: &gimli::Expression<super::Slice<'s>>,
    ) -> Result<Option<u64>, DebugError> {
        let mut operations = expression.operations(self.parsed(id.unit)?.encoding());
        let Some(gimli::Operation::PlusConstant { value }) = operations.next()? else { return Ok(None) };
        Ok(operations.next()?.is_none().then_some(value))
    }

    fn variants(&self, id: EntryId, entry: &Entry<'s>) -> Result<Variants, DebugError> {
        let discriminant = match self.link(id, entry, gimli::DW_AT_discr)? {
            Some(id) => Some(self.member(id, &self.entry(id)?)?),
            None => None,
        };
        let mut variants = Vec::new();
        for (id, entry) in self.children(id)? {
            if entry.tag() == gimli::DW_TAG_variant {
                let value = entry.attr_value(gimli::DW_AT_discr_value).as_ref().and_then(constant);
                let children = self.children(id)?;
                let members = children.iter().filter(|(_, entry)| entry.tag() == gimli::DW_TAG_member);
                let members: Result<_, _> = members.map(|(id, entry)| self.member(*id, entry)).collect();
                variants.push(Variant { value, members: members? });
            }
        }
        Ok(Variants { discriminant, variants })
    }

    fn virtual_function(&self, id: EntryId, entry: &Entry<'s>) -> Option<(u64, String)> {
        let AttributeValue::Exprloc(place) = entry.attr_value(gimli::DW_AT_vtable_elem_location)? else {
            return None;
        };
        let parsed = self.parsed(id.unit).ok()?;
        let gimli::Operation::UnsignedConstant { value } =
            place.operations(parsed.encoding()).next().ok().flatten()?
        else {
            return None;
        };
        let name = self.string(id.unit, entry, gimli::DW_AT_linkage_name);
        Some((value, name.or_else(|| self.string(id.unit, entry, gimli::DW_AT_name)).unwrap_or_default()))
    }
}

/// A number of any form, modulo 2^64.
fn constant(value: &AttributeValue<super::Slice<'_>>) -> Option<u64> {
    match value {
        AttributeValue::Sdata(number) => Some(*number as u64),
        AttributeValue::Block(bytes) => {
            Some(bytes.slice().iter().take(8).rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
        }
        other => other.udata_value(),
    }
}

fn is_static(entry: &Entry<'_>) -> bool {
    entry.has_attr(gimli::DW_AT_external) || entry.has_attr(gimli::DW_AT_const_value)
}

/// Where a bit field begins, counted from its member location: DWARF 2 and 3 count from the other end of
/// the storage unit (DWARF 4, §5.5.6).
fn bit_offset(entry: &Entry<'_>, bits: Option<u64>) -> u64 {
    if let Some(offset) = unsigned(entry, gimli::DW_AT_data_bit_offset) {
        return offset;
    }
    match (unsigned(entry, gimli::DW_AT_bit_offset), bits) {
        (Some(from_top), Some(bits)) => {
            let storage = unsigned(entry, gimli::DW_AT_byte_size).unwrap_or(4).wrapping_mul(8);
            storage.wrapping_sub(from_top).wrapping_sub(bits)
        }
        _ => 0,
    }
}
