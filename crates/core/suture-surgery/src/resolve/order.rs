//! In which order the dynamic linker searches the objects of a process for one module.
//!
//! What is opened with `dlopen` sees the objects of the program's start and those opened with `RTLD_GLOBAL`, then itself and what
//! came with it; with `RTLD_DEEPBIND` or `-Bsymbolic` the other way round. glibc keeps the list for each module: `l_scope` of its
//! `struct link_map`, an array of pointers to lists of objects (elf/dl-object.c, elf/dl-open.c).
//!
//! ```text
//!  _rtld_global ─► _dl_ns[0] = { _ns_loaded, _ns_nloaded, _ns_main_searchlist, … }
//!                                    │                          │
//!                                    ▼                          ▼ inside of it
//!                    the program's link_map { … l_searchlist = { r_list, r_nlist } … l_scope ─► [ &l_searchlist, …, 0 ] … }
//! ```
//!
//! Where `l_scope` is in a `struct link_map` differs between versions, so it is looked for in the program's: the one word that
//! points to a pointer to the program's own list. All that is read is checked against the list of loaded objects. Where it does not
//! agree with that, or with another C library, the order is not known; then a symbol that the module has itself must be the only
//! one, or the program's.

use super::{OBJECTS_MAX, Object, ResolveError, Scope, find_in, held, named};
use crate::memory::{Memory, MemoryError};
use crate::resolve::Found;

/// glibc's own data about what is loaded, a symbol of its dynamic linker.
const RTLD_GLOBAL: &str = "_rtld_global";
/// Offset of `_ns_main_searchlist` in `struct link_namespaces`; `_ns_loaded` is its first word.
const NS_MAIN_SEARCHLIST_OFFSET: u64 = 16;
/// How many bytes of a `struct link_map` are looked through; it has about 1200.
const LINK_MAP_LEN_MAX: u64 = 2048;
/// Most lists for one module: one for each `dlopen` that brought it.
const LISTS_MAX: u64 = 1 << 10;

/// In which order objects are searched for one module.
#[derive(Debug)]
pub struct Order {
    /// Indices into the scope's objects; `None` if the linker's list can't be read.
    known: Option<Vec<usize>>,
    /// The module itself.
    module: Option<usize>,
}

impl Scope {
    /// The order for the module whose dynamic section is at `dynamic`.
    pub fn order(&self, dynamic: Option<u64>, memory: &dyn Memory) -> Order {
        let module = self.objects.iter().position(|object| Some(object.dynamic) == dynamic);
        let known = module.and_then(|module| match self.objects[module].map {
            0 => Some((0..self.objects.len()).collect()),
            map => self.linkers_order(map, memory).filter(|order| order.contains(&module)),
        });
        Order { known, module }
    }

    /// The definition of `symbol`, with this version or with its default version, that a reference of a module means.
    pub fn find_for(
        &self,
        order: &Order,
        symbol: &str,
        version: Option<&str>,
        memory: &dyn Memory,
    ) -> Result<Option<Found>, ResolveError> {
        let found = match &order.known {
            Some(objects) => self.find_among(objects.iter().copied(), symbol, version, memory)?,
            None => self.only_one(order, symbol, version, memory)?,
        };
        match found {
            Some(found) if found.is_unique => {
                self.agreed(symbol, version, memory).map(|agreed| agreed.or(Some(found)))
            }
            Some(found) => Ok(Some(found)),
            None => self.find(symbol, version, memory),
        }
    }

    /// The first object of another module that has the symbol, a thread-local variable perhaps, so that a reference of this module
    /// would mean that one: its name in the list of objects is not known here, its dynamic section is.
    pub fn others(
        &self,
        order: &Order,
        symbol: &str,
        version: Option<&str>,
        memory: &dyn Memory,
    ) -> Result<Option<u64>, ResolveError> {
        let all = || (0..self.objects.len()).collect();
        let seen = order.known.clone().unwrap_or_else(all);
        for index in seen.iter().copied() {
            let Some(object) = self.objects.get(index) else { continue };
            if !named(&object.tables, symbol, version, memory)?.is_empty() {
                // Where the order is not known, it may be another's all the same.
                let is_own = order.module == Some(index);
                if !is_own || order.known.is_some() {
                    return Ok((!is_own).then_some(object.dynamic));
                }
            }
        }
        for object in &self.objects {
            let found = find_in(&object.tables, symbol, version, memory)?;
            if found.is_some_and(|found| found.is_unique) {
                return Ok(Some(object.dynamic));
            }
        }
        Ok(None)
    }

    /// What a module means that has the symbol itself, if it can be nothing else.
    fn only_one(
        &self,
        order: &Order,
        symbol: &str,
        version: Option<&str>,
        memory: &dyn Memory,
    ) -> Result<Option<Found>, ResolveError> {
        let own = self.find_among(order.module, symbol, version, memory)?;
        let first = self.find(symbol, version, memory)?;
        let programs = self.find_among([0], symbol, version, memory)?;
        if own.is_none() || programs.is_some() {
            return Ok(first);
        }
        let mut all = self.objects.iter().map(|object| find_in(&object.tables, symbol, version, memory));
        let is_only = all.try_fold(true, |only, found| {
            Ok::<_, ResolveError>(only && (found?.is_none_or(|found| Some(found) == own)))
        })?;
        if is_only { Ok(own) } else { Err(ResolveError::Ambiguous) }
    }

    /// The definition that all modules use of a symbol of which a process uses one (`STB_GNU_UNIQUE`): the linker keeps a table of
    /// them by name, whatever the order, and those that have looked for it hold the answer. `None` if nobody has.
    fn agreed(
        &self,
        symbol: &str,
        version: Option<&str>,
        memory: &dyn Memory,
    ) -> Result<Option<Found>, ResolveError> {
        for Object { tables, .. } in &self.objects {
            if let Some(found) = held::held_by(tables, symbol, version, memory)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The linker's own order for the object with this `struct link_map`.
    fn linkers_order(&self, map: u64, memory: &dyn Memory) -> Option<Vec<usize>> {
        let scope = memory.read_u64(map.wrapping_add(self.scope_offset(memory)?)).ok()?;
        let mut order = Vec::new();
        for at in 0..LISTS_MAX {
            let list = memory.read_u64(scope.wrapping_add(at * 8)).ok()?;
            if list == 0 {
                return Some(order);
            }
            for map in maps_of(list, memory).ok()? {
                if !self.maps.contains(&map) {
                    return None;
                }
                let object = self.objects.iter().position(|object| object.map == map);
                order.extend(object.filter(|object| !order.contains(object)));
            }
        }
        None
    }

    /// Offset of `l_scope` in a `struct link_map`.
    fn scope_offset(&self, memory: &dyn Memory) -> Option<u64> {
        let program = *self.maps.first()?;
        let global = self.find(RTLD_GLOBAL, None, memory).ok()??.address;
        let list = memory.read_u64(global.wrapping_add(NS_MAIN_SEARCHLIST_OFFSET)).ok()?;
        let is_inside = (1..LINK_MAP_LEN_MAX).contains(&list.wrapping_sub(program));
        let is_known = memory.read_u64(global) == Ok(program)
            && is_inside
            && maps_of(list, memory).is_ok_and(|maps| maps.first() == Some(&program));
        let leads_there = |offset: &u64| {
            let word = memory.read_u64(program.wrapping_add(*offset));
            word.and_then(|word| memory.read_u64(word)) == Ok(list)
        };
        (0..LINK_MAP_LEN_MAX).step_by(8).find(leads_there).filter(|_| is_known)
    }
}

/// The objects of a `struct r_scope_elem`.
fn maps_of(list: u64, memory: &dyn Memory) -> Result<Vec<u64>, MemoryError> {
    let (maps, count) =
        (memory.read_u64(list)?, memory.read_u64(list.wrapping_add(8))? & u64::from(u32::MAX));
    let bytes = memory.read_vec(maps, count.min(OBJECTS_MAX as u64) * 8)?;
    Ok(bytes.chunks_exact(8).map(super::dynamic::number).collect())
}
