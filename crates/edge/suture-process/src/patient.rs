//! A process as the surgeon finds it: its mappings, modules, and the patches that are in it.

use std::io;

use suture_delta::model::{JUMP_LEN, Range};
use suture_surgery::home::{self, Home, HomeError, State};
use suture_surgery::maps::{self, Mapping};
use suture_surgery::memory::{Memory as _, Paged};
use suture_surgery::modules::{self, Module};
use suture_surgery::outcome::Refusal;
use suture_surgery::switch::{SiteState, site_state};
use suture_surgery::symbol_file::{Content, symbol_file};

use crate::install::HOME_NAME;
use crate::memory::RemoteMemory;
use crate::{filters, freezer, memory_left, proc, sys, world};

/// A process, looked at without being stopped.
#[derive(Debug)]
pub struct Patient {
    /// Its id in this PID namespace.
    pub pid: i32,
    /// When it was started, ticks since boot.
    pub start: u64,
    pub(crate) memory: RemoteMemory,
    pub(crate) status: proc::Status,
    pub(crate) maps: Vec<Mapping>,
    pub(crate) auxv: Vec<u8>,
    /// What it has loaded.
    pub modules: Vec<Module>,
    /// The patches in it, parked ones included, in the order in which they were applied.
    pub homes: Vec<Home>,
    /// Pieces of memory that are named as homes and hold none, or one that can't be read.
    pub unreadable: Vec<HomeError>,
}

/// Whether a patch could be put into a process, as far as that can be seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prospect {
    /// Nothing is in the way.
    Clear,
    /// It can't be seen from outside, and this is why.
    Open(String),
    /// Nothing could be put into it.
    Blocked(Refusal),
}

impl Patient {
    /// Looks at a process. Refused without the right to read its memory, and for what is no program.
    pub fn examine(pid: i32) -> Result<Self, Refusal> {
        let refused = |error: io::Error| world::refused(pid, &error);
        let (status, memory) = open(pid)?;
        let (_, start) = proc::state_and_start(pid).map_err(|_| Refusal::Gone)?;
        let text = proc::read_text(pid, "maps").map_err(denied(pid))?;
        let maps = maps::parse(&text).map_err(|error| Refusal::Unsupported(error.to_string()))?;
        let auxv = proc::read(pid, "auxv").map_err(refused)?;
        let modules = modules::find(&maps, &Paged::new(&memory), &auxv);
        let mut patient = Self {
            pid,
            start,
            memory,
            status,
            maps,
            auxv,
            modules,
            homes: Vec::new(),
            unreadable: Vec::new(),
        };
        patient.find_homes();
        Ok(patient)
    }

    /// The module that is this build.
    pub fn module(&self, build_id: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.build_id.as_deref() == Some(build_id))
    }

    /// Patches that are part of the program, on or off, oldest first.
    pub fn applied(&self) -> impl Iterator<Item = &Home> {
        self.homes.iter().filter(|home| home.head.state == State::Applied)
    }

    /// Whether jumps and changed objects are as the switch of a patch says. They are not while an operation is under way, nor after one that
    /// was cut short, until the next has finished or undone it.
    pub fn is_settled(&self, home: &Home) -> bool {
        let sites = &home.record.sites;
        let addresses: Vec<u64> = sites.iter().map(|site| site.jump_address).collect();
        let Ok(found) = sys::read_pieces::<JUMP_LEN>(self.pid, &addresses) else { return false };
        let want = if home.head.switch { SiteState::Code } else { SiteState::Before };
        let as_wanted = sites.iter().zip(found).all(|(site, bytes)| site_state(site, bytes) == want);
        as_wanted && home.data_settled()
    }

    /// Whether any patch could be put into this process.
    pub fn prospect(&self) -> Prospect {
        match self.obstacle() {
            Some(refusal) => Prospect::Blocked(refusal),
            None => filters::prospect(self.pid).unwrap_or_else(Prospect::Blocked),
        }
    }

    fn obstacle(&self) -> Option<Refusal> {
        if let Some(error) = self.unreadable.first() {
            return Some(error.clone().into());
        }
        if let Some(refusal) = world::traced(self.pid) {
            return Some(refusal);
        }
        if self.status.shadow_stack {
            return Some(Refusal::Unsupported("the kernel keeps a shadow stack for it".to_owned()));
        }
        if freezer::is_frozen(self.pid) {
            return Some(Refusal::Frozen);
        }
        if let Err(refusal) = memory_left::any(self.pid, 0) {
            return Some(refusal);
        }
        let has_build = self.modules.iter().any(|module| module.build_id.is_some());
        (!has_build).then(|| Refusal::WrongBuild { wanted: "with a build-id".to_owned(), found: Vec::new() })
    }

    /// What `/proc/PID/maps` calls the memory of a patch, and a file with its symbols for debuggers and
    /// profilers.
    ///
    /// # Errors
    /// The process has gone.
    pub fn symbols(&self, home: &Home) -> Result<(String, Vec<u8>), Refusal> {
        let record = &home.record;
        let read = |range: Range| self.memory.read_vec(range.start, range.len()).map_err(|_| Refusal::Gone);
        let mapping = |address: u64| self.maps.iter().find(|mapping| mapping.range.contains(address));
        let text = read(record.text)?;
        let frames = record.frames.and_then(|start| Some(Range { start, end: mapping(start)?.range.end }));
        let frames = frames.map(read).transpose()?.unwrap_or_default();
        let frames = frames.get(..table_len(&frames)).unwrap_or_default();
        let name = mapping(record.home.start).and_then(|mapping| mapping.path.clone()).unwrap_or_default();
        // No memory file has a name in any directory.
        Ok((format!("{name} (deleted)"), symbol_file(home, Content { text: &text, frames })))
    }

    fn find_homes(&mut self) {
        let is_home =
            |mapping: &&Mapping| mapping.offset == 0 && mapping.path.as_deref().is_some_and(is_home_name);
        let mut room = home::BODIES_LEN_MAX;
        for mapping in self.maps.iter().filter(is_home) {
            match home::decode(&self.memory, mapping.range.start, &mut room) {
                Ok(home) => self.homes.push(home),
                Err(error) => self.unreadable.push(error),
            }
        }
        // A patch stands behind all those that it stands on.
        self.homes.sort_by_key(|home| (home.record.on.len(), home.head.changed_at, home.record.home.start));
    }
}

/// Opens the memory of a process.
pub(crate) fn open(pid: i32) -> Result<(proc::Status, RemoteMemory), Refusal> {
    let status = proc::status(pid).map_err(|_| Refusal::Gone)?;
    if status.no_memory {
        return Err(Refusal::Unsupported(
            "it has no memory of its own: a kernel thread, or ended".to_owned(),
        ));
    }
    let memory = RemoteMemory::open(pid).map_err(denied(pid))?;
    Ok((status, memory))
}

/// Whether memory of this name is that of a patch. A process may give memory any name, and names of patches become part of what
/// other programs read.
fn is_home_name(path: &str) -> bool {
    let id = path.strip_prefix("/memfd:").and_then(|name| name.strip_prefix(HOME_NAME));
    id.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Length of the unwind table that `bytes` begin with: entries, each with its length before it, up to one of
/// length 0.
fn table_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(len) = bytes.get(at..at + 4).and_then(|len| len.try_into().ok()).map(u32::from_le_bytes) {
        at = at.saturating_add(4 + len as usize);
        if len == 0 {
            return at;
        }
    }
    0
}

/// Files of `/proc` that need the right to trace say `EACCES` where tracing says `EPERM`.
fn denied(pid: i32) -> impl Fn(io::Error) -> Refusal {
    move |error| match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => world::refused(pid, &io::Error::from_raw_os_error(libc::EPERM)),
        Some(libc::ENOENT) => Refusal::Gone,
        _ => world::refused(pid, &error),
    }
}
