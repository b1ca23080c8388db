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
use crate::types::{self, FunctionPair, LayoutChange, LayoutChangeKind};

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
    for (_, id, _) in changed {
        if !matches!(new.knows_types_at(address(*id)), Ok(true)) {
            let what = "the debug information does not tell the types that it deals with";
            found.refusals.push(unknown(same.new.entity(*id).name, what));
        }
    }
    let mut functions: Vec<FunctionPair> = changed
        .iter()
        .map(|(old, new, _)| FunctionPair { old: Some(same.old.entity(*old).address), new: address(*new) })
        .collect();
    functions.extend(new_functions(same.pairs, same).map(|id| FunctionPair { old: None, new: address(id) }));
    let place = |(o, n): &(EntityId, EntityId)| (same.old.entity(*o).address, address(*n));
    let mut objects: Vec<(u64, u64)> = objects.iter().map(place).collect();
    objects.extend(live_variables(same, changed).iter().map(place));
    match types::compare_layouts(old, new, &functions, &objects) {
        Ok(layouts) => layouts.iter().for_each(|change| found.add(change, same, options)),
        Err(error) => {
            found.refusals.push(unknown("", &format!("the debug information can't be read: {error}")));
        }
    }
    found
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
fn live_variables(same: &Same<'_, '_, '_>, changed: &[Changed]) -> BTreeSet<(EntityId, EntityId)> {
    let functions = changed.iter().map(|(_, new, _)| *new).chain(new_functions(same.pairs, same));
    let pieces = functions.flat_map(|function| same.new.with_fragments(function));
    let fields = pieces.flat_map(|piece| fields::of_code(same.new, piece));
    let meant = fields.filter_map(|field| match target::meaning(same.new, &field) {
        Meaning::Slot(slot) => target::held(same.new, slot),
        meaning => Some(meaning),
    });
    let variables = meant.filter_map(|meaning| match meaning {
        Meaning::Entity(id, _) => Some(id).filter(|id| same.new.entity(*id).writable),
        _ => None,
    });
    variables.filter_map(|new| Some((same.pairs.old_of(new)?, new))).collect()
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
