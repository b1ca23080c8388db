//! Variables that are gone, and new ones that may be what they were.
//!
//! A static variable moves to another file or out of its function, or has another name: to the comparison the old one is gone, and a new
//! one would begin with its initial value, while what the old one has counted up to that moment is left behind. Where it is shown
//! that the two are one (same name, same type, no third, and a function that used the one uses the other) they are
//! paired. Where it may be so the author has to say it: `--data NAME=keep` that the new one is the old one and keeps
//! its value, `--data NAME=overwrite` that it begins anew.

use suture_elf::debug::DebugInfo;

use super::{Doubt, Pairs};
use crate::compare::Debug;
use crate::names;
use crate::objects;
use crate::options::{DataAction, Options};
use crate::readers::References;
use crate::side::{EntityId, EntityKind, Side};

/// A variable that may have, or may have had, another place.
struct Variable {
    id: EntityId,
    /// Its name without scopes.
    name: String,
    size: u64,
    /// As debug information has it.
    type_name: Option<String>,
    /// The function whose variable it is, or whatever else is around it.
    scope: String,
    in_function: bool,
    /// Files in which it stands or is declared.
    files: Vec<String>,
}

impl Variable {
    fn has_type_of(&self, other: &Self) -> bool {
        match (&self.type_name, &other.type_name) {
            (Some(this), Some(other)) => this == other,
            _ => self.size == other.size,
        }
    }

    /// Whether the two could be one.
    fn may_be(&self, other: &Self) -> bool {
        let is_near = || self.files.iter().any(|file| other.files.contains(file));
        self.name == other.name || (self.has_type_of(other) && is_near())
    }

    /// Whether nothing is against that the two are one, and name and type are for it.
    fn is_like(&self, other: &Self) -> bool {
        let is_known = self.type_name.is_some() && other.type_name.is_some();
        let of_two_functions = self.in_function && other.in_function && self.scope != other.scope;
        self.name == other.name && is_known && self.has_type_of(other) && !of_two_functions
    }
}

/// Pairs those of which it is shown, or said, and leaves a doubt of those that may be.
pub(super) fn join(
    (old, new): (&Side<'_, '_>, &Side<'_, '_>),
    debug: Debug<'_, '_>,
    options: &Options,
    pairs: &mut Pairs,
) {
    let is_free = |id| pairs.old_of(id).is_none() && !is_in_doubt(pairs, id, false);
    let mut news = variables(new, debug.new, is_free);
    if news.is_empty() {
        return;
    }
    let users = Users { before: References::new(old), after: References::new(new) };
    let mut olds = variables(old, debug.old, |id| !is_in_doubt(pairs, id, true));
    olds.retain(|old| news.iter().any(|new| old.may_be(new)) && users.have_left(old.id, pairs));
    for (o, n) in shown((&olds, &news), &users, pairs) {
        pairs.join_anew(o, n);
        olds.retain(|variable| variable.id != o);
    }
    news.retain(|variable| pairs.old_of(variable.id).is_none() && !begins_anew(new, variable.id, options));
    for variable in &news {
        let mut all: Vec<&Variable> = olds.iter().filter(|old| old.may_be(variable)).collect();
        all.sort_by_key(|old| old.name != variable.name);
        match (objects::decision(options, new.entity(variable.id)), all.as_slice()) {
            (Some(DataAction::Keep), [one]) => {
                let one = one.id;
                pairs.join_anew(one, variable.id);
                olds.retain(|old| old.id != one);
            }
            (_, [first, ..]) => pairs.doubts.push(Doubt::Variable { old: first.id, new: variable.id }),
            (_, []) => {}
        }
    }
}

/// Who uses which variable, in both builds.
struct Users<'s, 'b, 'd> {
    before: References<'s, 'b, 'd>,
    after: References<'s, 'b, 'd>,
}

impl Users<'_, '_, '_> {
    /// Whether a variable of the old build is gone, or nothing uses what is left of it.
    fn have_left(&self, old: EntityId, pairs: &Pairs) -> bool {
        pairs.new_of(old).is_none_or(|new| {
            self.after.readers_of(new).functions.is_empty()
                && !self.before.readers_of(old).functions.is_empty()
        })
    }

    /// Whether a function that used the one uses the other.
    fn are_common(&self, (old, new): (EntityId, EntityId), pairs: &Pairs) -> bool {
        let users = self.after.readers_of(new).functions;
        let were = self.before.readers_of(old).functions;
        were.into_iter().any(|user| pairs.new_of(user).is_some_and(|user| users.contains(&user)))
    }
}

/// Whether it has been told already.
fn is_in_doubt(pairs: &Pairs, id: EntityId, is_old: bool) -> bool {
    pairs.doubts.iter().any(|doubt| match doubt {
        Doubt::Numbers { olds, news, .. } => if is_old { olds } else { news }.contains(&id),
        Doubt::Variable { .. } | Doubt::Scope { .. } => false,
    })
}

/// Whether the author says so, or an earlier patch has brought it.
fn begins_anew(new: &Side<'_, '_>, id: EntityId, options: &Options) -> bool {
    let entity = new.entity(id);
    let brought = options.below.iter().flat_map(|earlier| &earlier.delta.meta.report.data);
    let is_brought = brought.into_iter().any(|change| change.change == "new" && change.symbol == entity.name);
    is_brought || objects::decision(options, entity) == Some(DataAction::Overwrite)
}

/// Those that are one.
fn shown(
    (olds, news): (&[Variable], &[Variable]),
    users: &Users<'_, '_, '_>,
    pairs: &Pairs,
) -> Vec<(EntityId, EntityId)> {
    let only = |variable: &Variable, among: &[Variable]| {
        let mut named = among.iter().filter(|other| other.name == variable.name);
        named.next().filter(|other| other.is_like(variable) && named.next().is_none()).map(|other| other.id)
    };
    let alike = olds.iter().filter_map(|variable| {
        let found = news.iter().find(|new| Some(new.id) == only(variable, news))?;
        (only(found, olds) == Some(variable.id)).then_some((variable.id, found.id))
    });
    alike.filter(|pair| users.are_common(*pair, pairs)).collect()
}

fn variables(
    side: &Side<'_, '_>,
    debug: Option<&DebugInfo<'_>>,
    is_asked: impl Fn(EntityId) -> bool,
) -> Vec<Variable> {
    let is_made =
        |name: &str| names::is_guard(name) || names::is_of_class(name) || name.starts_with("DW.ref.");
    let is_variable = |id: &EntityId| {
        let entity = side.entity(*id);
        entity.kind == EntityKind::Object && entity.writable && !entity.imported && !is_made(entity.name)
    };
    let all = (0..side.entities.len() as EntityId).filter(is_variable);
    all.filter(|id| is_asked(*id)).map(|id| variable(side, debug, id)).collect()
}

fn variable(side: &Side<'_, '_>, debug: Option<&DebugInfo<'_>>, id: EntityId) -> Variable {
    let entity = side.entity(id);
    let known = debug.and_then(|debug| debug.variable_at(entity.address).ok()?);
    let declared = debug.and_then(|debug| debug.declared_variable_at(entity.address).ok()?);
    let type_name = known.as_ref().and_then(|known| debug?.type_name(known.type_id?).ok());
    let (scope, in_function) = declared.map_or((String::new(), false), |declared| {
        let scope = declared.path.rsplit_once("::").map_or("", |(scope, _)| scope).to_owned();
        (scope, declared.in_function)
    });
    let shown = names::demangle(&entity.key.base);
    let own_name = shown.rsplit("::").next().unwrap_or(&shown);
    let (name, mut files) = match known {
        Some(known) => (known.name, vec![known.file, known.unit]),
        None => (own_name.to_owned(), Vec::new()),
    };
    files.extend(entity.file.map(str::to_owned));
    files.retain(|file| !file.is_empty());
    Variable { id, name, size: entity.size, type_name, scope, in_function, files }
}
