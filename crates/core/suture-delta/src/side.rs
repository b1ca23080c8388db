//! One of the two builds, indexed for the comparison: its functions and objects as *entities*, and every
//! address that anything refers to.

use std::collections::{BTreeMap, HashMap};

use suture_elf::frames::{FrameError, Frames};
use suture_elf::relocations::kind;
use suture_elf::{Build, Import, SymbolKind};

use crate::fields::{self, Field};
use crate::names::{self, Key};
use crate::target;

/// Index into [`Side::entities`].
pub(crate) type EntityId = u32;

/// A function or an object, under all its names.
#[derive(Debug, Clone)]
pub(crate) struct Entity<'d> {
    /// The name that is shown: a global one if there is one.
    pub(crate) name: &'d str,
    /// All its linkage names, the shown one included.
    pub(crate) names: Vec<&'d str>,
    /// Source file of a local symbol.
    pub(crate) file: Option<&'d str>,
    /// Whether one of its names is seen in its own file alone.
    pub(crate) local: bool,
    /// What pairs it.
    pub(crate) key: Key,
    /// Code or data.
    pub(crate) kind: EntityKind,
    /// Virtual address.
    pub(crate) address: u64,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Whether the running program may write to it.
    pub(crate) writable: bool,
    /// Whether it is the copy of another module's object (`R_X86_64_COPY`).
    pub(crate) imported: bool,
    /// The function of which it is the rarely executed part.
    pub(crate) parent: Option<EntityId>,
}

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EntityKind {
    /// Code.
    Function,
    /// Code that chooses a function at start.
    Resolver,
    /// Data.
    Object,
}

/// A thread-local variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TlsVariable<'d> {
    pub(crate) name: &'d str,
    pub(crate) file: Option<&'d str>,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

/// One build, indexed.
pub(crate) struct Side<'b, 'd> {
    pub(crate) build: &'b Build<'d>,
    /// Ascending by address.
    pub(crate) entities: Vec<Entity<'d>>,
    /// Thread-local variables, ascending by offset.
    pub(crate) tls: Vec<TlsVariable<'d>>,
    /// Unwind rules; an error if they can't be read.
    pub(crate) frames: Result<Frames<'d>, FrameError>,
    /// For each symbol its entity.
    by_symbol: Vec<Option<EntityId>>,
    /// Fragments of each function that has any.
    fragments: HashMap<EntityId, Vec<EntityId>>,
    /// Every address that code or data refers to and where no entity begins, ascending.
    referenced: Vec<u64>,
    /// Whether rustc has compiled any of it: its texts do not end with a NUL.
    pub(crate) has_rust: bool,
    /// Address, or offset of a thread-local variable, of everything that other modules can refer to by this name and version.
    exported: BTreeMap<Import<'d>, u64>,
}

impl<'b, 'd> Side<'b, 'd> {
    /// Indexes a build.
    pub(crate) fn new(build: &'b Build<'d>) -> Self {
        let mut side = Self {
            build,
            entities: Vec::new(),
            tls: tls_variables(build),
            frames: Frames::parse(build),
            by_symbol: vec![None; build.symbols().len()],
            fragments: HashMap::new(),
            referenced: Vec::new(),
            has_rust: build.symbols().iter().any(|symbol| names::is_rust(symbol.name)),
            exported: exported(build),
        };
        side.collect_entities();
        side.give_sizes();
        side.find_parents();
        side.collect_references();
        side
    }

    /// The entity with this id.
    pub(crate) fn entity(&self, id: EntityId) -> &Entity<'d> {
        &self.entities[id as usize]
    }

    /// The entity that a symbol names.
    pub(crate) fn of_symbol(&self, symbol: u32) -> Option<EntityId> {
        self.by_symbol.get(symbol as usize).copied().flatten()
    }

    /// Where the build has what other modules refer to as `symbol`.
    pub(crate) fn exported(&self, symbol: Import<'_>) -> Option<u64> {
        self.exported.get(&symbol).copied()
    }

    /// The entity in which an address lies.
    pub(crate) fn at(&self, address: u64) -> Option<EntityId> {
        let next = self.entities.partition_point(|entity| entity.address <= address);
        let is_hit = |entity: &Entity<'_>| address - entity.address < entity.size.max(1);
        // Entities may nest by a few; the innermost that begins last is meant.
        (next.saturating_sub(4)..next).rev().find(|id| is_hit(&self.entities[*id])).map(|id| id as EntityId)
    }

    /// The last entity that begins before `address`.
    pub(crate) fn before(&self, address: u64) -> Option<EntityId> {
        self.entities
            .partition_point(|entity| entity.address < address)
            .checked_sub(1)
            .map(|id| id as EntityId)
    }

    /// The first address above `address` where something else begins: an entity, or a place that is
    /// referred to.
    pub(crate) fn next_boundary(&self, address: u64) -> Option<u64> {
        let entity = self.entities.get(self.entities.partition_point(|entity| entity.address <= address));
        let reference = self.referenced.get(self.referenced.partition_point(|other| *other <= address));
        match (entity.map(|entity| entity.address), reference.copied()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Where the entity, or the constant without a name, is in which an address lies.
    pub(crate) fn area(&self, address: u64) -> std::ops::Range<u64> {
        if let Some(entity) = self.at(address).map(|id| self.entity(id)) {
            return entity.address..entity.address + entity.size.max(1);
        }
        let section = self.build.section_at(address);
        let (first, end) = section.map_or((address, address + 1), |s| (s.address, s.address + s.size));
        let before = self.before(address).map(|id| self.entity(id));
        let before = before.map_or(first, |entity| entity.address + entity.size);
        let reference = self.referenced.partition_point(|other| *other <= address).checked_sub(1);
        let reference = reference.and_then(|at| self.referenced.get(at)).copied().unwrap_or(first);
        let start = first.max(before.min(address)).max(reference);
        start..self.next_boundary(address).unwrap_or(end).min(end)
    }

    /// A function and its fragments.
    pub(crate) fn with_fragments(&self, id: EntityId) -> impl Iterator<Item = EntityId> + '_ {
        std::iter::once(id).chain(self.fragments.get(&id).into_iter().flatten().copied())
    }

    /// The function that an address belongs to: itself, or the one of which it is a fragment.
    pub(crate) fn whole(&self, id: EntityId) -> EntityId {
        self.entity(id).parent.unwrap_or(id)
    }

    /// Bytes of an entity in the file; `None` for what is zero at start.
    pub(crate) fn bytes(&self, id: EntityId) -> Option<&'d [u8]> {
        let entity = self.entity(id);
        self.build.read(entity.address, entity.size)
    }

    /// Whether the running program may write at `address`: neither read-only nor read-only after relocation.
    pub(crate) fn is_writable(&self, address: u64) -> bool {
        const PT_GNU_RELRO: u32 = 0x6474_e552;
        let Some(section) = self.build.section_at(address) else { return true };
        let relro = self.build.segments().iter().find(|segment| segment.kind == PT_GNU_RELRO);
        let protected = relro.is_some_and(|segment| address.wrapping_sub(segment.address) < segment.size);
        section.is_writable() && !protected && !section.name.starts_with(".data.rel.ro")
    }

    fn collect_entities(&mut self) {
        let build = self.build;
        let copies: Vec<u64> = build
            .dynamic_relocations()
            .iter()
            .filter(|relocation| relocation.kind == kind::COPY)
            .map(|relocation| relocation.address)
            .collect();
        for index in build.symbols_by_address() {
            let symbol = build.symbols()[*index as usize];
            let is_loaded = |section: u32| {
                build.sections().get(section as usize).is_some_and(suture_elf::Section::is_loaded)
            };
            // Data of no size is a label: where something begins or ends.
            let is_label = symbol.kind == SymbolKind::Object && symbol.size == 0;
            if !symbol.section.is_some_and(is_loaded) || symbol.name.is_empty() || is_label {
                continue;
            }
            let kind = match symbol.kind {
                SymbolKind::Function => EntityKind::Function,
                SymbolKind::IndirectFunction => EntityKind::Resolver,
                _ => EntityKind::Object,
            };
            match self.entities.last_mut() {
                Some(last) if last.address == symbol.address && last.kind == kind => {
                    last.names.push(symbol.name);
                    last.size = last.size.max(symbol.size);
                    last.local |= symbol.local;
                    let file = symbol.file.filter(|_| symbol.local);
                    // The order of the table says nothing: lld's changes with who refers to which name first.
                    if rank(file, symbol.name) < rank(last.file, last.name) {
                        (last.name, last.file, last.key) = (symbol.name, file, names::key(symbol.name));
                    }
                }
                _ => self.entities.push(Entity {
                    name: symbol.name,
                    names: vec![symbol.name],
                    file: symbol.file,
                    local: symbol.local,
                    key: names::key(symbol.name),
                    kind,
                    address: symbol.address,
                    size: symbol.size,
                    writable: false,
                    imported: copies.binary_search(&symbol.address).is_ok(),
                    parent: None,
                }),
            }
            self.by_symbol[*index as usize] = Some(self.entities.len() as EntityId - 1);
        }
    }

    /// Hand-written functions have no size: they end where something else begins.
    fn give_sizes(&mut self) {
        for id in 0..self.entities.len() {
            let (address, size) = (self.entities[id].address, self.entities[id].size);
            self.entities[id].writable = self.is_writable(address);
            self.entities[id].names.sort_unstable();
            if size == 0 && self.entities[id].kind != EntityKind::Object {
                let section_end = self.build.section_at(address).map_or(address, |s| s.address + s.size);
                let next = self.entities.get(id + 1).map_or(section_end, |entity| entity.address);
                self.entities[id].size = next.min(section_end) - address;
            }
        }
    }

    fn find_parents(&mut self) {
        let functions: HashMap<(&str, Option<&str>), EntityId> = (0..)
            .zip(&self.entities)
            .filter(|(_, entity)| entity.kind == EntityKind::Function)
            .flat_map(|(id, entity)| entity.names.iter().map(move |name| ((*name, entity.file), id)))
            .collect();
        for id in 0..self.entities.len() {
            let entity = &self.entities[id];
            let Some(parent) = names::fragment_parent(entity.name) else { continue };
            // A global function's fragment is local, so that it alone has a file.
            let found = functions.get(&(parent, entity.file)).or_else(|| functions.get(&(parent, None)));
            if let Some(parent) = found.copied() {
                self.entities[id].parent = Some(parent);
                self.fragments.entry(parent).or_default().push(id as EntityId);
            }
        }
    }

    /// Where what is referred to begins, if it is a constant that is known by its content: `address` may be inside it,
    /// or its end.
    fn beginning(&self, field: &Field, address: u64) -> u64 {
        let content = field.symbol.and_then(|symbol| self.of_symbol(symbol));
        let content = content.filter(|id| target::is_content(self, *id));
        field.label.or(content.map(|id| self.entity(id).address)).unwrap_or(address)
    }

    fn collect_references(&mut self) {
        let mut referenced = Vec::new();
        for (id, entity) in (0..).zip(&self.entities) {
            if entity.kind == EntityKind::Object {
                continue;
            }
            for field in fields::of_code(self, id) {
                let address = self.beginning(&field, field.address);
                let in_data = self.build.section_at(address).is_some_and(|section| !section.is_code());
                if in_data {
                    referenced.push(address);
                }
            }
        }
        for relocation in self.build.relocations() {
            if relocation.kind == kind::ABS64
                && self.build.section_at(relocation.address).is_some_and(|section| !section.is_code())
                && let Some(address) = fields::pointer(self.build, relocation.address)
            {
                let field = fields::of_data(self.build, relocation.address, 1, false).into_iter().next();
                referenced.push(field.map_or(address, |field| self.beginning(&field, address)));
            }
        }
        referenced.sort_unstable();
        referenced.dedup();
        self.referenced = referenced;
    }
}

fn exported<'d>(build: &Build<'d>) -> BTreeMap<Import<'d>, u64> {
    let symbols = (0..).zip(build.dynamic_symbols());
    let defined = symbols.filter(|(_, symbol)| symbol.section.is_some() && !symbol.local);
    defined.filter_map(|(index, symbol)| Some((build.import(index)?, symbol.address))).collect()
}

/// Of several names the one is shown that has the lowest: a global one if there is one.
fn rank<'n>(file: Option<&str>, name: &'n str) -> (bool, usize, &'n str) {
    (file.is_some(), name.len(), name)
}

fn tls_variables<'d>(build: &Build<'d>) -> Vec<TlsVariable<'d>> {
    let mut variables: Vec<_> = build
        .symbols()
        .iter()
        .filter(|symbol| {
            symbol.kind == SymbolKind::Tls && symbol.section.is_some() && !symbol.name.is_empty()
        })
        .map(|s| TlsVariable { name: s.name, file: s.file, offset: s.address, size: s.size })
        .collect();
    variables.sort_by_key(|variable| (variable.offset, variable.name));
    variables.dedup_by_key(|variable| (variable.offset, variable.name));
    variables
}
