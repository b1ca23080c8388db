//! From what changed to a delta: the functions, objects and hooks that travel, and who the delta is for.

use std::collections::{BTreeMap, BTreeSet};

use suture_elf::{Build, BuildKind as ElfKind};

use super::{Changed, whole};
use crate::emit::Emitter;
use crate::format::Invalid;
use crate::model::{self, BuildRef, Delta, Hooks, Meta, Range, SCHEMA, SectionKind};
use crate::names;
use crate::objects::Overwritten;
use crate::options::Options;
use crate::refusal::{Refusal, RefusalCode};
use crate::report::{Report, Verdict};
use crate::same::Same;
use crate::side::EntityId;
use crate::site;
use crate::stack::Standing;

/// What is to be carried.
#[derive(Clone, Copy)]
pub(super) struct Order<'o> {
    pub(super) changed: &'o [Changed],
    pub(super) overwrites: &'o [Overwritten],
    /// What the process has already.
    pub(super) standing: &'o Standing,
    pub(super) options: &'o Options,
}

/// A delta, and where the functions and objects of the new build are in it.
pub(super) struct Emitted {
    pub(super) delta: Delta,
    pub(super) carried: BTreeMap<EntityId, u32>,
}

/// Writes the delta down, with a report that says no more than that it is hot.
pub(super) fn emit(same: &Same<'_, '_, '_>, order: Order<'_>) -> Result<Emitted, Vec<Refusal>> {
    let Order { changed, overwrites, standing, options } = order;
    let replaced: BTreeSet<EntityId> =
        changed.iter().flat_map(|(_, new, _)| same.new.with_fragments(*new)).collect();
    let mut emitter = Emitter::new(same, replaced, standing);
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
    emitter.join_neighbours();
    let register_frames = own_unwinder(&mut emitter);
    if !emitter.refusals.is_empty() {
        return Err(emitter.refusals);
    }
    let report = Report { verdict: Verdict::Hot, ..Report::default() };
    let meta = Meta {
        schema: SCHEMA,
        tool: format!("suture {}", env!("CARGO_PKG_VERSION")),
        old: build_ref(same.old.build, &options.names.0),
        new: build_ref(same.new.build, &options.names.1),
        on: options.below.iter().map(|earlier| earlier.id.to_string()).collect(),
        sites,
        overwrites,
        hooks,
        register_frames,
        report,
    };
    let carried = emitter.carried();
    let Emitter { sections, symbols, references, .. } = emitter;
    let mut delta = Delta { meta, sections, symbols, references };
    delta.meta.schema = delta.lowest_schema();
    match delta.validate() {
        Ok(()) => Ok(Emitted { delta, carried }),
        Err(invalid) => Err(vec![inconsistent(&invalid)]),
    }
}

/// Where the unwinder that is part of the old build is told of the frames that the delta has. Without it the first exception that
/// passes through new code would end the process.
fn own_unwinder(emitter: &mut Emitter<'_, '_, '_, '_>) -> Option<u64> {
    const REGISTER: &str = "__register_frame_info";
    emitter.sections.iter().find(|section| section.kind == SectionKind::Frames)?;
    let symbols = emitter.same.old.build.symbols();
    let defined = |name| {
        symbols
            .iter()
            .find(|symbol| symbol.name == name && symbol.section.is_some())
            .map(|found| found.address)
    };
    let register = defined(REGISTER);
    if register.is_none() && defined("_Unwind_RaiseException").is_some() {
        let message = format!(
            "the unwinder that is linked into the old build can't be told of new code ({REGISTER} is not there)"
        );
        let help = format!(
            "link with -Wl,--undefined={REGISTER} for the next time, or with the shared libgcc_s; restart with the new build"
        );
        emitter.refusals.push(whole(RefusalCode::UnwinderClosed, &message, &help));
    }
    register
}

/// Tables of a sound build do not lead out of the build; those of a damaged or hostile one may.
fn inconsistent(invalid: &Invalid) -> Refusal {
    let refusal = whole(
        RefusalCode::InconsistentBuild,
        &format!("the tables of the builds contradict each other: {invalid}"),
        "make both builds again; if it stays so, suture has a defect that should be reported",
    );
    Refusal { symbol: invalid.place.name().map(names::demangle).unwrap_or_default(), ..refusal }
}

/// Functions of the new build that are to run in the process around an operation.
fn hooks(emitter: &mut Emitter<'_, '_, '_, '_>) -> Hooks {
    // A hook that an earlier patch brought has run.
    let standing = emitter.standing;
    let mut find = |name: &str| {
        let id = hook(emitter.same, name).filter(|id| standing.provided(*id).is_none())?;
        Some(emitter.carry(id))
    };
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
pub(super) fn has_apply_hook(same: &Same<'_, '_, '_>) -> bool {
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
