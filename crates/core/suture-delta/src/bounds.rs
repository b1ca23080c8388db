//! Addresses that end one object and begin another: which of the two is meant.
//!
//! A loop over a table compares with the table's end, or with what lies before its beginning. An assembler names a symbol that
//! other files do not see by its section alone, and the linker leaves of that an address, at which most often something
//! else begins. What the code does with the address says what it means: what is compared with places in a table is
//! its end, for pointers into different objects are not compared (C11, 6.5.8); what is read through it begins there. Where the
//! code says neither, both are said to be possible.

mod machine;
mod only_read;
mod types;
mod value;

use std::ops::Range;

use iced_x86::{
    FlowControl, Instruction, InstructionInfo, InstructionInfoFactory, Mnemonic, OpAccess, OpKind,
};

use crate::fields::{Field, Form};
use crate::flow;
use crate::names;
use crate::side::{Entity, EntityId, EntityKind, Side};
use crate::target::{self, Meaning};

use machine::{Machine, Named};
use types::ELEMENT_MAX;
use value::{Roots, Shift, Value};

pub(crate) use types::Types;

/// How many objects before an address may end there; they nest by a few.
const ENDING_MAX: usize = 4;
/// The longest function that is followed, in bytes.
const FOLLOWED_MAX: u64 = 1 << 17;

/// What a field means.
#[derive(Debug, Clone)]
pub(crate) enum Reading<'d> {
    /// This.
    Certain(Meaning<'d>),
    /// One of several.
    Either(Doubt<'d>),
}

/// What a field may mean.
#[derive(Debug, Clone)]
pub(crate) struct Doubt<'d> {
    /// What stands there.
    pub(crate) plain: Meaning<'d>,
    /// Of these objects the end, or the place before.
    pub(crate) others: Vec<EntityId>,
    /// In how many words the function may give something back at most so that it does nothing with it but read; `None` if it does
    /// something else.
    pub(crate) only_read: Option<usize>,
}

/// What `field` means, one of the `fields` of `owner`, a function or object, or of a constant without a name.
pub(crate) fn reading<'d>(
    side: &Side<'_, 'd>,
    types: Types<'_, 'd>,
    owner: Option<EntityId>,
    fields: &[Field],
    field: &Field,
) -> Reading<'d> {
    let plain = target::meaning(side, field);
    let begins = side.at(field.address).map(|id| side.entity(id));
    if !may_be_an_end(field) || begins.is_some_and(|found| names::is_guard(found.name)) {
        return Reading::Certain(plain);
    }
    let is_code = |id: &EntityId| side.entity(*id).kind != EntityKind::Object;
    let Some(owner) = owner.filter(is_code) else {
        // Tables have more addresses of objects than of their ends, which stand beside those of the beginnings.
        let both =
            neighbours(side, types, field.address, None).filter(|id| refers_to(side, fields, field, *id));
        let others: Vec<EntityId> = both.collect();
        return if others.is_empty() {
            Reading::Certain(plain)
        } else {
            Reading::Either(Doubt { plain, others, only_read: None })
        };
    };
    let others: Vec<EntityId> =
        neighbours(side, types, field.address, own_file(side.entity(owner))).collect();
    if others.is_empty() {
        return Reading::Certain(plain);
    }
    let mut objects = vec![side.area(field.address)];
    objects.extend(others.iter().map(|id| range(side.entity(*id))));
    let question = Question { fields, field, objects, types };
    match question.answer(side, owner) {
        Ok(0) => Reading::Certain(plain),
        Ok(number) => {
            let meant = others[number - 1];
            let distance = field.address.wrapping_sub(side.entity(meant).address) as i64;
            Reading::Certain(Meaning::Entity(meant, distance))
        }
        Err(only_read) => Reading::Either(Doubt { plain, others, only_read }),
    }
}

/// Whether it takes the address of what only its section was named of.
pub(crate) fn may_be_an_end(field: &Field) -> bool {
    is_address(field) && field.section.is_some()
}

/// Whether it takes an address, and does not read or write just there.
fn is_address(field: &Field) -> bool {
    let is_address =
        matches!(field.form, Form::Relative | Form::Absolute | Form::Absolute32 | Form::Absolute32Signed);
    is_address && !field.accesses
}

/// Whether another of the fields leads to an object.
pub(crate) fn refers_to(side: &Side<'_, '_>, fields: &[Field], field: &Field, object: EntityId) -> bool {
    let range = range(side.entity(object));
    fields.iter().any(|other| other.address != field.address && range.contains(&other.address))
}

/// Objects that may be meant by an address though something else is there: that end at it, or tables whose first
/// element it may be one before. `file` is the source of the function that refers to it: by sections only the objects of its own are named.
pub(crate) fn neighbours<'s>(
    side: &'s Side<'_, '_>,
    types: Types<'s, '_>,
    address: u64,
    file: Option<&'s str>,
) -> impl Iterator<Item = EntityId> + 's {
    let next = side.entities.partition_point(|entity| entity.address < address);
    let end = side.entities.partition_point(|entity| entity.address <= address.saturating_add(ELEMENT_MAX));
    let may_be_meant = move |id: &usize| {
        let object = &side.entities[*id];
        object.kind == EntityKind::Object
            && object.local
            && own_file(object).is_none_or(|other| file.is_none_or(|file| other == file))
            && !target::is_content(side, *id as EntityId)
            && !names::is_of_class(object.name)
            && if *id < next {
                address - object.address == object.size
            } else {
                types.is_one_before(address, &range(object))
            }
    };
    (next.saturating_sub(ENDING_MAX)..end).filter(may_be_meant).map(|id| id as EntityId)
}

/// The source file of what only that file sees. What has several names may be of several: a linker folds what is alike.
pub(crate) fn own_file<'d>(entity: &Entity<'d>) -> Option<&'d str> {
    entity.file.filter(|_| entity.names.len() == 1)
}

fn range(entity: &Entity<'_>) -> Range<u64> {
    entity.address..entity.address.saturating_add(entity.size)
}

/// Which of several objects an address is of.
struct Question<'f, 'd> {
    fields: &'f [Field],
    /// The one in question.
    field: &'f Field,
    /// The first is the one in which it is.
    objects: Vec<Range<u64>>,
    types: Types<'f, 'd>,
}

/// What an instruction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    /// The address is of the object with this number.
    Of(usize),
    /// It is compared, with who knows what: what follows on one way does not hold on all.
    Compared,
    /// The object with this number would be read through it.
    Read(usize),
}

impl Question<'_, '_> {
    /// The number of the object, if the code of `owner` says one, and not now one and now the other; or else what [`Doubt`] says of
    /// reading alone.
    fn answer(&self, side: &Side<'_, '_>, owner: EntityId) -> Result<usize, Option<usize>> {
        let entity = side.entity(owner);
        if entity.size > FOLLOWED_MAX || self.objects.len() > Roots::OBJECTS_MAX {
            return Err(None);
        }
        let mut info = InstructionInfoFactory::new();
        let named = |instruction: &Instruction| self.named(instruction, entity.address);
        let known = flow::follow(side, owner, &Machine::at_entry(), |place, machine| {
            let instruction = place.instruction;
            Some(machine.after(instruction, info.info(instruction), named(instruction)))
        });
        let Some(known) = known else { return Err(None) };
        let mut certain: Vec<usize> = self.read_at_once(&known.code, entity.address).into_iter().collect();
        let mut read = Vec::new();
        // What is compared in a part that was split off, and where that comes back, is not seen.
        let mut is_clear = side.with_fragments(side.whole(owner)).count() == 1;
        let mut only_read = is_clear.then_some(usize::MAX);
        for (place, machine) in known.places() {
            let instruction = place.instruction;
            only_read = only_read.and_then(|most| {
                let given =
                    only_read::keeps(side, machine, place, info.info(instruction), named(instruction));
                Some(most.min(given?))
            });
            match self.said(machine, instruction, info.info(instruction), named(instruction)) {
                Said::Nothing => {}
                Said::Of(number) => certain.push(number),
                Said::Compared => is_clear = false,
                Said::Read(number) => read.push(number),
            }
        }
        if is_clear || !certain.is_empty() {
            certain.extend(read);
        }
        let first = certain.first().copied();
        first.filter(|first| certain.iter().all(|number| number == first)).ok_or(only_read)
    }

    /// The object that is read behind the address's taking before the code can go two ways: no other way leads there without it.
    fn read_at_once(&self, code: &[Instruction], start: u64) -> Option<usize> {
        let mut info = InstructionInfoFactory::new();
        let end = start + u64::from(self.field.end);
        let from = code.iter().position(|instruction| instruction.next_ip() == end)?;
        let straight = |one: &&Instruction| one.flow_control() == FlowControl::Next;
        let mut machine = Machine::at_entry();
        for instruction in code[from..].iter().take_while(straight) {
            let (used, named) = (info.info(instruction), self.named(instruction, start));
            if let Said::Read(number) = self.said(&machine, instruction, used, named) {
                return Some(number);
            }
            machine = machine.after(instruction, used, named);
        }
        None
    }

    /// What the fields of an instruction name.
    fn named(&self, instruction: &Instruction, start: u64) -> Named {
        let end = (instruction.next_ip() - start) as u32;
        let from = self.fields.partition_point(|field| field.end < end);
        let mut named = Named::default();
        for field in self.fields[from..].iter().take_while(|field| field.end == end) {
            let roots = Some(self.roots(field));
            let is_number = field.offset + u32::from(field.len) == end
                && (0..instruction.op_count()).any(|operand| is_number(instruction.op_kind(operand)));
            if is_number && field.form != Form::Relative {
                named.immediate = roots;
            } else {
                named.memory = roots;
            }
        }
        named
    }

    fn roots(&self, field: &Field) -> Roots {
        if !is_address(field) {
            return Roots::OTHER;
        }
        if field.offset == self.field.offset {
            return Roots::HERE;
        }
        // It may mean what comes behind, as the one in question may.
        if self.objects.iter().any(|object| self.types.is_one_before(field.address, object)) {
            return Roots::OTHER;
        }
        if field.address == self.field.address && field.section.is_some() {
            return Roots::AGAIN;
        }
        let own_end = self.objects[0].end;
        let is_inside = |object: &Range<u64>| object.contains(&field.address);
        match self.objects.iter().position(is_inside) {
            Some(number) => Roots::object(number),
            None if field.address == own_end => Roots::object(0),
            None => Roots::OTHER,
        }
    }

    fn said(
        &self,
        machine: &Machine,
        instruction: &Instruction,
        used: &InstructionInfo,
        named: Named,
    ) -> Said {
        if matches!(instruction.mnemonic(), Mnemonic::Cmp | Mnemonic::Sub) {
            let operand = |number| machine.operand(instruction, number, named);
            let said = self.compared(operand(0), operand(1));
            if said != Said::Nothing {
                return said;
            }
        }
        let is_named = (0..instruction.op_count()).any(|n| instruction.op_kind(n) == OpKind::Memory);
        let mut places = Vec::new();
        for memory in used.used_memory() {
            if matches!(memory.access(), OpAccess::None | OpAccess::NoMemAccess) {
                continue;
            }
            places.push(if is_named {
                machine.address(instruction, named)
            } else {
                machine.address_of(memory)
            });
        }
        let number = places.into_iter().filter_map(Value::here).find_map(|shift| self.read_at(shift));
        number.map_or(Said::Nothing, Said::Read)
    }

    /// What it says that two values are compared, or that one is taken from the other.
    fn compared(&self, a: Value, b: Value) -> Said {
        let has = |value: Value| value.roots().has(Roots::HERE);
        let is_number = |value| matches!(value, Value::Number(_));
        if !(has(a) || has(b)) || is_number(a) || is_number(b) {
            return Said::Nothing;
        }
        let object = match (a, b) {
            // Two places of one object, and neither the address itself.
            (Value::From(Roots::HERE, Shift::Exact(by)), Value::From(Roots::HERE, _))
            | (Value::From(Roots::HERE, _), Value::From(Roots::HERE, Shift::Exact(by)))
                if by != 0 =>
            {
                return Said::Nothing;
            }
            (Value::From(Roots::HERE, Shift::Exact(by)), Value::From(Roots::AGAIN, _))
            | (Value::From(Roots::HERE, _), Value::From(Roots::AGAIN, Shift::Exact(by)))
            | (Value::From(Roots::AGAIN, Shift::Exact(by)), Value::From(Roots::HERE, _))
            | (Value::From(Roots::AGAIN, _), Value::From(Roots::HERE, Shift::Exact(by)))
                if by != 0 =>
            {
                self.reached_by(by)
            }
            (Value::From(Roots::HERE, _), other) | (other, Value::From(Roots::HERE, _)) => {
                other.roots().only_object()
            }
            _ => None,
        };
        object.map_or(Said::Compared, Said::Of)
    }

    /// The object to which a place so many bytes from the address belongs, or of which it is the end.
    fn reached_by(&self, by: i64) -> Option<usize> {
        let address = self.field.address.wrapping_add_signed(by);
        let is_in = |object: &Range<u64>| object.contains(&address);
        self.objects.iter().position(is_in).or((address == self.objects[0].end).then_some(0))
    }

    /// The object that would be read that far from the address.
    fn read_at(&self, shift: Shift) -> Option<usize> {
        let (here, mut objects) = (self.field.address, self.objects.iter());
        match shift {
            Shift::Exact(by) => {
                let address = here.wrapping_add_signed(by);
                objects.position(|object| object.contains(&address))
            }
            _ if shift.is_up() => objects.all(|object| object.start <= here).then_some(0),
            _ if shift.is_below() => {
                let ends = |object: &Range<u64>| object.end == here && object.start < here;
                objects.position(ends)
            }
            _ => None,
        }
    }
}

fn is_number(kind: OpKind) -> bool {
    matches!(kind, OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64)
}
