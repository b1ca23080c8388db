//! May the new code work on what the old code has left in memory?

use std::collections::BTreeSet;

use super::{Changed, Debug};
use crate::fields;
use crate::options::Options;
use crate::pair::Pairs;
use crate::refusal::{Refusal, RefusalCode};
use crate::same::Same;
use crate::side::EntityId;
use crate::target::{self, Meaning};
use crate::types::{self, FunctionPair, LayoutChange, LayoutChangeKind, Variables};

/// What the comparison of the layouts says.
#[derive(Debug, Default)]
pub(super) struct Layouts {
    pub(super) refusals: Vec<Refusal>,
    /// Changes that the author's hooks take care of.
    pub(super) notes: Vec<String>,
}

/// Compares the layouts of all types that changed and new functions and changed objects (pairs of old and
/// new) deal with.
pub(super) fn compare(
    same: &Same<'_, '_, '_>,
    changed: &[Changed],
    objects: &[(EntityId, EntityId)],
    options: &Options,
) -> Layouts {
    let mut found = Layouts::default();
    if changed.is_empty() {
        return found;
    }
    let Debug { old: Some(old), new: Some(new) } = same.debug else {
        found.refusals.push(unknown("", "a build has no debug information that can be read"));
        return found;
    };
    let address = |id: EntityId| same.new.entity(id).address;
    // What the compiler makes to call another function with another `this` has no entry of its own.
    for (_, id, _) in changed.iter().filter(|(_, id, _)| !crate::names::is_thunk(same.new.entity(*id).name)) {
        if !matches!(new.knows_types_at(address(*id)), Ok(true)) {
            let what = "the debug information does not tell the types that it deals with";
            found.refusals.push(unknown(same.new.entity(*id).name, what));
        }
    }
    found.refusals.extend(coroutines(same, changed));
    let mut functions: Vec<FunctionPair> = changed
        .iter()
        .map(|(old, new, _)| FunctionPair { old: Some(same.old.entity(*old).address), new: address(*new) })
        .collect();
    functions.extend(new_functions(same.pairs, same).map(|id| FunctionPair { old: None, new: address(id) }));
    let place = |(o, n): &(EntityId, EntityId)| (same.old.entity(*o).address, address(*n));
    let mut variables = live_variables(same, changed);
    variables.objects.extend(objects.iter().map(place));
    match types::compare_layouts(old, new, &functions, &variables, &|name| same.pairs.renumbered(name)) {
        Ok(layouts) => layouts.iter().for_each(|change| found.add(change, same, options)),
        Err(error) => {
            found.refusals.push(unknown("", &format!("the debug information can't be read: {error}")));
        }
    }
    found
}

/// Changed coroutines of C++: where those wait that have begun is a number in the process, of which the debug information says nothing.
fn coroutines<'a>(same: &'a Same<'_, '_, '_>, changed: &'a [Changed]) -> impl Iterator<Item = Refusal> + 'a {
    let is_resumed = |id: &EntityId| same.new.entity(*id).name.ends_with(".resume");
    changed.iter().filter(move |(_, new, _)| is_resumed(new)).map(|(_, new, _)| Refusal {
        code: RefusalCode::TypeLayoutChanged,
        symbol: crate::names::demangle(same.new.entity(*new).name),
        file: String::new(),
        line: 0,
        message: "it is a coroutine, and where those that have begun go on can't be told".to_owned(),
        help: "change what it calls and leave the coroutine as it is, or restart with the new build"
            .to_owned(),
    })
}

fn new_functions(pairs: &Pairs, same: &Same<'_, '_, '_>) -> impl Iterator<Item = EntityId> {
    (0..same.new.entities.len() as EntityId).filter(|id| {
        let entity = same.new.entity(*id);
        entity.kind == crate::side::EntityKind::Function
            && entity.parent.is_none()
            && pairs.old_of(*id).is_none()
    })
}

/// Variables that live in the process and that changed and new functions refer to: as old code has left them, new code finds them.
fn live_variables(same: &Same<'_, '_, '_>, changed: &[Changed]) -> Variables {
    let functions = changed.iter().map(|(_, new, _)| *new).chain(new_functions(same.pairs, same));
    let pieces = functions.flat_map(|function| same.new.with_fragments(function));
    let fields = pieces.flat_map(|piece| fields::of_code(same.new, piece));
    let (mut objects, mut thread_locals) = (BTreeSet::new(), BTreeSet::new());
    for field in fields {
        let meant = match target::meaning(same.new, &field) {
            Meaning::Slot(slot) => target::held(same.new, slot),
            meaning => Some(meaning),
        };
        match meant {
            Some(Meaning::Entity(id, _)) if same.new.entity(id).writable => {
                let new = same.new.entity(id);
                // Another size is refused by itself.
                let old =
                    same.pairs.old_of(id).map(|old| same.old.entity(old)).filter(|old| old.size == new.size);
                objects.extend(old.map(|old| (old.address, new.address)));
            }
            Some(Meaning::Tls(at, _)) => {
                let old = same.pairs.old_tls_of(at).and_then(|old| same.old.tls.get(old));
                thread_locals.extend(old.zip(same.new.tls.get(at)).map(|(o, n)| (o.offset, n.offset)));
            }
            _ => {}
        }
    }
    Variables { objects: objects.into_iter().collect(), thread_locals: thread_locals.into_iter().collect() }
}

impl Layouts {
    fn add(&mut self, change: &LayoutChange, same: &Same<'_, '_, '_>, options: &Options) {
        let name = &change.type_name;
        if options.converted_types.contains(name) && super::emission::has_apply_hook(same) {
            self.notes
                .push(format!("type {name}: {}; the patch's hooks convert what lives", change.description));
            return;
        }
        let (meaning, help) = match change.kind {
            LayoutChangeKind::Layout => (
                "new code would misread what lives in the process",
                format!(
                    "keep the layout and put new fields into shadow variables, or convert what lives in a \
                     suture_pre_apply hook and say --type '{name}=hooks', or restart with the new build"
                ),
            ),
            LayoutChangeKind::EnumValue => (
                "what the process has stored has another meaning for new code",
                format!(
                    "give the constant a value that was free, or convert what lives in a suture_pre_apply hook \
                     and say --type '{name}=hooks', or restart with the new build"
                ),
            ),
        };
        self.refusals.push(Refusal {
            code: RefusalCode::TypeLayoutChanged,
            symbol: name.clone(),
            file: change.file.clone(),
            line: change.line,
            message: format!("{}: {meaning}", change.description),
            help,
        });
    }
}

fn unknown(symbol: &str, message: &str) -> Refusal {
    Refusal {
        code: RefusalCode::NoDebugInfo,
        symbol: crate::names::demangle(symbol),
        file: String::new(),
        line: 0,
        message: format!("{message}, so that changed layouts would go unseen"),
        help: "compile with -g (rustc: -C debuginfo=2), and don't strip the builds that are compared"
            .to_owned(),
    }
}
