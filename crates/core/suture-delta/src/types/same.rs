//! Whether two types have the same layout.

use std::collections::HashSet;

use suture_elf::debug::{Aggregate, DebugError, DebugInfo, EntryId, Member, Place, Shape, Variant, Variants};

use super::describe;

/// Names for the same thing that one after another stand for the next.
const ALIASES_MAX: usize = 64;
/// Types within types that are followed.
const DEPTH_MAX: usize = 64;

/// Compares types of two builds.
pub(super) struct Layouts<'a, 'o, 'n> {
    old: &'a DebugInfo<'o>,
    new: &'a DebugInfo<'n>,
    /// A name of the old build with the numbers of the new one.
    now: &'a dyn Fn(&str) -> String,
    /// Pairs taken for the same because they have the same name.
    relied_on: Vec<(EntryId, EntryId)>,
    /// Pairs taken for the same because they are being compared: types that lead back to themselves are
    /// the same if nothing else differs.
    assumed: HashSet<(EntryId, EntryId)>,
}

type Difference = Result<Option<String>, DebugError>;

impl<'a, 'o, 'n> Layouts<'a, 'o, 'n> {
    pub(super) fn new(
        old: &'a DebugInfo<'o>,
        new: &'a DebugInfo<'n>,
        now: &'a dyn Fn(&str) -> String,
    ) -> Self {
        Self { old, new, now, relied_on: Vec::new(), assumed: HashSet::new() }
    }

    /// Pairs that were taken for the same because of their names, since the last call.
    pub(super) fn take_relied_on(&mut self) -> Vec<(EntryId, EntryId)> {
        std::mem::take(&mut self.relied_on)
    }

    /// What differs between the layouts of two types that stand for each other.
    pub(super) fn difference(&mut self, a: EntryId, b: EntryId) -> Difference {
        self.assumed.clear();
        self.whole(a, b, 0)
    }

    /// What differs between two types where they are used: those with the same name are compared on their
    /// own.
    pub(super) fn difference_of_use(&mut self, a: Option<EntryId>, b: Option<EntryId>) -> Difference {
        self.assumed.clear();
        self.at_use(a, b, 0)
    }

    fn at_use(&mut self, a: Option<EntryId>, b: Option<EntryId>, depth: usize) -> Difference {
        let (a, b) = match (bare(self.old, a)?, bare(self.new, b)?) {
            (None, None) => return Ok(None),
            (Some(a), Some(b)) => (a, b),
            _ => return Ok(Some("it becomes, or was, a type of which nothing is known".to_owned())),
        };
        let (x, y) = (self.old.shape(a)?, self.new.shape(b)?);
        let is_named = |shape: &Shape| {
            matches!(shape, Shape::Aggregate(_) | Shape::Enumeration(_) | Shape::Declaration { .. })
        };
        if is_named(&x)
            && is_named(&y)
            && self.new.is_named(b)?
            && self.old.is_named(a)?
            && (self.now)(&self.old.type_name(a)?) == self.new.type_name(b)?
        {
            // Of what is declared only here, the definitions elsewhere count.
            let (olds, news) = (self.old.definitions_of(a)?, self.new.definitions_of(b)?);
            self.relied_on.extend(olds.first().copied().zip(news.first().copied()));
            return Ok(None);
        }
        if is_named(&x) && is_named(&y) && self.is_another(a, b)? {
            return Ok(Some(self.kinds(a, b)?));
        }
        self.whole(a, b, depth)
    }

    /// Whether one type has taken the place of another: a new name for the old one would be all that is left of it.
    fn is_another(&self, a: EntryId, b: EntryId) -> Result<bool, DebugError> {
        if !self.old.is_named(a)? || !self.new.is_named(b)? {
            return Ok(false);
        }
        let (was, is) = (self.old.type_name(a)?, self.new.type_name(b)?);
        // What a compiler has numbered (closures, states of a coroutine) has another number when one more stands in front of it.
        let is_lasting = |name: &str| !is_numbered(name);
        Ok(was != is
            && is_lasting(&was)
            && is_lasting(&is)
            && !self.new.types_named(&was)?.is_empty()
            && !self.old.types_named(&is)?.is_empty())
    }

    fn whole(&mut self, a: EntryId, b: EntryId, depth: usize) -> Difference {
        if depth > DEPTH_MAX {
            return Ok(Some("it nests too deep to be compared".to_owned()));
        }
        if !self.assumed.insert((a, b)) {
            return Ok(None);
        }
        let (old, new) = (self.old.shape(a)?, self.new.shape(b)?);
        let is_same = match (&*old, &*new) {
            (
                Shape::Base { encoding: was, size: old_size, .. },
                Shape::Base { encoding: is, size: new_size, .. },
            ) => (was, old_size) == (is, new_size),
            (Shape::Pointer { target: was, .. }, Shape::Pointer { target: is, .. }) => {
                return self.pointers(*was, *is, depth);
            }
            (
                Shape::MemberPointer { class: old_class, target: was },
                Shape::MemberPointer { class: new_class, target: is },
            ) => {
                let class = self.at_use(*old_class, *new_class, depth + 1)?;
                return class.map_or_else(|| self.at_use(*was, *is, depth + 1), |found| Ok(Some(found)));
            }
            (
                Shape::Array { element: was, counts: old_counts },
                Shape::Array { element: is, counts: new_counts },
            ) => {
                if old_counts == new_counts {
                    return self.at_use(*was, *is, depth + 1);
                }
                false
            }
            (
                Shape::Function { result: was, parameters: old_parameters },
                Shape::Function { result: is, parameters: new_parameters },
            ) => return self.calls((*was, old_parameters), (*is, new_parameters), depth),
            (Shape::Enumeration(was), Shape::Enumeration(is)) => {
                return Ok((was.size != is.size).then(|| describe::sizes(was.size, is.size)));
            }
            (Shape::Aggregate(was), Shape::Aggregate(is)) => {
                if is_environment(&self.new.type_name(b)?)
                    && let Some(found) = describe::captures(&in_place(&was.members), &in_place(&is.members))
                {
                    return Ok(Some(found));
                }
                return self.aggregates(was, is, depth);
            }
            (Shape::Alias { target: was, .. }, Shape::Alias { target: is, .. }) => {
                return self.at_use(*was, *is, depth + 1);
            }
            (Shape::Unspecified { name: was }, Shape::Unspecified { name: is }) => was == is,
            _ => false,
        };
        if is_same { Ok(None) } else { Ok(Some(self.kinds(a, b)?)) }
    }

    fn pointers(&mut self, a: Option<EntryId>, b: Option<EntryId>, depth: usize) -> Difference {
        let inner = self.at_use(a, b, depth + 1)?;
        Ok(inner.map(|inner| format!("what it points to changes: {inner}")))
    }

    fn calls(
        &mut self,
        (a, x): (Option<EntryId>, &[Option<EntryId>]),
        (b, y): (Option<EntryId>, &[Option<EntryId>]),
        depth: usize,
    ) -> Difference {
        if x.len() != y.len() {
            return Ok(Some(format!("it takes {} parameters in place of {}", y.len(), x.len())));
        }
        let pairs = std::iter::once((a, b)).chain(x.iter().copied().zip(y.iter().copied()));
        for (a, b) in pairs {
            if let Some(inner) = self.at_use(a, b, depth + 1)? {
                return Ok(Some(format!("what it takes or returns changes: {inner}")));
            }
        }
        Ok(None)
    }

    fn aggregates(&mut self, a: &Aggregate, b: &Aggregate, depth: usize) -> Difference {
        if a.kind != b.kind {
            return Ok(Some("a structure becomes a union, or the other way round".to_owned()));
        }
        for (a, b) in a.arguments.iter().zip(&b.arguments) {
            if let Some(inner) = self.at_use(*a, *b, depth + 1)? {
                return Ok(Some(format!("what it is made with changes: {inner}")));
            }
        }
        if let Some(found) = self.members(&a.members, &b.members, depth)? {
            let size = if a.size == b.size {
                String::new()
            } else {
                format!("; {}", describe::sizes(a.size, b.size))
            };
            return Ok(Some(found + &size));
        }
        if a.size != b.size {
            return Ok(Some(describe::sizes(a.size, b.size)));
        }
        if let Some(found) = self.members(&a.bases, &b.bases, depth)? {
            return Ok(Some(format!("its base classes change: {found}")));
        }
        if a.virtuals != b.virtuals {
            return Ok(Some("its virtual functions change".to_owned()));
        }
        match (&a.variants, &b.variants) {
            (None, None) => Ok(None),
            (Some(a), Some(b)) => self.variants(a, b, depth),
            _ => Ok(Some("it gets, or loses, variants".to_owned())),
        }
    }

    /// Members in the order of their places. One may have a new name, but none the name of another.
    fn members(&mut self, old: &[Member], new: &[Member], depth: usize) -> Difference {
        let (old, new) = (in_place(old), in_place(new));
        let is_place = |a: &Member, b: &Member| a.place == b.place && a.bits == b.bits;
        let is_elsewhere =
            |b: &&Member| !b.name.is_empty() && old.iter().any(|a| a.name == b.name && !is_place(a, b));
        if old.len() != new.len()
            || !old.iter().zip(&new).all(|(a, b)| is_place(a, b))
            || new.iter().any(is_elsewhere)
        {
            return Ok(Some(describe::places(&old, &new)));
        }
        for (a, b) in old.into_iter().zip(new) {
            if let Some(inner) = self.at_use(a.type_id, b.type_id, depth + 1)? {
                return Ok(Some(format!("member '{}': {inner}", b.name)));
            }
        }
        Ok(None)
    }

    fn variants(&mut self, a: &Variants, b: &Variants, depth: usize) -> Difference {
        let (x, y) = (a.discriminant.as_slice(), b.discriminant.as_slice());
        if let Some(found) = self.members(x, y, depth)? {
            return Ok(Some(format!("how its variants are told apart changes: {found}")));
        }
        if a.variants.len() != b.variants.len() {
            let (was, is) = (a.variants.len(), b.variants.len());
            return Ok(Some(format!("it has {is} variants in place of {was}")));
        }
        if trade_places(&a.variants, &b.variants) {
            return Ok(Some("its variants stand in another order".to_owned()));
        }
        for (a, b) in a.variants.iter().zip(&b.variants) {
            if a.value != b.value {
                return Ok(Some("its variants have other discriminants".to_owned()));
            }
            if let Some(found) = self.members(&a.members, &b.members, depth)? {
                return Ok(Some(format!("a variant changes: {found}")));
            }
        }
        Ok(None)
    }

    fn kinds(&self, a: EntryId, b: EntryId) -> Result<String, DebugError> {
        Ok(format!("'{}' becomes '{}'", self.old.type_name(a)?, self.new.type_name(b)?))
    }
}

/// Whether a name has a part that a compiler gives to what has none in the source.
pub(super) fn is_numbered(name: &str) -> bool {
    name.contains('{') || name.contains("<lambda")
}

/// Whether this is what a closure has captured, or what a coroutine keeps while it waits: members have the names of variables, and another
/// name is another variable.
fn is_environment(name: &str) -> bool {
    name.contains("_env#") || name.contains("<lambda")
}

/// Whether a variant has got the name that another had. One may have a new name.
fn trade_places(old: &[Variant], new: &[Variant]) -> bool {
    let name =
        |variant: &Variant| variant.members.first().map(|member| member.name.clone()).unwrap_or_default();
    let others =
        |at: usize, wanted: &str| old.iter().enumerate().any(|(was, v)| was != at && name(v) == wanted);
    new.iter().enumerate().any(|(at, variant)| {
        let now = name(variant);
        !now.is_empty() && old.get(at).is_none_or(|before| name(before) != now) && others(at, &now)
    })
}

/// Ascending by place; those at the same place in their own order.
fn in_place(members: &[Member]) -> Vec<&Member> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by_key(|member| match member.place {
        Place::Bit(bit) => bit,
        Place::Computed(_) => u64::MAX,
    });
    sorted
}

/// The type itself, without other names and access qualifiers; `None` for nothing and anything.
pub(super) fn bare(debug: &DebugInfo<'_>, id: Option<EntryId>) -> Result<Option<EntryId>, DebugError> {
    let mut id = id;
    for _ in 0..ALIASES_MAX {
        let Some(at) = id else { return Ok(None) };
        match &*debug.shape(at)? {
            Shape::Alias { target, .. } => id = *target,
            _ => return Ok(Some(at)),
        }
    }
    Err(DebugError::TooDeep { limit: ALIASES_MAX })
}
