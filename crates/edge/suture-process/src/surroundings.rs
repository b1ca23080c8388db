//! What lies where in a process, for those who judge its stacks.
//!
//! An operation may wait many seconds for its moment, and the process goes on meanwhile: libraries are loaded,
//! threads get stacks. Looked at only once, a thread that waits in a library loaded since would count as busy for
//! ever. So this is renewed before each stop; code that moved is indexed anew, which most times is none.

use std::sync::{Mutex, OnceLock, PoisonError};

use suture_delta::model::Range;
use suture_surgery::busy::Forbidden;
use suture_surgery::maps::{self, Mapping};
use suture_surgery::memory::Paged;
use suture_surgery::modules::{self, Module};
use suture_surgery::outcome::{FrameText, Refusal};
use suture_surgery::reentrancy;
use suture_surgery::resolve::ResolveError;
use suture_surgery::unwind::{ModuleFrames, Stack, Unwinder};

use crate::patient::Patient;
use crate::{executable, proc, world};

/// Mappings, modules and unwind tables of a process at one moment.
pub(crate) struct Surroundings {
    maps: Vec<Mapping>,
    modules: Vec<Module>,
    /// To be cloned by each thread of the surgeon; it is none of those that can be shared.
    unwinder: Mutex<Unwinder>,
    /// Functions that hold locks, once somebody has asked.
    guarded: OnceLock<Result<Forbidden, ResolveError>>,
}

impl Surroundings {
    /// As the process was when it was examined.
    pub(crate) fn examined(patient: &Patient) -> Self {
        let unwinder = unwinder(patient, &patient.maps, &patient.modules);
        Self {
            maps: patient.maps.clone(),
            modules: patient.modules.clone(),
            unwinder: Mutex::new(unwinder),
            guarded: OnceLock::new(),
        }
    }

    /// Looks again.
    pub(crate) fn renew(&mut self, patient: &Patient) -> Result<(), Refusal> {
        let text =
            proc::read_text(patient.pid, "maps").map_err(|error| world::refused(patient.pid, &error))?;
        let maps = maps::parse(&text).map_err(|error| Refusal::Unsupported(error.to_string()))?;
        if !code(&maps).eq(code(&self.maps)) {
            self.modules = modules::find(&maps, &patient.memory, &patient.auxv);
            self.unwinder = Mutex::new(unwinder(patient, &maps, &self.modules));
            self.guarded = OnceLock::new();
        }
        self.maps = maps;
        Ok(())
    }

    /// What follows stacks here, for one thread of the surgeon.
    pub(crate) fn unwinder(&self) -> Unwinder {
        self.unwinder.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The top of the stack on which a thread with these registers runs, if it is the thread's own.
    pub(crate) fn stack_top(&self, stack_pointer: u64, thread_pointer: u64) -> Option<u64> {
        let at = self.maps.partition_point(|mapping| mapping.range.end <= stack_pointer);
        let mapping = self.maps.get(at).filter(|mapping| mapping.range.contains(stack_pointer))?;
        if mapping.range.contains(thread_pointer) && thread_pointer > stack_pointer {
            return Some(thread_pointer & !7);
        }
        (mapping.path.as_deref() == Some("[stack]")).then_some(mapping.range.end)
    }

    /// Where the kernel lets functions return to that a probe waits for: their own return addresses are on no
    /// stack then.
    pub(crate) fn probed(&self) -> Vec<Range> {
        let is_it = |mapping: &&Mapping| mapping.path.as_deref() == Some("[uprobes]");
        self.maps.iter().filter(is_it).map(|mapping| mapping.range).collect()
    }

    /// Functions in which a thread may hold a lock that code called on it would wait for. An error if the process does not tell which it
    /// has.
    pub(crate) fn guarded(&self, patient: &Patient) -> Result<&Forbidden, ResolveError> {
        self.guarded.get_or_init(|| guarded(patient, &self.modules)).as_ref().map_err(Clone::clone)
    }

    /// A stack for people.
    pub(crate) fn stack_text(&self, patient: &Patient, stack: &Stack) -> Vec<FrameText> {
        let text = |pc| FrameText { pc, place: self.place(patient, pc) };
        stack.frames.iter().map(|frame| text(frame.pc)).collect()
    }

    fn place(&self, patient: &Patient, pc: u64) -> String {
        let functions = patient.homes.iter().flat_map(|home| &home.record.functions);
        if let Some(function) = functions.into_iter().find(|function| function.range.contains(pc)) {
            return format!("{}+{:#x} (patch)", function.name, pc - function.range.start);
        }
        match self.modules.iter().find(|module| module.range.contains(pc)) {
            Some(module) => format!("{}+{:#x}", module.name, pc.wrapping_sub(module.bias)),
            None => String::new(),
        }
    }
}

/// What modules export, and what of the program itself only its file knows.
fn guarded(patient: &Patient, modules: &[Module]) -> Result<Forbidden, ResolveError> {
    let exported = reentrancy::guarded(modules, &Paged::new(&patient.memory));
    let mut ranges = exported?;
    ranges.extend(executable::functions(patient, &reentrancy::is_guarded));
    Ok(Forbidden::new(&ranges, &[]))
}

/// The mappings that hold code.
fn code(maps: &[Mapping]) -> impl Iterator<Item = &Mapping> {
    maps.iter().filter(|mapping| mapping.executable)
}

/// Unwind tables of all modules and patches. Code without any is followed no further.
fn unwinder(patient: &Patient, maps: &[Mapping], modules: &[Module]) -> Unwinder {
    let modules = modules.iter().filter_map(|module| {
        let frames = ModuleFrames::of_module(module, &patient.memory);
        frames.inspect_err(|error| tracing::debug!(module.name, %error, "no unwind tables")).ok()
    });
    let homes = patient.homes.iter().filter_map(|home| {
        let record = &home.record;
        let start = record.frames?;
        let end = maps.iter().find(|mapping| mapping.range.contains(start))?.range.end;
        let name = format!("suture:{}", record.id.get(..12).unwrap_or(&record.id));
        ModuleFrames::of_eh_frame(&name, vec![record.text], Range { start, end }, &patient.memory).ok()
    });
    Unwinder::new(modules.chain(homes).collect())
}
