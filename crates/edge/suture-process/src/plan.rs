//! What has to be known of a process before an operation on it can begin.

use suture_delta::model::{self, BuildKind, Delta, JUMP_LEN, Range};
use suture_surgery::home::{Home, State};
use suture_surgery::install::{self, Installation, Order};
use suture_surgery::modules::Module;
use suture_surgery::operation::Goal;
use suture_surgery::outcome::{End, Outcome, Refusal};
use suture_surgery::placement::{self, LOW_SPACE_END, Limits, USER_SPACE_END};
use suture_surgery::switch;

use crate::patient::Patient;
use crate::scope::Scope;
use crate::surgeon::{Patch, Request};
use crate::{data, executable, freezer, inject, sys};

/// An operation can begin, or it is over already.
pub(crate) enum Plan {
    Over(Outcome),
    Operate(Box<Ready>),
}

/// What an operation begins with.
pub(crate) struct Ready {
    pub(crate) home: Home,
    pub(crate) installation: Option<Box<Installation>>,
    pub(crate) register_frames: Vec<u64>,
}

/// Works out what `request` means for `patient`.
pub(crate) fn plan(patient: &Patient, request: &Request<'_>, unix_s: u64) -> Result<Plan, Refusal> {
    if patient.status.shadow_stack {
        return Err(Refusal::Unsupported("the kernel keeps a shadow stack for it".to_owned()));
    }
    if freezer::is_frozen(patient.pid) {
        return Err(Refusal::Frozen);
    }
    let home = find(patient, request.patch.id())?;
    if let Some(home) = home {
        in_order(patient, home, request.goal)?;
        data::unchanged(patient, home)?;
    }
    let scope = Scope::new(patient);
    let register_frames = unwinders(patient, &request.patch, &scope);
    match (request.goal, request.patch, home) {
        (Goal::Apply { .. }, Patch::Delta { id, delta }, home) => {
            let applied = home.filter(|home| home.head.state == State::Applied);
            if let Some(home) = applied {
                return Ok(operate(home.clone(), None, register_frames));
            }
            let installation = prepare(patient, (id, delta), home, scope, unix_s)?;
            Ok(operate(installation.home.clone(), Some(Box::new(installation)), register_frames))
        }
        (_, _, Some(home)) => Ok(operate(home.clone(), None, register_frames)),
        // Nothing to take back is what revert wants; nothing to switch is not what toggle wants.
        (Goal::Revert, Patch::Delta { delta, .. }, None) => {
            module_of(patient, delta)?;
            Ok(Plan::Over(Outcome { end: End::Already, pause_us: 0, attempts: 0 }))
        }
        (_, _, None) => Err(Refusal::NotApplied),
    }
}

fn operate(home: Home, installation: Option<Box<Installation>>, register_frames: Vec<u64>) -> Plan {
    Plan::Operate(Box::new(Ready { home, installation, register_frames }))
}

/// Where each unwinder of the process is told of frames: that which is part of the patched build, and that which the libraries use.
fn unwinders(patient: &Patient, patch: &Patch<'_>, scope: &Scope<'_>) -> Vec<u64> {
    let own = match patch {
        Patch::Delta { delta, .. } => delta.meta.register_frames.and_then(|address| {
            let module = patient.module(&delta.meta.old.build_id)?;
            Some(address.wrapping_add(module.bias))
        }),
        Patch::Id(_) => None,
    };
    let shared = scope.function("__register_frame_info");
    own.into_iter().chain(shared.filter(|shared| Some(*shared) != own)).collect()
}

/// What gives the address of a thread's `errno`: the C library exports it, a static program has it.
fn errno(patient: &Patient, scope: &Scope<'_>) -> Option<u64> {
    const LOCATION: &str = "__errno_location";
    let exported = scope.function(LOCATION);
    exported.or_else(|| Some(executable::functions(patient, &|name| name == LOCATION).first()?.0.start))
}

fn find<'p>(patient: &'p Patient, id: &str) -> Result<Option<&'p Home>, Refusal> {
    if let Some(error) = patient.unreadable.first() {
        return Err(error.clone().into());
    }
    let found: Vec<&Home> = patient.homes.iter().filter(|home| home.record.id.starts_with(id)).collect();
    let mut ids: Vec<String> = found.iter().map(|home| home.record.id.clone()).collect();
    ids.sort();
    ids.dedup();
    if ids.len() > 1 {
        let why = format!("{id} may mean more than one patch of the process");
        return Err(Refusal::Order { why, order: ids });
    }
    // Of a patch that was applied, reverted and applied elsewhere, the living home counts.
    let applied = found.iter().find(|home| home.head.state == State::Applied);
    Ok(applied.or(found.last()).copied())
}

/// A patch on which others stand is neither reverted nor switched; they are named, newest first.
fn in_order(patient: &Patient, home: &Home, goal: Goal) -> Result<(), Refusal> {
    let id = &home.record.id;
    let mut above: Vec<&Home> = patient.applied().filter(|other| other.record.on.contains(id)).collect();
    above.sort_by_key(|other| std::cmp::Reverse(other.record.on.len()));
    if above.is_empty() || matches!(goal, Goal::Apply { .. }) {
        return Ok(());
    }
    Err(Refusal::Order {
        why: "other patches stand on it; revert these before".to_owned(),
        order: above.into_iter().map(|other| other.record.id.clone()).collect(),
    })
}

fn module_of<'p>(patient: &'p Patient, delta: &Delta) -> Result<&'p Module, Refusal> {
    let wanted = &delta.meta.old;
    patient.module(&wanted.build_id).ok_or_else(|| {
        let like = |m: &&Module| m.name == wanted.name || m.is_executable;
        let found = patient.modules.iter().filter(like);
        let found = found.filter_map(|m| Some((m.name.clone(), m.build_id.clone()?))).collect();
        Refusal::WrongBuild { wanted: wanted.build_id.clone(), found }
    })
}

fn prepare(
    patient: &Patient,
    (id, delta): (&str, &Delta),
    parked: Option<&Home>,
    scope: Scope<'_>,
    unix_s: u64,
) -> Result<Installation, Refusal> {
    let module = module_of(patient, delta)?;
    is_of(delta, module)?;
    stands_on(patient, delta)?;
    let before = before(patient, delta, module.bias)?;
    let prelude = inject::prelude();
    let uid = sys::effective_uid();
    let user = sys::user_name(uid).unwrap_or_default();
    let errno = errno(patient, &scope);
    let scope = scope.of_module(module);
    let with_copies = data::with_copies(delta, module.bias, &scope)?;
    let delta = with_copies.as_ref().unwrap_or(delta);
    let constants = data::constants(patient, delta, module.bias)?;
    let order = Order { delta, id, bias: module.bias, prelude: &prelude, unix_s, uid, user: &user, errno };
    let layout = install::layout(&order)?;
    if let Some(parked) = parked {
        let mut again = install::prepare(&order, &layout, parked.record.home.start, &before, &scope)?;
        if again.home.record == parked.record {
            again.mapped = true;
            data::keep(&mut again, &constants);
            again.home.head.frames_registered = parked.head.frames_registered;
            let bytes = suture_surgery::home::encode(&again.home);
            if let Some(header) = again.parts.first_mut() {
                header.bytes = bytes;
            }
            return Ok(again);
        }
    }
    let lowest = sys::read_file("/proc/sys/vm/mmap_min_addr").ok();
    let lowest =
        lowest.and_then(|text| String::from_utf8_lossy(&text).trim().parse().ok()).unwrap_or(1 << 16);
    let highest = if delta.meta.old.kind == BuildKind::Executable { LOW_SPACE_END } else { USER_SPACE_END };
    let image = Range { start: module.range.start, end: module.range.end };
    let base = placement::place(&patient.maps, image, layout.len(), Limits { lowest, highest })
        .ok_or(Refusal::NoRoom { len: layout.len() })?;
    let mut installation = install::prepare(&order, &layout, base, &before, &scope)?;
    data::keep(&mut installation, &constants);
    Ok(installation)
}

/// The id of a build is what the delta says, and so is where the build lies, within which all that it changes must be.
fn is_of(delta: &Delta, module: &Module) -> Result<(), Refusal> {
    let Range { start, end } = delta.meta.old.image;
    let place = Range { start: start.wrapping_add(module.bias), end: end.wrapping_add(module.bias) };
    if module.range.start <= place.start && place.start < place.end && place.end <= module.range.end {
        return Ok(());
    }
    let why = format!(
        "the delta is for a build at {start:#x} to {end:#x}, which the process has at {:#x} to {:#x}: it was not made from that build",
        module.range.start.wrapping_sub(module.bias),
        module.range.end.wrapping_sub(module.bias)
    );
    Err(Refusal::Unsupported(why))
}

/// A patch for a module that has patches already must have been made on top of them.
fn stands_on(patient: &Patient, delta: &Delta) -> Result<(), Refusal> {
    let build = &delta.meta.old.build_id;
    let on = &delta.meta.on;
    let applied: Vec<&Home> = patient.applied().filter(|home| &home.record.build_id == build).collect();
    let refused = |why: &str, order: Vec<String>| Err(Refusal::Order { why: why.to_owned(), order });
    let missing = |id: &&String| !applied.iter().any(|home| &home.record.id == *id);
    let missing: Vec<String> = on.iter().filter(missing).cloned().collect();
    if !missing.is_empty() {
        return refused("it stands on patches that are not applied; apply these before", missing);
    }
    let ids = |homes: &mut dyn Iterator<Item = &&Home>| homes.map(|home| home.record.id.clone()).collect();
    let strangers: Vec<String> = ids(&mut applied.iter().rev().filter(|home| !on.contains(&home.record.id)));
    if !strangers.is_empty() {
        return refused(
            "the module has patches that it was not made on top of; revert these before",
            strangers,
        );
    }
    let off: Vec<String> = ids(&mut applied.iter().filter(|home| !home.head.switch));
    if !off.is_empty() {
        return refused("it stands on patches that are switched off; switch these on before", off);
    }
    Ok(())
}

/// What stands at each site: the code of the build, or the jump of a patch below.
fn before(patient: &Patient, delta: &Delta, bias: u64) -> Result<Vec<[u8; JUMP_LEN]>, Refusal> {
    let addresses: Vec<u64> =
        delta.meta.sites.iter().map(|site| site.jump_address.wrapping_add(bias)).collect();
    let found = sys::read_pieces::<JUMP_LEN>(patient.pid, &addresses)
        .map_err(|error| crate::world::refused(patient.pid, &error))?;
    for (site, found) in delta.meta.sites.iter().zip(&found) {
        let address = site.jump_address.wrapping_add(bias);
        let hex = model::hex(found);
        let is_own = site.expected.starts_with(&hex);
        let is_below = patient
            .applied()
            .flat_map(|home| &home.record.sites)
            .any(|below| below.jump_address == address && *found == switch::jump_bytes(address, below.code));
        if !is_own && !is_below {
            let expected = site.expected.chars().take(2 * JUMP_LEN).collect();
            return Err(Refusal::ForeignCode { function: site.name.clone(), address, expected, found: hex });
        }
    }
    Ok(found)
}
