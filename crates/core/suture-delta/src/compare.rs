//! The comparison of two builds: what changed, whether it can be hot, and the delta if it can.

use std::collections::BTreeSet;

use suture_elf::{Build, BuildKind as ElfKind};

use crate::emit::Emitter;
use crate::format::Invalid;
use crate::model::{self, BuildRef, Delta, Hooks, Meta, Range, SCHEMA};
use crate::names;
use crate::objects;
use crate::options::Options;
use crate::pair::{self, Pairs};
use crate::refusal::{Refusal, RefusalCode};
use crate::report::{ChangedFunction, FunctionRef, Report, Verdict};
use crate::same::{self, Lines, Same};
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

/// Debug information of the two builds, as far as the comparison needs it.
#[derive(Clone, Copy)]
pub struct DebugLines<'a> {
    /// Of the old build.
    pub old: &'a dyn Lines,
    /// Of the new build.
    pub new: &'a dyn Lines,
}

/// At least this part of the old functions must have a partner, or the builds are no build and its fix.
const RELATED_PERCENT_MIN: usize = 40;

/// Compares two builds of one program.
pub fn compare(old: &Build<'_>, new: &Build<'_>, lines: DebugLines<'_>, options: &Options) -> Comparison {
    let preconditions = preconditions(old, new);
    if !preconditions.is_empty() {
        return refused(Report::default(), preconditions);
    }
    let (old_side, new_side) = (Side::new(old), Side::new(new));
    let mut pairs = pair::pair(&old_side, &new_side);
    if let Some(refusal) = unrelated(&old_side, &pairs) {
        return refused(Report::default(), vec![refusal]);
    }
    let ignored = |name: &str| options.ignored_symbols.contains(name);
    let objects = objects::compare(&old_side, &new_side, &mut pairs, (lines.old, lines.new), options);
    let same = Same::new((&old_side, &new_side), &pairs, (lines.old, lines.new), &ignored);
    let changed = changed_functions(&same);
    let mut report = Report::default();
    describe(&same, &changed, &mut report);
    report.data.clone_from(&objects.changes);
    let mut refusals = objects.refusals;
    refusals.extend(start_code(&same, &changed));
    if changed.is_empty() && objects.overwrites.is_empty() && refusals.is_empty() {
        refusals.push(no_difference(&report));
    }
    if !refusals.is_empty() {
        return refused(report, refusals);
    }
    emit(&same, &changed, &objects.overwrites, report, options)
}

fn refused(mut report: Report, refusals: Vec<Refusal>) -> Comparison {
    report.verdict = Verdict::FullUpdate;
    report.reasons = refusals.iter().map(|r| format!("{}: {}", r.code, r.message)).collect();
    report.refusals = refusals;
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

/// What must hold of any two builds before their contents are looked at.
fn preconditions(old: &Build<'_>, new: &Build<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut refuse = |code, message: &str, help: &str| refusals.push(whole(code, message, help));
    if old.kind() != new.kind() {
        refuse(
            RefusalCode::WrongArchitecture,
            "one build is position-independent, or a library, and the other is not",
            "make both builds with the same options",
        );
    }
    for (which, build) in [("old", old), ("new", new)] {
        if build.symbols().len() < 2 {
            let message = format!("the {which} build has no symbol table");
            refuse(RefusalCode::NoSymbols, &message, "give the build as the linker wrote it, not stripped");
        }
        if build.build_id().is_none() {
            let message = format!("the {which} build has no build-id");
            refuse(RefusalCode::NoBuildId, &message, "link with -Wl,--build-id");
        }
    }
    match (old.relocations().is_empty(), new.relocations().is_empty()) {
        (false, false) => {}
        (true, true) => refuse(
            RefusalCode::NoRelocations,
            "neither build has the relocations of its linker",
            "link both with -Wl,--emit-relocs (rustc: -C link-arg=-Wl,--emit-relocs)",
        ),
        (old_without, _) => refuse(
            RefusalCode::UnlikeBuilds,
            &format!(
                "the {} build was linked without --emit-relocs and the other with it",
                if old_without { "old" } else { "new" }
            ),
            "make both builds with the same options",
        ),
    }
    refusals
}

fn unrelated(old: &Side<'_, '_>, pairs: &Pairs) -> Option<Refusal> {
    let functions = (0..).zip(&old.entities).filter(|(_, entity)| entity.kind == EntityKind::Function);
    let (mut total, mut paired) = (0, 0);
    for (id, _) in functions {
        total += 1;
        paired += usize::from(pairs.new_of(id).is_some());
    }
    (paired * 100 < total * RELATED_PERCENT_MIN).then(|| {
        let message = format!("of {total} functions of the old build the new one has {paired}");
        whole(RefusalCode::UnrelatedBuilds, &message, "give a build and the same build with the fix")
    })
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

fn describe(same: &Same<'_, '_, '_>, changed: &[Changed], report: &mut Report) {
    let size = |side: &Side<'_, '_>, id| side.with_fragments(id).map(|part| side.entity(part).size).sum();
    for (old, new, why) in changed {
        let entity = same.new.entity(*new);
        report.changed.push(ChangedFunction {
            name: names::demangle(entity.name),
            symbol: entity.name.to_owned(),
            file: entity.file.unwrap_or_default().to_owned(),
            line: 0,
            old_size: size(same.old, *old),
            new_size: size(same.new, *new),
            why: (*why).to_owned(),
        });
    }
    let function = |side: &Side<'_, '_>, id: EntityId| FunctionRef {
        name: names::demangle(side.entity(id).name),
        symbol: side.entity(id).name.to_owned(),
        file: side.entity(id).file.unwrap_or_default().to_owned(),
        line: 0,
        size: size(side, id),
    };
    let is_own = |side: &Side<'_, '_>, id: EntityId| {
        side.entity(id).kind == EntityKind::Function && side.entity(id).parent.is_none()
    };
    report.new = (0..same.new.entities.len() as EntityId)
        .filter(|id| is_own(same.new, *id) && same.pairs.old_of(*id).is_none())
        .map(|id| function(same.new, id))
        .collect();
    report.removed = (0..same.old.entities.len() as EntityId)
        .filter(|id| is_own(same.old, *id) && same.pairs.new_of(*id).is_none())
        .map(|id| function(same.old, id))
        .collect();
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
        return refused(report, emitter.refusals);
    }
    report.verdict = Verdict::Hot;
    report.reasons = vec![format!(
        "{} functions are replaced, nothing that lives in the process changes its form",
        sites.len()
    )];
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
    let mut find = |name: &str| {
        let new = emitter.same.new;
        let id =
            (0..).zip(&new.entities).find(|(_, entity)| entity.names.contains(&name)).map(|(id, _)| id)?;
        emitter.same.pairs.old_of(id).is_none().then(|| emitter.carry(id))
    };
    Hooks {
        pre_apply: find("suture_pre_apply"),
        post_apply: find("suture_post_apply"),
        pre_revert: find("suture_pre_revert"),
        post_revert: find("suture_post_revert"),
    }
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
