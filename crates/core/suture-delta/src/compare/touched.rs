//! Who is touched by what a delta changes: callers, readers of data, and what the project has marked.
//!
//! What counts as changed is looked for in both builds: functions that are replaced, those that refer to an
//! object that gets a new value where it stands, and in the new build those that are new, hooks among them.

use std::collections::BTreeSet;

use suture_elf::debug::{DebugInfo, Inlined};

use super::emission::Emitted;
use super::{Changed, Work};
use crate::critical::{self, Marked, Start};
use crate::impact::CallGraph;
use crate::names;
use crate::objects::Overwritten;
use crate::options::Options;
use crate::readers::{Found, References};
use crate::report::{Impact, Readers, Report, Way};
use crate::same::Same;
use crate::side::{EntityId, EntityKind, Side};

/// Fills in who refers to data that changes, who calls the functions that count as changed in the build that runs,
/// and which marked functions are on a call path with them in either build.
pub(super) fn touched(
    same: &Same<'_, '_, '_>,
    work: &Work,
    emitted: Option<&Emitted>,
    options: &Options,
    report: &mut Report,
) {
    let old = Touched::of(same.old, &work.changed, &work.overwrites, |changed| changed.0, |pair| pair.0);
    let mut new = Touched::of(same.new, &work.changed, &work.overwrites, |changed| changed.1, |pair| pair.1);
    new.starts
        .extend(brought(same, emitted).map(|id| Start { address: same.new.entity(id).address, reads: None }));
    report.readers = readers([&old, &new]);
    let graph = CallGraph::new(same.old.build);
    let addresses: BTreeSet<u64> = old.starts.iter().map(|start| start.address).collect();
    report.impact = addresses.into_iter().filter_map(|address| graph.impact(address)).collect();
    report.impact.sort_by(|a: &Impact, b| a.function.cmp(&b.function));
    report.none_critical = options.marks.none().map(str::to_owned);
    if options.marks.is_empty() {
        return;
    }
    report.marked = options.marks.groups();
    report.followed = vec![Way::Calls, Way::New, Way::Data];
    let inlined = [&old, &new].map(|touched| touched.inlined(same, options));
    if inlined.iter().all(Option::is_some) {
        report.followed.push(Way::Inlined);
    }
    let mut found = Vec::new();
    for (touched, inlined) in [old, new].iter().zip(inlined) {
        let inlined = inlined.unwrap_or_default();
        let graph = CallGraph::with_inlined(touched.side.build, &inlined);
        let files_of = |address: u64| {
            let function = touched.debug(same).and_then(|debug| debug.function_at(address));
            function.map(|function| function.source_files()).unwrap_or_default()
        };
        let marked = Marked::find(&graph, &inlined, &options.marks, &files_of);
        report.critical.extend(critical::critical_paths(&graph, &marked, &touched.starts));
        found.push(marked);
    }
    report.unmatched = critical::unmatched(&found);
    let order = |path: &crate::report::CriticalPath| {
        (path.function.clone(), path.mark.clone(), path.path.clone(), path.reads.clone())
    };
    report.critical.sort_by_cached_key(order);
    report.critical.dedup();
}

/// What counts as changed in one build.
struct Touched<'s, 'b, 'd> {
    side: &'s Side<'b, 'd>,
    starts: Vec<Start>,
    /// Who refers to each object that changes.
    readers: Vec<(EntityId, Found)>,
}

impl<'s, 'b, 'd> Touched<'s, 'b, 'd> {
    fn of(
        side: &'s Side<'b, 'd>,
        changed: &[Changed],
        overwrites: &[Overwritten],
        function: impl Fn(&Changed) -> EntityId,
        object: impl Fn((EntityId, EntityId)) -> EntityId,
    ) -> Self {
        let address = |id: EntityId| side.entity(id).address;
        let changed: BTreeSet<EntityId> = changed.iter().map(function).collect();
        let mut touched = Self { side, starts: Vec::new(), readers: Vec::new() };
        touched.starts.extend(changed.iter().map(|id| Start { address: address(*id), reads: None }));
        if overwrites.is_empty() {
            return touched;
        }
        let references = References::new(side);
        for object in overwrites.iter().map(|pair| object(pair.pair())) {
            let found = references.readers_of(object);
            let name = names::demangle(side.entity(object).name);
            let unchanged = found.functions.difference(&changed);
            let start = |id: &EntityId| Start { address: address(*id), reads: Some(name.clone()) };
            touched.starts.extend(unchanged.map(start));
            touched.readers.push((object, found));
        }
        touched
    }

    fn debug<'a>(&self, same: &Same<'a, '_, 'd>) -> Option<&'a DebugInfo<'d>> {
        if std::ptr::eq(self.side, same.old) { same.debug.old } else { same.debug.new }
    }

    /// Copies of marked functions in this build; nothing where they can't be seen in all that counts as changed.
    fn inlined(&self, same: &Same<'_, '_, 'd>, options: &Options) -> Option<Inlined> {
        let debug = self.debug(same)?;
        let is_known = |start: &Start| matches!(debug.knows_types_at(start.address), Ok(true));
        let inlined = debug.inlined(&|function| options.marks.has_inlined(function)).ok()?;
        self.starts.iter().all(is_known).then_some(inlined)
    }
}

/// Functions that the old build does not have and the delta brings; all that are new where there is no delta.
fn brought<'r>(
    same: &'r Same<'_, '_, '_>,
    emitted: Option<&'r Emitted>,
) -> impl Iterator<Item = EntityId> + 'r {
    (0..).zip(&same.new.entities).map(|(id, _)| id).filter(move |id| {
        let entity = same.new.entity(*id);
        entity.kind == EntityKind::Function
            && same.pairs.old_of(same.new.whole(*id)).is_none()
            && emitted.is_none_or(|emitted| emitted.carried.contains_key(id))
    })
}

/// For each object that changes those who refer to it in either build.
fn readers(builds: [&Touched<'_, '_, '_>; 2]) -> Vec<Readers> {
    let [old, new] = builds;
    let mut all: Vec<Readers> = Vec::new();
    for ((_, before), (object, after)) in old.readers.iter().zip(&new.readers) {
        let named = [(old, before), (new, after)].into_iter().flat_map(|(touched, found)| {
            found.functions.iter().map(|id| names::demangle(touched.side.entity(*id).name))
        });
        let functions: BTreeSet<String> = named.collect();
        all.push(Readers {
            object: names::demangle(new.side.entity(*object).name),
            functions: functions.into_iter().collect(),
            complete: before.complete && after.complete,
        });
    }
    all.sort_by(|a, b| (&a.object, &a.functions).cmp(&(&b.object, &b.functions)));
    all
}
