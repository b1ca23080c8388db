//! The comparison of two builds: what changed, whether it can be hot, and the delta if it can.

mod describe;
mod doubts;
mod emission;
mod layouts;
mod live;
mod preconditions;
mod touched;
mod vtables;

use suture_elf::Build;
use suture_elf::debug::DebugInfo;

use crate::classify::classify;
use crate::model::Delta;
use crate::names;
use crate::objects;
use crate::options::Options;
use crate::pair;
use crate::refusal::{Refusal, RefusalCode};
use crate::report::Report;
use crate::same::{self, Same};
use crate::side::{EntityId, EntityKind, Side};
use crate::stack::{self, Full, Standing};

use emission::Order;

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The judgement.
    pub report: Report,
    /// The delta; `None` if the change was refused.
    pub delta: Option<Delta>,
}

/// Debug information of the two builds, as far as it can be read.
///
/// Without it a difference of line numbers counts as a change, and a change whose types are not known is
/// refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct Debug<'a, 'd> {
    /// Of the old build.
    pub old: Option<&'a DebugInfo<'d>>,
    /// Of the new build.
    pub new: Option<&'a DebugInfo<'d>>,
}

/// Compares two builds of one program.
pub fn compare<'d>(old: &Build<'d>, new: &Build<'d>, debug: Debug<'_, 'd>, options: &Options) -> Comparison {
    let mut obstacles = preconditions::preconditions(old, new);
    obstacles.extend(preconditions::unlike(debug));
    obstacles.extend(stack::preconditions(old, &options.below));
    if !obstacles.is_empty() {
        return refused(Report::default(), obstacles);
    }
    let options = &stack::inherit(options);
    let (old_side, new_side) = (Side::new(old), Side::new(new));
    let mut pairs = pair::pair(&old_side, &new_side, debug, options);
    if let Some(refusal) = preconditions::unrelated(&old_side, &pairs) {
        return refused(Report::default(), vec![refusal]);
    }
    let ignored = |name: &str| options.ignored_symbols.contains(name);
    let objects = objects::compare(&old_side, &new_side, &mut pairs, debug, options);
    let same = Same::new((&old_side, &new_side), &pairs, debug, &ignored);
    let changed = changed_functions(&same);
    let pointed_to = live::compare(&same, &changed, &objects);
    let mut work = Work { changed, overwrites: objects.overwrites };
    let mut report = Report { data: objects.changes, ..Report::default() };
    let mut refusals = objects.refusals;
    refusals.extend(doubts::refusals((&old_side, &new_side), &pairs, options));
    refusals.extend(start_code(&same, &work.changed));
    if !work.changed.is_empty() {
        refusals.extend(vtables::compare(&same));
    }
    let overwritten: Vec<_> = work.overwrites.iter().map(objects::Overwritten::pair).collect();
    let layouts = layouts::compare(&same, &work.changed, &overwritten, options);
    refusals.extend(layouts.refusals);
    refusals.extend(pointed_to);
    report.notes.extend(layouts.notes);
    let standing = if options.below.is_empty() || !refusals.is_empty() {
        Standing::default()
    } else {
        stand(&same, &mut work, options).unwrap_or_else(|found| {
            refusals.extend(found);
            Standing::default()
        })
    };
    describe::functions(&same, &work.changed, &mut report);
    describe::without_provided(&same, &standing, &mut report);
    if work.changed.is_empty() && work.overwrites.is_empty() && refusals.is_empty() {
        refusals.push(no_difference(&report, options));
    }
    let mut emitted = None;
    if refusals.is_empty() {
        let Work { changed, overwrites } = &work;
        match emission::emit(&same, Order { changed, overwrites, standing: &standing, options }) {
            Ok(found) => emitted = Some(found),
            Err(found) => refusals = found,
        }
    }
    touched::touched(&same, &work, emitted.as_ref(), options, &mut report);
    let Some(emission::Emitted { mut delta, .. }) = emitted else {
        describe::locate(&same, &mut refusals);
        return refused(report, refusals);
    };
    (report.verdict, report.reasons) = classify(&report);
    delta.meta.report = report.clone();
    delta.meta.schema = delta.lowest_schema();
    Comparison { report, delta: Some(delta) }
}

/// What a delta has to carry.
struct Work {
    changed: Vec<Changed>,
    overwrites: Vec<objects::Overwritten>,
}

/// Takes out of `work` what earlier patches have brought.
fn stand(same: &Same<'_, '_, '_>, work: &mut Work, options: &Options) -> Result<Standing, Vec<Refusal>> {
    let Work { changed, overwrites } = work;
    let order = Order { changed, overwrites, standing: &Standing::default(), options };
    let emission::Emitted { delta, carried } = emission::emit(same, order)?;
    let whole = |id| same.new.with_fragments(same.new.whole(id)).collect();
    let full = Full { delta: &delta, carried: &carried, whole: &whole };
    let standing = Standing::find(&full, &options.below, options)?;
    changed.retain(|(_, new, _)| standing.provided(*new).is_none());
    overwrites.retain(|object| !standing.has_content(same.old.entity(object.pair().0).address));
    Ok(standing)
}

fn refused(mut report: Report, refusals: Vec<Refusal>) -> Comparison {
    report.refusals = refusals;
    (report.verdict, report.reasons) = classify(&report);
    Comparison { report, delta: None }
}

fn whole(code: RefusalCode, message: &str, help: &str) -> Refusal {
    Refusal {
        code,
        symbol: String::new(),
        file: String::new(),
        line: 0,
        message: message.to_owned(),
        help: help.to_owned(),
    }
}

fn no_difference(report: &Report, options: &Options) -> Refusal {
    let message = if !options.below.is_empty() {
        "the patches that it is to stand on have brought all of it"
    } else if report.removed.is_empty() && report.new.is_empty() {
        "the two builds do the same"
    } else {
        "no function that both builds have has changed, so nothing would use what is new"
    };
    whole(RefusalCode::NoDifference, message, "check that the new build was made from the fixed source")
}

/// A function whose behaviour differs: old, new, and why.
type Changed = (EntityId, EntityId, &'static str);

fn changed_functions(same: &Same<'_, '_, '_>) -> Vec<Changed> {
    let mut changed: Vec<Changed> = Vec::new();
    for (new, entity) in (0..).zip(&same.new.entities) {
        if entity.kind != EntityKind::Function || entity.names.iter().any(|name| (same.ignored)(name)) {
            continue;
        }
        let whole = same.new.whole(new);
        let why = match same.pairs.old_of(new) {
            Some(old) => same.code_difference(old, new),
            // A fragment that the old function does not have.
            None if whole != new => Some("a part of its code split off"),
            None => None,
        };
        if let (Some(why), Some(old)) = (why, same.pairs.old_of(whole))
            && !changed.iter().rev().take(8).any(|(_, known, _)| *known == whole)
        {
            changed.push((old, whole, why));
        }
    }
    for (old, entity) in (0..).zip(&same.old.entities) {
        // A fragment that the new function does not have.
        if entity.parent.is_some() && same.pairs.new_of(old).is_none() {
            let whole = same.old.whole(old);
            if let Some(new) = same.pairs.new_of(whole) {
                changed.push((whole, new, "a part of its code joined"));
            }
        }
    }
    changed.sort_by_key(|(_, new, _)| *new);
    changed.dedup_by_key(|(_, new, _)| *new);
    changed
}

fn start_code(same: &Same<'_, '_, '_>, changed: &[Changed]) -> Vec<Refusal> {
    let refusal = |name: &str, message: &str| Refusal {
        code: RefusalCode::InitChanged,
        symbol: names::demangle(name),
        file: String::new(),
        line: 0,
        message: message.to_owned(),
        help: "move what it does into a suture_post_apply hook, or restart with the new build".to_owned(),
    };
    let changed = changed
        .iter()
        .filter(|(old, new, _)| same::is_start_code(same.old, *old) || same::is_start_code(same.new, *new));
    let changed = changed.map(|(_, new, _)| {
        refusal(same.new.entity(*new).name, "it runs only when the program starts, and it changed")
    });
    let resolvers = (0..).zip(&same.new.entities).filter(|(id, entity)| {
        let old = same.pairs.old_of(*id).filter(|_| entity.kind == EntityKind::Resolver);
        old.is_some_and(|old| same.code_difference(old, *id).is_some())
    });
    let resolvers = resolvers.map(|(_, entity)| {
        refusal(entity.name, "it chooses a function when the program starts, and it changed")
    });
    let new = (0..)
        .zip(&same.new.entities)
        .filter(|(id, _)| same.pairs.old_of(*id).is_none() && same::is_start_code(same.new, *id))
        .map(|(_, entity)| refusal(entity.name, "it is new and runs only when the program starts"));
    changed.chain(resolvers).chain(new).collect()
}
