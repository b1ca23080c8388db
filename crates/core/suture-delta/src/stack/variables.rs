//! New variables of earlier patches: they have live values, so each must be found again, and never doubled.

use std::collections::{BTreeMap, BTreeSet};

use super::alike::{Alike, Class, Place, class};
use super::{Earlier, mismatch};
use crate::model::{Delta, SectionKind, SymbolKind, Target};
use crate::names;
use crate::options::{DataAction, Options};
use crate::refusal::{Refusal, RefusalCode};

/// Who uses a variable: the keys of the functions and objects that refer to it.
type Users = BTreeSet<names::Key>;

/// Pairs the new variables of `full` with those of earlier patches: by name where there is one of that name and
/// somebody has gone on using it, else by who uses them. What can't be told is refused.
pub(super) fn pair(full: &Delta, below: &[Earlier], refusals: &mut Vec<Refusal>) -> BTreeMap<u32, Place> {
    let mut there: BTreeMap<Class, Vec<Place>> = BTreeMap::new();
    for (index, earlier) in below.iter().enumerate() {
        for (class, symbol) in variables(&earlier.delta) {
            there.entry(class).or_default().push((index, symbol));
        }
    }
    let mut here: BTreeMap<Class, Vec<u32>> = BTreeMap::new();
    for (class, symbol) in variables(full) {
        here.entry(class).or_default().push(symbol);
    }
    let mut pairs = BTreeMap::new();
    for (class, places) in there {
        let Some(symbols) = here.get(&class) else { continue };
        if let ([symbol], [place]) = (symbols.as_slice(), places.as_slice()) {
            let its = users(&below[place.0].delta, place.1);
            if its.is_disjoint(&users(full, *symbol)) {
                refusals.push(ambiguous(&below[place.0].delta, place.1));
            } else {
                pairs.insert(*symbol, *place);
            }
            continue;
        }
        let all_users: Vec<Users> = symbols.iter().map(|symbol| users(full, *symbol)).collect();
        for place in places {
            let its = users(&below[place.0].delta, place.1);
            let mut fitting = symbols.iter().zip(&all_users).filter(|(_, users)| **users == its);
            match (fitting.next(), fitting.next()) {
                (Some((symbol, _)), None) if !pairs.contains_key(symbol) => {
                    pairs.insert(*symbol, place);
                }
                _ => refusals.push(ambiguous(&below[place.0].delta, place.1)),
            }
        }
    }
    pairs
}

/// Refuses variables that changed since an earlier patch brought them.
pub(super) fn check(
    alike: &Alike<'_>,
    pairs: &BTreeMap<u32, Place>,
    options: &Options,
    refusals: &mut Vec<Refusal>,
) {
    for (symbol, place) in pairs {
        let (name, before, after) = alike.sizes(*symbol, *place);
        let kept = [name, &names::demangle(name)]
            .iter()
            .any(|name| options.data.get(*name) == Some(&DataAction::Keep));
        let (code, message, help) = if before != after {
            let message =
                format!("an earlier patch brought it with {before} bytes, and it would need {after}");
            (
                RefusalCode::DataResized,
                message,
                "keep its size and put what is new into a new variable".to_owned(),
            )
        } else if kept || alike.is_alike(*symbol, *place) {
            continue;
        } else {
            let message =
                "an earlier patch brought it, it has a live value, and its initial value changed".to_owned();
            (RefusalCode::InitialiserChanged, message, format!("say --data {name}=keep"))
        };
        refusals.push(Refusal { code, help, ..mismatch(name, message, "") });
    }
}

fn ambiguous(delta: &Delta, symbol: u32) -> Refusal {
    let name = delta.symbols.get(symbol as usize).map_or("", |symbol| symbol.name.as_str());
    let message =
        "an earlier patch brought it, and which variable of the new build it is can't be told".to_owned();
    mismatch(
        name,
        message,
        "give new variables names that no other new variable has, or revert that patch first",
    )
}

fn variables(delta: &Delta) -> impl Iterator<Item = (Class, u32)> {
    (0..).zip(&delta.symbols).filter_map(|(index, symbol)| {
        let kind = delta.sections.get(symbol.section as usize)?.kind;
        let is_variable =
            symbol.kind == SymbolKind::Object && matches!(kind, SectionKind::Data | SectionKind::Bss);
        is_variable.then(|| class(delta, symbol)).flatten().map(|class| (class, index))
    })
}

fn users(delta: &Delta, variable: u32) -> Users {
    let refers = |index: usize| {
        let section = delta.sections.get(index);
        section.is_some_and(|s| s.relocations.iter().any(|r| r.target == Target::Symbol(variable)))
    };
    let users = delta.symbols.iter().filter(|symbol| refers(symbol.section as usize));
    users.map(|symbol| names::key(&symbol.name)).collect()
}
