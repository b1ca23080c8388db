//! Comparison of type layouts: may new code work on what old code has left in memory?
//!
//! A field that is added moves its neighbours, no symbol changes, and often not even `sizeof`: only the
//! debug information of the two builds shows it. Compared are all types that the units of the changed
//! functions define, for casts leave no trace of which function uses which type, and from there whatever
//! members and pointers lead to. A type is found again by its name, scopes included; one without a name by
//! where it is used. Where a unit has several of one name (what macros make in blocks of their own), each must be one of the others,
//! in both directions. New types and new constants of an enumeration are no change; a new name for the same
//! layout is none either. Whatever can't be shown to be the same counts as changed.

mod describe;
mod renumbered;
mod same;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use suture_elf::debug::{DebugError, DebugInfo, EntryId, Shape, VariableInfo};

use renumbered::Unnamed;
use same::Layouts;

/// Entry addresses of a function in the two builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionPair {
    /// In the old build; `None` if it is new.
    pub old: Option<u64>,
    /// In the new build.
    pub new: u64,
}

/// A type that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutChange {
    /// Its name, scopes included.
    pub type_name: String,
    /// Source file in the new build; empty if unknown.
    pub file: String,
    /// Line of its declaration; 0 if unknown.
    pub line: u32,
    /// What changed, without the name: "member 'flags' moves from offset 8 to 12".
    pub description: String,
    /// What it means.
    pub kind: LayoutChangeKind,
}

/// What a change of a type means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayoutChangeKind {
    /// New code would misread what lives in the process.
    Layout,
    /// A constant of an enumeration has another value: what was stored under its name has a new meaning.
    EnumValue,
}

/// Variables that are the same in both builds, in pairs (old, new).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// Addresses.
    pub objects: Vec<(u64, u64)>,
    /// Offsets in the thread-local block of the build.
    pub thread_locals: Vec<(u64, u64)>,
}

/// Compares the layouts that the given functions and variables of the two builds depend on.
///
/// `now` gives a name of the old build with the numbers that unnamed things (closures) have in the new one. Fails if debug information
/// can't be read, for then nothing is known. The answer is ascending by name.
pub fn compare_layouts(
    old: &DebugInfo<'_>,
    new: &DebugInfo<'_>,
    functions: &[FunctionPair],
    variables: &Variables,
    now: &dyn Fn(&str) -> String,
) -> Result<Vec<LayoutChange>, DebugError> {
    let mut comparison = Comparison {
        old,
        new,
        layouts: Layouts::new(old, new, now),
        now,
        names: OldNames::default(),
        queue: VecDeque::new(),
        seen: HashSet::new(),
        same: HashSet::new(),
        changes: BTreeMap::new(),
    };
    comparison.functions(functions)?;
    comparison.objects(&variables.objects)?;
    comparison.thread_locals(&variables.thread_locals)?;
    comparison.work_off()?;
    Ok(comparison.changes.into_values().collect())
}

struct Comparison<'a, 'o, 'n> {
    old: &'a DebugInfo<'o>,
    new: &'a DebugInfo<'n>,
    layouts: Layouts<'a, 'o, 'n>,
    now: &'a dyn Fn(&str) -> String,
    names: OldNames,
    queue: VecDeque<(EntryId, EntryId)>,
    seen: HashSet<(EntryId, EntryId)>,
    /// Pairs that were found to be the same, with all that they lead to.
    same: HashSet<(EntryId, EntryId)>,
    changes: BTreeMap<(String, LayoutChangeKind), LayoutChange>,
}

/// Types that the old units of the changed functions define, by name.
#[derive(Default)]
struct OldNames {
    in_unit: HashMap<(String, String), Vec<EntryId>>,
    anywhere: HashMap<String, EntryId>,
}

impl Comparison<'_, '_, '_> {
    fn functions(&mut self, functions: &[FunctionPair]) -> Result<(), DebugError> {
        let (mut old_units, mut new_units) = (BTreeSet::new(), BTreeSet::new());
        for pair in functions {
            if let Some(address) = pair.old {
                old_units.extend(self.old.uses(address)?.units);
            }
            new_units.extend(self.new.uses(pair.new)?.units);
        }
        let mut numbers = Unnamed::default();
        for unit in old_units {
            let unit_name = self.old.unit_name(unit).unwrap_or_default();
            for id in self.old.types_of_unit(unit)? {
                let name = (self.now)(&self.old.type_name(id)?);
                numbers.add_old(self.old, &unit_name, id)?;
                self.names.in_unit.entry((unit_name.clone(), name.clone())).or_default().push(id);
                self.names.anywhere.entry(name).or_insert(id);
            }
        }
        for unit in new_units {
            let unit_name = self.new.unit_name(unit).unwrap_or_default();
            let mut by_name: BTreeMap<String, Vec<EntryId>> = BTreeMap::new();
            for id in self.new.types_of_unit(unit)? {
                let name = self.new.type_name(id)?;
                // Without a name and outside any scope: compared where it is used.
                if self.new.is_named(id)? || name.contains("::") {
                    by_name.entry(name).or_default().push(id);
                } else if let Some((name, description)) = numbers.difference(self.new, &unit_name, id)? {
                    self.record(name, self.new.declared_at(id), description, LayoutChangeKind::EnumValue);
                }
            }
            for (name, ids) in by_name {
                self.find_partners(&name, &ids, &unit_name)?;
            }
        }
        for pair in functions {
            self.renamed_parameters(*pair)?;
        }
        Ok(())
    }

    /// Puts the types of the new build that have this name in a unit next to those of the old build.
    fn find_partners(&mut self, name: &str, ids: &[EntryId], unit_name: &str) -> Result<(), DebugError> {
        let key = (unit_name.to_owned(), name.to_owned());
        match (self.names.in_unit.get(&key).cloned().unwrap_or_default().as_slice(), ids) {
            ([], ids) => ids.iter().try_for_each(|id| self.find_partner(*id, name)),
            ([partner], [id]) => {
                self.queue.push_back((*partner, *id));
                Ok(())
            }
            (partners, ids) => self.find_among(partners, ids),
        }
    }

    /// Of several types with one name, each must be the same as one of the others: a new one, or new code would misread what lives in
    /// the process, and an old one, or it has become another.
    fn find_among(&mut self, partners: &[EntryId], ids: &[EntryId]) -> Result<(), DebugError> {
        let olds = partners.iter().map(|a| ids.iter().map(|b| (*a, *b)).collect());
        let news = ids.iter().map(|b| partners.iter().map(|a| (*a, *b)).collect());
        let choices: Vec<Vec<(EntryId, EntryId)>> = olds.chain(news).collect();
        for pairs in choices {
            let mut is_found = false;
            for (a, b) in &pairs {
                is_found = is_found || self.is_same(*a, *b)?;
            }
            // What differs in one that does not is found when they are compared.
            self.queue.extend(pairs.first().filter(|_| !is_found));
        }
        Ok(())
    }

    /// Whether two types are the same, and all those that are the same only if these are.
    fn is_same(&mut self, a: EntryId, b: EntryId) -> Result<bool, DebugError> {
        self.queue.extend(self.layouts.take_relied_on());
        let mut open = vec![(a, b)];
        let mut seen = HashSet::new();
        while let Some((a, b)) = open.pop() {
            if self.same.contains(&(a, b)) || !seen.insert((a, b)) {
                continue;
            }
            let differs = self.layouts.difference(a, b)?.is_some()
                || describe::changed_constant(self.old, self.new, a, b)?.is_some();
            open.extend(self.layouts.take_relied_on());
            if differs {
                return Ok(false);
            }
        }
        self.same.extend(seen);
        Ok(true)
    }

    /// Puts a type that the unit had not next to the one of the old build that has its name.
    fn find_partner(&mut self, id: EntryId, name: &str) -> Result<(), DebugError> {
        if let Some(partner) = self.names.anywhere.get(name) {
            self.queue.push_back((*partner, id));
            return Ok(());
        }
        // The unit sees the type for the first time; others may have filled the process with it.
        let mut first = None;
        // What the compiler numbers may have the number that another had.
        let is_own_name = (self.now)(name) == name;
        for partner in self.old.types_named(name)?.into_iter().filter(|_| is_own_name) {
            if self.layouts.difference(partner, id)?.is_none() {
                return Ok(());
            }
            first = first.or(Some(partner));
        }
        self.queue.extend(first.map(|partner| (partner, id)));
        Ok(())
    }

    /// A parameter that points to a type which has a new name and another layout: the old name is gone and
    /// the new one was not there, so by name alone nothing would be compared.
    fn renamed_parameters(&mut self, pair: FunctionPair) -> Result<(), DebugError> {
        let Some(old) = pair.old else { return Ok(()) };
        let (Some(old), Some(new)) = (self.old.signature_at(old)?, self.new.signature_at(pair.new)?) else {
            return Ok(());
        };
        if old.parameters.len() != new.parameters.len() {
            return Ok(());
        }
        for (a, b) in old.parameters.into_iter().zip(new.parameters) {
            let (Some(a), Some(b)) = (pointee(self.old, a)?, pointee(self.new, b)?) else { continue };
            let (was, is) = ((self.now)(&self.old.type_name(a)?), self.new.type_name(b)?);
            let is_renamed =
                was != is && self.new.types_named(&was)?.is_empty() && self.old.types_named(&is)?.is_empty();
            if is_renamed {
                self.queue.push_back((a, b));
            }
        }
        Ok(())
    }

    fn objects(&mut self, objects: &[(u64, u64)]) -> Result<(), DebugError> {
        for (old, new) in objects {
            let (was, is) = (self.old.variable_at(*old)?, self.new.variable_at(*new)?);
            let (made_before, made_now) = (self.old.made_of(*old)?, self.new.made_of(*new)?);
            let how = |made: &Option<(VariableInfo, Vec<u8>)>| made.as_ref().map(|(_, how)| how.clone());
            let is_alike = how(&made_before) == how(&made_now);
            let [before, now] = [made_before, made_now].map(|made| made.map(|(variable, _)| variable));
            if is_alike {
                self.variables(before, now)?;
            } else {
                let known = now.or(before).or(is.clone()).or(was.clone()).unwrap_or_default();
                let description = "the compiler keeps its value in another form".to_owned();
                self.record(known.name.clone(), known.place(), description, LayoutChangeKind::Layout);
            }
            self.variables(was, is)?;
        }
        Ok(())
    }

    fn thread_locals(&mut self, offsets: &[(u64, u64)]) -> Result<(), DebugError> {
        for (old, new) in offsets {
            self.variables(self.old.thread_local_at(*old)?, self.new.thread_local_at(*new)?)?;
        }
        Ok(())
    }

    fn variables(&mut self, was: Option<VariableInfo>, is: Option<VariableInfo>) -> Result<(), DebugError> {
        let (Some(was), Some(is)) = (was, is) else { return Ok(()) };
        if let (Some(a), Some(b)) = (was.type_id, is.type_id)
            && let Some(description) = self.layouts.difference_of_use(Some(a), Some(b))?
        {
            let name = self.new.type_name(b)?;
            let description = format!("of the variable '{}': {description}", is.name);
            self.record(name, (is.file, is.line), description, LayoutChangeKind::Layout);
        }
        Ok(())
    }

    /// Compares pair by pair; each comparison may bring up types that are the same only if those are that
    /// they are made of.
    fn work_off(&mut self) -> Result<(), DebugError> {
        loop {
            self.queue.extend(self.layouts.take_relied_on());
            let Some((a, b)) = self.queue.pop_front() else { return Ok(()) };
            if !self.seen.insert((a, b)) {
                continue;
            }
            if let Some(description) = self.layouts.difference(a, b)? {
                let name = self.new.type_name(b)?;
                self.record(name, self.new.declared_at(b), description, LayoutChangeKind::Layout);
            } else if let Some(description) = describe::changed_constant(self.old, self.new, a, b)? {
                let name = self.new.type_name(b)?;
                self.record(name, self.new.declared_at(b), description, LayoutChangeKind::EnumValue);
            }
        }
    }

    fn record(
        &mut self,
        type_name: String,
        (file, line): (String, u32),
        description: String,
        kind: LayoutChangeKind,
    ) {
        let change = LayoutChange { type_name: type_name.clone(), file, line, description, kind };
        self.changes.entry((type_name, kind)).or_insert(change);
    }
}

/// The structure that a pointer leads to.
fn pointee(debug: &DebugInfo<'_>, id: Option<EntryId>) -> Result<Option<EntryId>, DebugError> {
    let Some(id) = same::bare(debug, id)? else { return Ok(None) };
    let target = match &*debug.shape(id)? {
        Shape::Pointer { target, .. } => *target,
        _ => return Ok(None),
    };
    let Some(id) = same::bare(debug, target)? else { return Ok(None) };
    Ok(matches!(&*debug.shape(id)?, Shape::Aggregate(_)).then_some(id))
}
