//! Addresses that may be the end of one object or the beginning of another, in what travels.
//!
//! Most often it does not matter what was meant: objects keep their places, and so do their ends. Where one of two neighbours
//! travels, or other neighbours came between them, it does: a loop that is given the other's address does not stop. Two that
//! travel go side by side; what is not certain otherwise is refused.

use std::collections::HashMap;

use super::adjacent::Member;
use super::{Emitter, Work};
use crate::bounds::{self, Doubt, Reading, Types};
use crate::fields::{self, Field};
use crate::model::{SectionKind, SymbolKind};
use crate::side::{EntityId, EntityKind, Side};
use crate::target::{self, Meaning};

/// Longest constant of which a copy travels, bytes.
const COPIED_LEN_MAX: u64 = 64 << 10;

/// What a reference gets.
pub(super) enum Sure<'d> {
    /// What this is in the process.
    Means(Meaning<'d>),
    /// The beginning of this symbol of the delta.
    Copied(u32),
}

/// Where the process has what is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// At this address of the old build.
    Old(u64),
    /// In this section of this earlier patch, so far from its beginning.
    Earlier(usize, u32, i64),
    /// That far from the beginning of what travels.
    New(EntityId, i64),
    /// In a constant without a name.
    Content,
}

impl<'d> Emitter<'_, '_, '_, 'd> {
    /// What a reference means, one of the `fields` of `owner`, a function or object, or of a constant without a name; an error if
    /// in the process it is not certain.
    pub(super) fn certain_meaning(
        &mut self,
        field: &Field,
        fields: &[Field],
        owner: Option<EntityId>,
    ) -> Result<Sure<'d>, String> {
        let side = self.same.new;
        let (types, address) = (Types(self.same.debug.new), |id: EntityId| side.entity(id).address);
        let Doubt { plain, others, only_read } = match bounds::reading(side, types, owner, fields, field) {
            Reading::Certain(meaning) => return Ok(Sure::Means(meaning)),
            Reading::Either(doubt) => doubt,
        };
        let Some(stand) = self.stand(plain) else { return Ok(Sure::Means(plain)) };
        let doubtful: Vec<EntityId> = others
            .into_iter()
            .filter(|object| {
                let distance = field.address.wrapping_sub(side.entity(*object).address) as i64;
                self.stand_of(*object, distance) != stand
            })
            .filter(|object| {
                bounds::refers_to(side, fields, field, *object) || types.may_end_alone(address(*object))
            })
            .collect();
        let given = owner.map_or(usize::MAX, |owner| types.words_given_back(address(owner)));
        let is_read = || only_read.is_some_and(|most| given <= most);
        let is_news =
            |other: EntityId| owner.is_some_and(|owner| !self.took_the_end_of(owner, other, field.address));
        let is_plain = || owner.is_some_and(|owner| types.is_list(address(owner)));
        if doubtful.is_empty()
            || self.was_so(field, fields, stand, owner)
            || is_plain()
            || doubtful.iter().all(|other| is_news(*other)) && self.is_all_there_is(plain)
        {
            return Ok(Sure::Means(plain));
        }
        if let Some(copy) = is_read().then(|| self.copy_side_by_side(&doubtful, plain)).flatten() {
            return Ok(Sure::Copied(copy));
        }
        if let Some(other) = doubtful.iter().find(|object| !self.travels_before(**object, plain)) {
            let name = side.entity(*other).name;
            return Err(format!(
                "the end of {name}, or what stands there (a name that is not static would tell)"
            ));
        }
        for object in doubtful {
            self.go_together(object, plain);
        }
        Ok(Sure::Means(plain))
    }

    /// Where the process has what is meant; `None` if that is no object's affair.
    fn stand(&self, meaning: Meaning<'_>) -> Option<Stand> {
        Some(match meaning {
            Meaning::Entity(id, distance) => self.stand_of(id, distance),
            Meaning::After(id, distance) => {
                self.stand_of(id, distance.wrapping_add(self.same.new.entity(id).size as i64))
            }
            Meaning::SectionEnd(name) => {
                let section = self.same.old.build.section(name)?;
                Stand::Old(section.address + section.size)
            }
            Meaning::Anonymous(..) => Stand::Content,
            _ => return None,
        })
    }

    fn stand_of(&self, id: EntityId, distance: i64) -> Stand {
        if target::is_content(self.same.new, id) {
            return Stand::Content;
        }
        match self.same.pairs.old_of(id) {
            Some(old) => Stand::Old(self.same.old.entity(old).address.wrapping_add_signed(distance)),
            None => match self.standing.place(id) {
                Some((patch, section, offset)) => {
                    Stand::Earlier(patch, section, distance.wrapping_add_unsigned(offset))
                }
                None => Stand::New(id, distance),
            },
        }
    }

    /// Whether the owner had as many references to the same before, where they could be nothing's end.
    fn was_so(&self, field: &Field, fields: &[Field], stand: Stand, owner: Option<EntityId>) -> bool {
        let before = owner.and_then(|owner| self.same.pairs.old_of(owner));
        let (Stand::Old(place), Some(before)) = (stand, before) else { return false };
        let count = |fields: &[Field], address: u64| {
            fields.iter().filter(|other| bounds::may_be_an_end(other) && other.address == address).count()
        };
        let file = bounds::own_file(self.same.old.entity(before));
        let before = fields::of_entity(self.same.old, before);
        bounds::neighbours(self.same.old, Types(self.same.debug.old), place, file).next().is_none()
            && count(fields, field.address) <= count(&before, place)
    }

    /// Whether two objects can go side by side: both travel, and the second begins where the first ends.
    fn travels_before(&self, first: EntityId, second: Meaning<'_>) -> bool {
        let Meaning::Entity(second, 0) = second else { return false };
        let side = self.same.new;
        let travels = |id: EntityId| {
            side.entity(id).kind == EntityKind::Object
                && self.same.pairs.old_of(id).is_none()
                && self.standing.provided(id).is_none()
                && !target::is_content(side, id)
        };
        travels(first) && travels(second) && touch(side, first, second)
    }

    fn go_together(&mut self, first: EntityId, second: Meaning<'_>) {
        if let Meaning::Entity(second, _) = second {
            let pair = (self.travelling(first), self.travelling(second));
            self.side_by_side.insert(pair);
        }
    }

    /// What travels of an object: itself if the process does not have it, else a copy.
    fn travelling(&mut self, id: EntityId) -> Member {
        let start = self.same.new.entity(id).address;
        let is_there = self.same.pairs.old_of(id).is_some() || self.standing.provided(id).is_some();
        Member { start, symbol: if is_there { self.double(id) } else { self.carry(id) } }
    }

    /// The symbol of a copy of a constant.
    fn double(&mut self, id: EntityId) -> u32 {
        if let Some(symbol) = self.doubled.get(&id) {
            return *symbol;
        }
        let entity = self.same.new.entity(id);
        let (name, size, align) =
            (format!(".Lcopy.{}", entity.name), entity.size, self.alignment(entity.address));
        let section = format!(".rodata.suture.copy.{}", entity.name);
        let symbol = self.promise(&section, &name, SectionKind::ReadOnly, SymbolKind::Object, size, align);
        self.doubled.insert(id, symbol);
        self.queue.push_back(Work::Entity(id, symbol));
        symbol
    }

    /// Puts constants side by side of which one is referred to and nobody can tell which, copies if need be, and gives the symbol of
    /// the plain one. Whoever does nothing but read finds the same there, whichever is meant.
    fn copy_side_by_side(&mut self, others: &[EntityId], plain: Meaning<'_>) -> Option<u32> {
        let side = self.same.new;
        let Meaning::Entity(plain, 0) = plain else { return None };
        let section = |id: EntityId| side.build.section_at(side.entity(id).address);
        let is_constant = |id: &EntityId| {
            let entity = side.entity(*id);
            entity.kind == EntityKind::Object
                && !entity.writable
                && !entity.imported
                && entity.size <= COPIED_LEN_MAX
                && !target::is_content(side, *id)
                && side.bytes(*id).is_some()
                && section(*id) == section(plain)
        };
        if !is_constant(&plain) || !others.iter().all(is_constant) {
            return None;
        }
        let plain = self.travelling(plain);
        for other in others {
            let other = self.travelling(*other);
            self.side_by_side.insert((plain, other));
        }
        Some(plain.symbol)
    }

    /// Whether the old version of a function, if there is one, refers to where an object of which the new one may mean the end at an
    /// address ended in the old build; or to the place before that object.
    fn took_the_end_of(&self, owner: EntityId, object: EntityId, address: u64) -> bool {
        let (new, pairs) = (self.same.new.entity(object), &self.same.pairs);
        let (Some(owner), Some(old)) = (pairs.old_of(owner), pairs.old_of(object)) else { return false };
        let old = self.same.old.entity(old);
        let place = match new.address.checked_sub(address) {
            Some(before) => old.address.wrapping_sub(before),
            None => old.address + old.size,
        };
        let fields = fields::of_entity(self.same.old, owner);
        fields.iter().any(|field| bounds::may_be_an_end(field) && field.address == place)
    }

    /// Whether an object that the fix brings has no other use in the new build than this one: without that, compilers leave out what
    /// other files do not see. (They are told to keep it, or do not optimise, at times: alone it is no proof.)
    fn is_all_there_is(&mut self, plain: Meaning<'_>) -> bool {
        let Meaning::Entity(id, 0) = plain else { return false };
        if self.same.pairs.old_of(id).is_some() || self.standing.provided(id).is_some() {
            return false;
        }
        let (side, entity) = (self.same.new, self.same.new.entity(id));
        let uses = self.uses.get_or_insert_with(|| uses(side));
        let inside =
            (entity.address..entity.address + entity.size).filter_map(|at| uses.get(&at)).sum::<u32>();
        inside == 1
    }
}

/// Whether the second of two objects begins where the first ends.
pub(super) fn touch(side: &Side<'_, '_>, first: EntityId, second: EntityId) -> bool {
    let (a, b) = (side.entity(first), side.entity(second));
    b.address.checked_sub(a.address) == Some(a.size)
        && a.writable == b.writable
        && side.build.section_at(a.address) == side.build.section_at(b.address)
}

/// How often code and data refer to each address, those between two objects included.
fn uses(side: &Side<'_, '_>) -> HashMap<u64, u32> {
    let is_code = |id: &EntityId| side.entity(*id).kind != EntityKind::Object;
    let of_code = (0..).take(side.entities.len()).filter(is_code).flat_map(|id| fields::of_code(side, id));
    let words = side.build.relocations().iter().filter(|relocation| {
        side.build.section_at(relocation.address).is_some_and(|section| !section.is_code())
    });
    let of_data = words.flat_map(|word| fields::of_data(side.build, word.address, 1, true));
    let mut uses = HashMap::new();
    for field in of_code.chain(of_data) {
        *uses.entry(field.address).or_insert(0) += 1;
    }
    uses
}
