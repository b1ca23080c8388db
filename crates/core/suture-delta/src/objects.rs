//! Data: what is new, what changed, and what may be done about it.
//!
//! Live state is never silently overwritten. A constant that changed is replaced where it stands if it
//! fits; one that grew becomes a new object, and the code that refers to it changed with it: but not that of
//! other modules, so that one that they may refer to is refused. What the program may write keeps its value
//! unless the author says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use suture_elf::relocations::kind;
use suture_elf::{Build, Relocation as Relocated, Slot};

use crate::compare::Debug;
use crate::emit::Emitter;
use crate::format::TEMPLATE_PREFIX;
use crate::model::{Expected, Overwrite, Relocation, RelocationKind, SectionKind, SymbolKind};
use crate::names;
use crate::options::{DataAction, Options};
use crate::pair::Pairs;
use crate::refusal::{Refusal, RefusalCode};
use crate::report::DataChange;
use crate::same::Same;
use crate::side::{Entity, EntityId, EntityKind, Side, TlsVariable};
use crate::target;

/// What the comparison of the data found.
pub(crate) struct Objects {
    pub(crate) changes: Vec<DataChange>,
    pub(crate) overwrites: Vec<Overwritten>,
    /// Constants, old and new, that don't fit where they stood and get a place of their own.
    pub(crate) grown: Vec<(EntityId, EntityId)>,
    pub(crate) refusals: Vec<Refusal>,
}

/// An object that gets a new value where it stands.
pub(crate) struct Overwritten {
    old: EntityId,
    new: EntityId,
}

/// Compares all objects. Constants that don't fit where they stood are separated from their old selves, so that
/// what points to them differs too.
pub(crate) fn compare<'d>(
    old: &Side<'_, 'd>,
    new: &Side<'_, 'd>,
    pairs: &mut Pairs,
    debug: Debug<'_, 'd>,
    options: &Options,
) -> Objects {
    let mut found =
        Objects { changes: Vec::new(), overwrites: Vec::new(), grown: Vec::new(), refusals: Vec::new() };
    let ignored = |name: &str| options.ignored_symbols.contains(name);
    let mut settled = BTreeSet::new();
    loop {
        let mut grown = Vec::new();
        let same = Same::new((old, new), pairs, debug, &ignored);
        for (id, entity) in (0..).zip(&new.entities) {
            let is_other =
                entity.kind != EntityKind::Object || entity.imported || target::is_content(new, id);
            if is_other || settled.contains(&id) {
                continue;
            }
            match pairs.old_of(id) {
                None => {
                    found.changes.push(change(entity, "new", "carried", 0, entity.size));
                    found.refusals.extend(guards_old(new, pairs, entity));
                    found.refusals.extend(joins_a_set(new, entity));
                }
                Some(partner) if entity.writable && !old.entity(partner).writable => {
                    found.becomes_writable(old, (partner, entity, id), &mut grown);
                }
                Some(partner) if tell_numbers((old, partner), (new, id)) => {}
                Some(partner) if same.data_differs(partner, id) => {
                    found.changed(old, new, (partner, id), options, &mut grown);
                }
                Some(_) => continue,
            }
            settled.insert(id);
        }
        if grown.is_empty() {
            found.refusals.extend(tls(&same));
            return found;
        }
        for (o, n) in &grown {
            pairs.separate(*o, *n);
        }
        found.grown.extend(grown);
    }
}

impl Objects {
    /// New code may write to what stands in read-only memory: it gets an object of its own.
    fn becomes_writable(
        &mut self,
        old: &Side<'_, '_>,
        (partner, entity, id): (EntityId, &Entity<'_>, EntityId),
        grown: &mut Vec<(EntityId, EntityId)>,
    ) {
        let before = old.entity(partner);
        let mut say = |action: &str| {
            self.changes.push(change(entity, "writable", action, before.size, entity.size));
        };
        if is_exported(old, before) {
            say("refused");
            self.refusals.push(refusal(
                RefusalCode::DataResized,
                entity,
                "it was a constant, and other modules of the process use it in memory that can't be written",
                "put what is written into a new variable, or restart with the new build",
            ));
        } else {
            say("carried");
            grown.push((partner, id));
        }
    }

    fn changed(
        &mut self,
        old: &Side<'_, '_>,
        new: &Side<'_, '_>,
        (o, n): (EntityId, EntityId),
        options: &Options,
        grown: &mut Vec<(EntityId, EntityId)>,
    ) {
        let (before, after) = (old.entity(o), new.entity(n));
        let resized = before.size != after.size;
        let word = if resized { "resized" } else { "changed" };
        let mut say = |action: &str| self.changes.push(change(after, word, action, before.size, after.size));
        if names::is_class_table(after.name) {
            say("refused");
            self.refusals.push(refusal(
                RefusalCode::VtableChanged,
                after,
                "objects of the class that live in the process have the old table",
                "restart with the new build",
            ));
        } else if !after.writable && !before.writable {
            if after.size <= before.size {
                say("in-place");
                self.overwrites.push(Overwritten { old: o, new: n });
            } else if is_exported(old, before) {
                say("refused");
                let message = format!(
                    "other modules of the process may use it where it stands with {} bytes, and it would need {}",
                    before.size, after.size
                );
                let help = "put what is new into a new constant, or restart with the new build";
                self.refusals.push(refusal(RefusalCode::ConstantGrown, after, &message, help));
            } else {
                say("carried");
                grown.push((o, n));
            }
        } else if resized {
            say("refused");
            self.refusals.push(refusal(
                RefusalCode::DataResized,
                after,
                &format!("it lives in the process with {} bytes and would need {}", before.size, after.size),
                "keep its size and put what is new into a new variable, or restart with the new build",
            ));
        } else {
            match decision(options, after) {
                Some(DataAction::Keep) => say("keep"),
                Some(DataAction::Overwrite) => {
                    say("overwrite");
                    self.overwrites.push(Overwritten { old: o, new: n });
                }
                None => {
                    say("refused");
                    self.refusals.push(refusal(
                        RefusalCode::InitialiserChanged,
                        after,
                        "its initial value changed, but the process has a live value in it",
                        &format!("say --data {0}=keep or --data {0}=overwrite", after.name),
                    ));
                }
            }
        }
    }
}

impl Overwritten {
    /// The object in the old and in the new build.
    pub(crate) fn pair(&self) -> (EntityId, EntityId) {
        (self.old, self.new)
    }

    /// Whether the program may write to it.
    pub(crate) fn is_writable(&self, old: &Side<'_, '_>) -> bool {
        old.entity(self.old).writable
    }

    /// Puts the new content into a template section and says where it goes.
    pub(crate) fn emit(&self, emitter: &mut Emitter<'_, '_, '_, '_>) -> Overwrite {
        let (before, after) = (emitter.same.old.entity(self.old), emitter.same.new.entity(self.new));
        let (address, size, name, writable) =
            (before.address, before.size.min(after.size), after.name.to_owned(), before.writable);
        let section = format!(".suture.template.{name}");
        let content = emitter.promise(&section, &name, SectionKind::Template, SymbolKind::Object, size, 8);
        emitter.fill_object(self.new, content);
        let expected = (!writable).then(|| self.expected(emitter, size));
        Overwrite { name: names::demangle(&name), address, content, size, writable, expected }
    }

    /// What the first `size` bytes of a constant of the old build are in a process.
    fn expected(&self, emitter: &mut Emitter<'_, '_, '_, '_>, size: u64) -> Expected {
        let old = emitter.same.old;
        let (name, start) = (old.entity(self.old).name, old.entity(self.old).address);
        let mut data = old.bytes(self.old).unwrap_or_default().to_vec();
        data.resize(size as usize, 0);
        let (mut relocations, mut open) = (Vec::new(), Vec::new());
        for (word, known) in loaded_words(old.build, start, size) {
            let offset = word - start;
            let known = known.filter(|address| offset + 8 <= size && emitter.is_in_old_image(*address));
            let Some(address) = known else {
                open.push(offset);
                continue;
            };
            let target = emitter.image(&format!("{address:#x}"), address);
            data[offset as usize..][..8].fill(0);
            relocations.push(Relocation { offset, kind: RelocationKind::Abs64, target, addend: 0 });
        }
        let section = format!("{TEMPLATE_PREFIX}old.{name}");
        let content = emitter.promise(&section, name, SectionKind::Template, SymbolKind::Object, size, 8);
        emitter.fill(content, data, relocations);
        Expected { content, open }
    }
}

/// The words among `size` bytes at `start` that are not in a process what they are in the file, each with the address of the build
/// that it holds, if it does and nobody has to be asked for it. Ascending.
fn loaded_words(build: &Build<'_>, start: u64, size: u64) -> BTreeMap<u64, Option<u64>> {
    let end = start.saturating_add(size);
    // Where the loader is told of addresses in another way (`DT_RELR`), the linker's own relocations are left.
    let is_address = |relocation: &&Relocated| {
        let symbol = build.symbols().get(relocation.symbol as usize);
        relocation.kind == kind::ABS64 && symbol.is_some_and(|symbol| symbol.section.is_some())
    };
    let left = build.relocations_in(start, end).iter().filter(is_address);
    let mut words: BTreeMap<_, _> = left.map(|r| (r.address, build.read_u64(r.address))).collect();
    words.extend(build.slots().range(start..end).map(|(word, slot)| match slot {
        Slot::Address(address) if build.preemptible(*word).is_none() => (*word, Some(*address)),
        _ => (*word, None),
    }));
    words
}

/// Whether two names of one type differ by the number of a lambda alone, and nobody compares them: the type is seen in one file only, which the
/// star in front says to `std::type_info::operator==`.
fn tell_numbers((old, before): (&Side<'_, '_>, EntityId), (new, after): (&Side<'_, '_>, EntityId)) -> bool {
    let is_own = |side: &Side<'_, '_>, id: EntityId| {
        let starts = side.bytes(id).is_some_and(|name| name.starts_with(b"*"));
        starts && names::is_type_name(side.entity(id).name)
    };
    old.entity(before).names != new.entity(after).names && is_own(old, before) && is_own(new, after)
}

/// A new guard of a variable that lives in the process: the first to come by would initialise it once more.
fn guards_old(new: &Side<'_, '_>, pairs: &Pairs, guard: &Entity<'_>) -> Option<Refusal> {
    let guarded = names::guarded(guard.name)?;
    let id = (0..).zip(&new.entities).find(|(_, entity)| entity.names.contains(&guarded.as_str()))?.0;
    pairs.old_of(id)?;
    Some(refusal(
        RefusalCode::InitialiserChanged,
        new.entity(id),
        "it is now initialised by code that runs when it is first used, but the process has a live value in it",
        "give what is initialised in this way another name",
    ))
}

/// A new object in a section that code goes through from `__start_NAME` to `__stop_NAME`: in the process the section is as long as it was.
fn joins_a_set(new: &Side<'_, '_>, entity: &Entity<'_>) -> Option<Refusal> {
    let section = new.build.section_at(entity.address)?;
    let begin = format!("__start_{}", section.name);
    new.build.symbols().iter().find(|symbol| symbol.name == begin)?;
    Some(refusal(
        RefusalCode::UnresolvedReference,
        entity,
        &format!(
            "it is a new element of the set `{}`, which the process goes through as it was linked",
            section.name
        ),
        "add it by a call in a suture_post_apply hook, or restart with the new build",
    ))
}

/// Whether other modules can refer to it.
fn is_exported(side: &Side<'_, '_>, entity: &Entity<'_>) -> bool {
    let mut symbols = side.build.dynamic_symbols().iter();
    symbols.any(|symbol| symbol.section.is_some() && symbol.address == entity.address)
}

/// What the author says about an object.
pub(crate) fn decision(options: &Options, entity: &Entity<'_>) -> Option<DataAction> {
    let by_symbol = entity.names.iter().find_map(|name| options.data.get(*name));
    by_symbol.or_else(|| options.data.get(&names::demangle(entity.name))).copied()
}

fn change(entity: &Entity<'_>, change: &str, action: &str, old_size: u64, new_size: u64) -> DataChange {
    DataChange {
        name: names::demangle(entity.name),
        symbol: entity.name.to_owned(),
        change: change.to_owned(),
        writable: entity.writable,
        action: action.to_owned(),
        old_size,
        new_size,
    }
}

/// A refusal for an object or a function.
pub(crate) fn refusal(code: RefusalCode, entity: &Entity<'_>, message: &str, help: &str) -> Refusal {
    Refusal {
        code,
        symbol: names::demangle(entity.name),
        file: entity.file.unwrap_or_default().to_owned(),
        line: 0,
        message: message.to_owned(),
        help: help.to_owned(),
    }
}

/// Threads that run have the old block; no variable can be added to it or change its place.
fn tls(same: &Same<'_, '_, '_>) -> Vec<Refusal> {
    let refusal = |name: &str, what: &str| Refusal {
        code: RefusalCode::TlsChanged,
        symbol: names::demangle(name),
        file: String::new(),
        line: 0,
        message: format!("the thread-local variable {what}, but running threads have the old block"),
        help: "use a table keyed by thread in the fix, or restart with the new build".to_owned(),
    };
    let mut refusals = Vec::new();
    for (index, variable) in same.new.tls.iter().enumerate() {
        let Some(before) = same.pairs.old_tls_of(index).map(|index| &same.old.tls[index]) else {
            refusals.push(refusal(variable.name, "is new"));
            continue;
        };
        let (a, b) = (initial(same.old, before), initial(same.new, variable));
        if before.size != variable.size {
            refusals.push(refusal(variable.name, "changed its size"));
        } else if same.contents_differ(((a.0, true), a.1), ((b.0, true), b.1), variable.size) {
            refusals.push(refusal(variable.name, "has another initial value"));
        }
    }
    refusals
}

/// Where the initial value of a thread-local variable stands, and the value unless it is zero.
fn initial<'d>(side: &Side<'_, 'd>, variable: &TlsVariable<'_>) -> (u64, Option<&'d [u8]>) {
    let Some(segment) = side.build.tls_segment() else { return (0, None) };
    let address = segment.address + variable.offset;
    let in_file = variable.offset.checked_add(variable.size).is_some_and(|end| end <= segment.file_size);
    (address, in_file.then(|| side.build.read(address, variable.size)).flatten())
}
