//! What can't be told of variables and code that live in the process, as refusals.

use std::collections::BTreeSet;

use crate::names;
use crate::objects::{self, decision};
use crate::options::{DataAction, Options};
use crate::pair::{Doubt, Pairs};
use crate::refusal::{Refusal, RefusalCode};
use crate::side::{Entity, Side};

/// Refuses what the author of the patch has not decided.
pub(super) fn refusals(
    (old, new): (&Side<'_, '_>, &Side<'_, '_>),
    pairs: &Pairs,
    options: &Options,
) -> Vec<Refusal> {
    pairs.doubts.iter().filter_map(|doubt| refusal((old, new), doubt, options)).collect()
}

fn refusal((old, new): (&Side<'_, '_>, &Side<'_, '_>), doubt: &Doubt, options: &Options) -> Option<Refusal> {
    match doubt {
        Doubt::Numbers { path, olds, news } => {
            let news: Vec<_> = news.iter().map(|id| new.entity(*id)).collect();
            let begins_anew = |entity: &&Entity<'_>| decision(options, entity) == Some(DataAction::Overwrite);
            if news.iter().all(begins_anew) {
                return None;
            }
            let message = format!(
                "the builds have {} and {} variables of this name in one function, and which is which can't be told",
                olds.len(),
                news.len()
            );
            let names: BTreeSet<_> = news.iter().map(|entity| names::demangle(entity.name)).collect();
            let anew: Vec<_> = names.iter().map(|name| format!("--data {name}=overwrite")).collect();
            let help = format!(
                "give the new one another name, or say {} if each of them may begin anew",
                anew.join(" ")
            );
            Some(Refusal { symbol: path.clone(), ..unresolved(news.first()?, &message, &help) })
        }
        Doubt::Variable { old: was, new: is } => {
            let (was, is) = (old.entity(*was), new.entity(*is));
            let message = format!(
                "it is new, and could be what {} of the old build was, which is gone: what that holds in the process would be lost",
                place(was)
            );
            let help = format!(
                "leave name and place of the variable as they were, or say --data {0}=keep if it is the same, --data {0}=overwrite if it begins anew",
                is.name
            );
            Some(unresolved(is, &message, &help))
        }
        Doubt::Scope { old: was, new: is } => {
            let (was, is) = (old.entity(*was), new.entity(*is));
            if was.names.iter().any(|name| options.ignored_symbols.contains(*name)) {
                return None;
            }
            let message = format!(
                "pointers in the process may lead to it, and which closure of the new build it is can't be told: one could be {}",
                names::demangle(is.name)
            );
            let help = format!(
                "put what is new behind the closures of the function that were there, or say --ignore-symbol {} if what lives may go on with the old code",
                was.name
            );
            Some(unresolved(was, &message, &help))
        }
    }
}

fn place(entity: &Entity<'_>) -> String {
    let name = names::demangle(entity.name);
    entity.file.map_or_else(|| format!("`{name}`"), |file| format!("`{name}` ({file})"))
}

fn unresolved(entity: &Entity<'_>, message: &str, help: &str) -> Refusal {
    objects::refusal(RefusalCode::UnresolvedReference, entity, message, help)
}
