//! The parts of a delta that its report does not tell.

use std::collections::HashMap;

use super::findings::{faint, place, plain, sizes, strong};
use crate::format::DeltaId;
use crate::model::{BuildKind, BuildRef, Delta, Reference, Resolution, SectionKind};
use crate::page::{Column, INDENT, Page, Tone, clean, counted, grouped, listed};

/// Kinds of references are as wide as the longest of them.
const KIND_WIDTH: usize = "thread-local data".len();
/// How many names of a kind of reference are shown; `--json` has them all.
const NAMES_SHOWN_MAX: usize = 12;

pub(super) fn builds(delta: &Delta, id: &DeltaId, file_len: usize, text: &mut Page) {
    let meta = &delta.meta;
    text.heading(&format!("delta {id}"));
    let made = format!("{} bytes, format {}, made by {}", grouped(file_len as u64), meta.schema, meta.tool);
    let mut rows = vec![
        vec![faint("file".to_owned()), plain(&made)],
        vec![faint("for".to_owned()), plain(&build(&meta.old))],
        vec![faint("made from".to_owned()), plain(&build(&meta.new))],
    ];
    rows.extend(meta.on.iter().map(|id| vec![faint("stands on".to_owned()), plain(id)]));
    text.table(&[Column::Left, Column::Left], rows);
}

fn build(build: &BuildRef) -> String {
    let kind = match build.kind {
        BuildKind::Executable => "executable at fixed addresses",
        BuildKind::Pie => "position-independent executable",
        BuildKind::SharedLibrary => "shared library",
    };
    format!("{}, build {}, {kind}", build.name, build.build_id)
}

pub(super) fn replaced(delta: &Delta, text: &mut Page) {
    if delta.meta.sites.is_empty() {
        return;
    }
    text.heading("replaced functions");
    let changed: HashMap<_, _> =
        delta.meta.report.changed.iter().map(|function| (function.symbol.as_str(), function)).collect();
    let columns = [
        Column::Name,
        Column::Path,
        Column::Right,
        Column::Unit,
        Column::After,
        Column::Unit,
        Column::Left,
        Column::Name,
    ];
    let rows = delta.meta.sites.iter().map(|site| {
        let known = changed.get(site.symbol.as_str());
        let (file, line, why) = known.map_or(("", 0, ""), |f| (f.file.as_str(), f.line, f.why.as_str()));
        let old_size =
            known.map_or_else(|| site.ranges.iter().map(|range| range.len()).sum(), |f| f.old_size);
        let new_size = delta.symbols.get(site.code as usize).map_or(0, |code| code.size);
        let mut row = vec![strong(&site.name), place(file, line)];
        row.extend(sizes(old_size, new_size));
        row.push(plain(&format!("at {:#x}", site.address)));
        row.push(faint(why.to_owned()));
        row
    });
    text.table(&columns, rows.collect());
}

pub(super) fn overwrites(delta: &Delta, text: &mut Page) {
    if delta.meta.overwrites.is_empty() {
        return;
    }
    text.heading("changed in place");
    let rows = delta.meta.overwrites.iter().map(|object| {
        vec![
            strong(&object.name),
            plain(&format!("at {:#x}", object.address)),
            plain(&grouped(object.size)),
            plain("B"),
            faint(if object.writable { "writable" } else { "constant" }.to_owned()),
        ]
    });
    let columns = [Column::Name, Column::Left, Column::Right, Column::Unit, Column::Left];
    text.table(&columns, rows.collect());
}

pub(super) fn memory(delta: &Delta, text: &mut Page) {
    let kinds = [
        (SectionKind::Text, "code"),
        (SectionKind::ReadOnly, "constants and tables"),
        (SectionKind::Frames, "unwind information"),
        (SectionKind::Data, "initialised data"),
        (SectionKind::Bss, "zero-initialised data"),
    ];
    text.heading("added to the process");
    let rows = kinds.into_iter().filter_map(|(kind, name)| {
        let size: u64 =
            delta.sections.iter().filter(|section| section.kind == kind).map(|section| section.size).sum();
        (size > 0).then(|| vec![plain(name), plain(&grouped(size)), plain("B")])
    });
    text.table(&[Column::Left, Column::Right, Column::Unit], rows.collect());
}

pub(super) fn references(delta: &Delta, text: &mut Page) {
    if delta.references.is_empty() {
        return;
    }
    text.heading("refers to");
    let kinds = [
        "the old build",
        "by name",
        "thread-local data",
        "its own switch",
        "earlier patches",
        "nobody else's",
    ];
    let mut named: [Vec<String>; 6] = Default::default();
    for reference in &delta.references {
        let (kind, name) = described(reference);
        named[kind].push(name);
    }
    for (kind, names) in kinds.into_iter().zip(named).filter(|(_, names)| !names.is_empty()) {
        let words = match kind {
            "its own switch" => String::new(),
            _ => format!("{}: {}", counted(names.len(), "place"), listed(&names, NAMES_SHOWN_MAX)),
        };
        text.prose(INDENT, &format!("{kind:<KIND_WIDTH$}"), Tone::Faint, &words);
    }
}

/// Which kind of reference, and its name with what a reader needs to find it.
fn described(reference: &Reference) -> (usize, String) {
    let name = clean(&reference.name);
    match &reference.resolution {
        Resolution::Image { .. } => (0, name),
        Resolution::Import { symbol, version: Some(version) } => (1, format!("{symbol}@{version}")),
        Resolution::Import { symbol, version: None } => (1, symbol.clone()),
        Resolution::TlsOffset { .. } | Resolution::TlsModule { .. } => (2, name),
        Resolution::Switch => (3, name),
        Resolution::Absent { .. } => (5, name),
        Resolution::Patch { id, .. } => (4, format!("{name} in {}", id.get(..12).unwrap_or(id))),
    }
}

pub(super) fn hooks(delta: &Delta, text: &mut Page) {
    let hooks = &delta.meta.hooks;
    let named = [
        ("before it is applied", hooks.pre_apply),
        ("after it is applied", hooks.post_apply),
        ("before it is reverted", hooks.pre_revert),
        ("after it is reverted", hooks.post_revert),
    ];
    let rows: Vec<_> = named
        .into_iter()
        .filter_map(|(when, hook)| {
            let symbol = delta.symbols.get(hook? as usize)?;
            let size = plain(&grouped(symbol.size));
            Some(vec![faint(when.to_owned()), strong(&symbol.name), size, plain("B")])
        })
        .collect();
    if !rows.is_empty() {
        text.heading("hooks");
        text.table(&[Column::Left, Column::Name, Column::Right, Column::Unit], rows);
    }
}
