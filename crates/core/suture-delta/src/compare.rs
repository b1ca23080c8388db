//! The comparison of two builds: what changed, whether it can be hot, and the delta if it can.

mod describe;
mod layouts;
mod preconditions;

use std::collections::BTreeSet;

use suture_elf::debug::DebugInfo;
use suture_elf::{Build, BuildKind as ElfKind};

use crate::classify::classify;
use crate::emit::Emitter;
use crate::format::Invalid;
use crate::model::{self, BuildRef, Delta, Hooks, Meta, Range, SCHEMA};
use crate::names;
use crate::objects;
use crate::options::Options;
use crate::pair;
use crate::refusal::{Refusal, RefusalCode};
use crate::report::Report;
use crate::same::{self, Same};
use crate::side::{EntityId, EntityKind, Side};
use crate::site;

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
    if !obstacles.is_empty() {
        return refused(Report::default(), obstacles);
    }
    let (old_side, new_side) = (Side::new(old), Side::new(new));
    let mut pairs = pair::pair(&old_side, &new_side);
    if let Some(refusal) = preconditions::unrelated(&old_side, &pairs) {
        return refused(Report::default(), vec![refusal]);
    }
    let ignored = |name: &str| options.ignored_symbols.contains(name);
    let objects = objects::compare(&old_side, &new_side, &mut pairs, debug, options);
    let same = Same::new((&old_side, &new_side), &pairs, debug, &ignored);
    let changed = changed_functions(&same);
    let mut report = Report::default();
    describe::functions(&same, &changed, &mut report);
    describe::impact(&same, &changed, options, &mut report);
    report.data.clone_from(&objects.changes);
    let mut refusals = objects.refusals;
    refusals.extend(start_code(&same, &changed));
    let overwritten: Vec<_> = objects.overwrites.iter().map(objects::Overwritten::pair).collect();
    let layouts = layouts::compare(&same, &changed, &overwritten, options);
    refusals.extend(layouts.refusals);
    report.notes.extend(layouts.notes);
    if changed.is_empty() && objects.overwrites.is_empty() && refusals.is_empty() {
        refusals.push(no_difference(&report));
    }
    if !refusals.is_empty() {
        describe::locate(&same, &mut refusals);
        return refused(report, refusals);
    }
    emit(&same, &changed, &objects.overwrites, report, options)
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

fn no_difference(report: &Report) -> Refusal {
    let message = if report.removed.is_empty() && report.new.is_empty() {
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
    let new = (0..)
        .zip(&same.new.entities)
        .filter(|(id, _)| same.pairs.old_of(*id).is_none() && same::is_start_code(same.new, *id))
        .map(|(_, entity)| refusal(entity.name, "it is new and runs only when the program starts"));
    changed.chain(new).collect()
}

fn emit(
    same: &Same<'_, '_, '_>,
    changed: &[Changed],
    overwrites: &[objects::Overwritten],
    mut report: Report,
    options: &Options,
) -> Comparison {
    let replaced: BTreeSet<EntityId> =
        changed.iter().flat_map(|(_, new, _)| same.new.with_fragments(*new)).collect();
    let mut emitter = Emitter::new(same, replaced);
    let mut sites = Vec::new();
    for (old, new, _) in changed {
        let code = emitter.carry(*new);
        match site::site(&mut emitter, *old, code) {
            Ok(site) => sites.push(site),
            Err(refusal) => emitter.refusals.push(refusal),
        }
    }
    let hooks = hooks(&mut emitter);
    let overwrites = overwrites.iter().map(|object| object.emit(&mut emitter)).collect();
    emitter.finish_queue();
    emitter.add_frames();
    if !emitter.refusals.is_empty() {
        let mut refusals = emitter.refusals;
        describe::locate(same, &mut refusals);
        return refused(report, refusals);
    }
    (report.verdict, report.reasons) = classify(&report);
    let meta = Meta {
        schema: SCHEMA,
        tool: format!("suture {}", env!("CARGO_PKG_VERSION")),
        old: build_ref(same.old.build, &options.names.0),
        new: build_ref(same.new.build, &options.names.1),
        on: Vec::new(),
        sites,
        overwrites,
        hooks,
        report: report.clone(),
    };
    let Emitter { sections, symbols, references, .. } = emitter;
    let delta = Delta { meta, sections, symbols, references };
    match delta.validate() {
        Ok(()) => Comparison { report, delta: Some(delta) },
        Err(invalid) => refused(report, vec![inconsistent(&invalid)]),
    }
}

/// Tables of a sound build do not lead out of the build; those of a damaged or hostile one may.
fn inconsistent(invalid: &Invalid) -> Refusal {
    whole(
        RefusalCode::InconsistentBuild,
        &format!("the tables of the builds contradict each other: {invalid}"),
        "make both builds again; if it stays so, suture has a defect that should be reported",
    )
}

/// Functions of the new build that are to run in the process around an operation.
fn hooks(emitter: &mut Emitter<'_, '_, '_, '_>) -> Hooks {
    let mut find = |name: &str| hook(emitter.same, name).map(|id| emitter.carry(id));
    Hooks {
        pre_apply: find("suture_pre_apply"),
        post_apply: find("suture_post_apply"),
        pre_revert: find("suture_pre_revert"),
        post_revert: find("suture_post_revert"),
    }
}

/// A function of this name that the fix brings.
fn hook(same: &Same<'_, '_, '_>, name: &str) -> Option<EntityId> {
    let found = (0..).zip(&same.new.entities).find(|(_, entity)| entity.names.contains(&name));
    found.map(|(id, _)| id).filter(|id| same.pairs.old_of(*id).is_none())
}

/// Whether the fix brings a hook that can convert what lives before new code sees it.
fn has_apply_hook(same: &Same<'_, '_, '_>) -> bool {
    hook(same, "suture_pre_apply").is_some()
}

fn build_ref(build: &Build<'_>, name: &str) -> BuildRef {
    const PT_LOAD: u32 = 1;
    let loaded = || build.segments().iter().filter(|segment| segment.kind == PT_LOAD);
    BuildRef {
        build_id: build.build_id().map(model::hex).unwrap_or_default(),
        name: name.to_owned(),
        kind: match build.kind() {
            ElfKind::Executable => model::BuildKind::Executable,
            ElfKind::Pie => model::BuildKind::Pie,
            ElfKind::SharedLibrary => model::BuildKind::SharedLibrary,
        },
        image: Range {
            start: loaded().map(|segment| segment.address).min().unwrap_or(0),
            end: loaded().map(|segment| segment.address + segment.size).max().unwrap_or(0),
        },
        build_id_address: build.build_id_address().unwrap_or(0),
    }
}
