//! What differs between two bundles: member by member, and inside the deltas function by function.
//!
//! Deltas are paired by the build that they are for, since their names change with their content. A function is the
//! same if its code, what the code refers to, and the place where it is redirected are the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use suture_delta::model::{Delta, Overwrite, Section, Site, Symbol, SymbolKind, Target};

use crate::{Bundle, BundledDelta, Contents, Digest, MemberName, Role};

/// What differs between two bundles, the one and the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Members but for the deltas.
    pub members: Vec<MemberDifference>,
    /// Deltas that are not the same in both.
    pub deltas: Vec<DeltaDifference>,
}

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the other has it.
    Added,
    /// Only the one has it.
    Removed,
    /// Both have it, not alike.
    Changed,
}

/// A member that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberDifference {
    /// Its name.
    pub name: MemberName,
    /// How it differs.
    pub change: Change,
    /// Its digest in the one.
    pub one: Option<Digest>,
    /// Its digest in the other.
    pub other: Option<Digest>,
}

/// A build that gets another delta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeltaDifference {
    /// File name of the build.
    pub program: String,
    /// The build.
    pub build_id: String,
    /// How it differs.
    pub change: Change,
    /// Id of its delta in the one.
    pub one: Option<String>,
    /// Id of its delta in the other.
    pub other: Option<String>,
    /// Functions and objects that differ. Nothing here and [`Change::Changed`]: only what the delta says of itself does.
    pub parts: Vec<PartDifference>,
}

/// A part of a delta that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PartDifference {
    /// What it is.
    pub kind: PartKind,
    /// Its name.
    pub name: String,
    /// How it differs.
    pub change: Change,
    /// Its size in the one, in bytes.
    pub one_size: u64,
    /// Its size in the other.
    pub other_size: u64,
}

/// What a part of a delta is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartKind {
    /// A function of the old build that is redirected.
    Replaced,
    /// Another function that the delta brings: new ones, hooks, stubs.
    Function,
    /// An object that it brings.
    Object,
    /// An object of the old build that it changes in place.
    Overwrite,
}

impl Difference {
    /// Whether the two are the same.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.deltas.is_empty()
    }
}

/// What `other` has that `one` has not, and the other way round.
pub fn difference(one: (&Bundle<'_>, &Contents<'_>), other: (&Bundle<'_>, &Contents<'_>)) -> Difference {
    Difference { members: members(one.0, other.0), deltas: deltas(&one.1.deltas, &other.1.deltas) }
}

fn change<T>(one: Option<&T>, other: Option<&T>) -> Change {
    match (one, other) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::Changed,
    }
}

fn members(one: &Bundle<'_>, other: &Bundle<'_>) -> Vec<MemberDifference> {
    let digests = |bundle: &Bundle<'_>| -> BTreeMap<MemberName, Digest> {
        let own = bundle.members().iter().filter(|member| member.name.role() != Role::Delta);
        own.map(|member| (member.name.clone(), Digest::of(member.content))).collect()
    };
    let (one, other) = (digests(one), digests(other));
    let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let differs = names.into_iter().filter(|name| one.get(name) != other.get(name));
    differs
        .map(|name| {
            let (one, other) = (one.get(name), other.get(name));
            MemberDifference {
                name: name.clone(),
                change: change(one, other),
                one: one.copied(),
                other: other.copied(),
            }
        })
        .collect()
}

fn deltas(one: &[BundledDelta], other: &[BundledDelta]) -> Vec<DeltaDifference> {
    // Deltas that stand on each other are for one build: they are told apart by how many they stand on.
    type Key<'d> = (&'d str, usize);
    fn key(delta: &BundledDelta) -> Key<'_> {
        (&delta.delta.meta.old.build_id, delta.delta.meta.on.len())
    }
    let (one, other): (BTreeMap<_, _>, BTreeMap<_, _>) = (
        one.iter().map(|delta| (key(delta), delta)).collect(),
        other.iter().map(|delta| (key(delta), delta)).collect(),
    );
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let differs = keys.into_iter().filter_map(|key| {
        let (one, other) = (one.get(key).copied(), other.get(key).copied());
        let known = one.or(other)?;
        (one.map(|delta| delta.id) != other.map(|delta| delta.id)).then(|| DeltaDifference {
            program: known.facts.program.clone(),
            build_id: known.facts.old_build_id.clone(),
            change: change(one.as_ref(), other.as_ref()),
            one: one.map(|delta| delta.facts.id.clone()),
            other: other.map(|delta| delta.facts.id.clone()),
            parts: parts(one.map(|delta| &delta.delta), other.map(|delta| &delta.delta)),
        })
    });
    differs.collect()
}

/// Kind, name, and which of that name.
type PartKey = (PartKind, String, usize);

/// Functions and objects that differ between two deltas for one build.
pub fn parts(one: Option<&Delta>, other: Option<&Delta>) -> Vec<PartDifference> {
    let (one, other) =
        (one.map(fingerprints).unwrap_or_default(), other.map(fingerprints).unwrap_or_default());
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let differs = keys.into_iter().filter(|key| one.get(key) != other.get(key));
    let part = |key: &PartKey| {
        let (one, other) = (one.get(key), other.get(key));
        PartDifference {
            kind: key.0,
            name: key.1.clone(),
            change: change(one, other),
            one_size: one.map_or(0, |part| part.size),
            other_size: other.map_or(0, |part| part.size),
        }
    };
    differs.map(part).collect()
}

/// A part of a delta in a form that does not depend on where it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint {
    size: u64,
    digest: Digest,
}

fn fingerprints(delta: &Delta) -> BTreeMap<PartKey, Fingerprint> {
    let mut found = BTreeMap::new();
    let mut counts: BTreeMap<(PartKind, String), usize> = BTreeMap::new();
    let mut add = |kind, name: &str, fingerprint| {
        let count = counts.entry((kind, name.to_owned())).or_default();
        found.insert((kind, name.to_owned(), *count), fingerprint);
        *count += 1;
    };
    let sites: BTreeMap<u32, &Site> = delta.meta.sites.iter().map(|site| (site.code, site)).collect();
    let contents =
        |object: &Overwrite| [Some(object.content), object.expected.as_ref().map(|old| old.content)];
    let templates: BTreeSet<u32> = delta.meta.overwrites.iter().flat_map(contents).flatten().collect();
    for (index, symbol) in (0..).zip(&delta.symbols) {
        match sites.get(&index) {
            Some(site) => add(PartKind::Replaced, &site.name, fingerprint(delta, symbol, &place(site))),
            None if templates.contains(&index) => {}
            None => {
                let kind = match symbol.kind {
                    SymbolKind::Function => PartKind::Function,
                    SymbolKind::Object => PartKind::Object,
                };
                add(kind, &symbol.name, fingerprint(delta, symbol, ""));
            }
        }
    }
    for object in &delta.meta.overwrites {
        if let Some(content) = delta.symbols.get(object.content as usize) {
            let old = object.expected.as_ref().and_then(|old| {
                let content = delta.symbols.get(old.content as usize)?;
                Some(fingerprint(delta, content, &format!("{:?}", old.open)).digest)
            });
            let place = format!("{:#x} {} {} {old:?}", object.address, object.size, object.writable);
            add(PartKind::Overwrite, &object.name, fingerprint(delta, content, &place));
        }
    }
    found
}

/// Where and how a function is redirected.
fn place(site: &Site) -> String {
    format!("{:#x} {:#x} {} {:?}", site.address, site.jump_address, site.expected, site.ranges)
}

fn fingerprint(delta: &Delta, symbol: &Symbol, place: &str) -> Fingerprint {
    let mut text = place.as_bytes().to_vec();
    if let Some(section) = delta.sections.get(symbol.section as usize) {
        let (start, end) = (symbol.offset, symbol.offset.saturating_add(symbol.size));
        text.extend_from_slice(format!("\n{:?} {}\n", section.kind, section.align).as_bytes());
        text.extend_from_slice(bytes(section, start, end));
        let inside =
            section.relocations.iter().filter(|relocation| (start..end).contains(&relocation.offset));
        for relocation in inside {
            let target = target(delta, relocation.target);
            let at = relocation.offset - start;
            text.extend_from_slice(
                format!("\n{at} {:?} {target} {}", relocation.kind, relocation.addend).as_bytes(),
            );
        }
    }
    Fingerprint { size: symbol.size, digest: Digest::of(&text) }
}

fn bytes(section: &Section, start: u64, end: u64) -> &[u8] {
    // A section of zeros has no bytes.
    section.data.get(start as usize..end as usize).unwrap_or_default()
}

/// What a relocation speaks of, without its index.
fn target(delta: &Delta, target: Target) -> String {
    match target {
        Target::Symbol(index) => {
            delta.symbols.get(index as usize).map(|symbol| format!("own {}", symbol.name))
        }
        Target::Reference(index) => delta
            .references
            .get(index as usize)
            .map(|reference| format!("{} {:?}", reference.name, reference.resolution)),
    }
    .unwrap_or_default()
}
