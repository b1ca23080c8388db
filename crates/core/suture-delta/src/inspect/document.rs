//! A delta as machines read it: the document of `suture inspect --json`.

use serde::Serialize;

use crate::format::DeltaId;
use crate::model::{Delta, Meta, Resolution, SectionKind, SymbolKind};

/// Everything in a delta but its bytes of code and data.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    schema: u32,
    id: String,
    file_bytes: usize,
    meta: &'a Meta,
    sections: Vec<SectionLine<'a>>,
    symbols: Vec<SymbolLine<'a>>,
    references: Vec<ReferenceLine<'a>>,
}

/// The version of [`Document`]; keys may be added to a version.
const SCHEMA: u32 = 1;

#[derive(Debug, Serialize)]
struct SectionLine<'a> {
    name: &'a str,
    kind: &'static str,
    align: u64,
    size: u64,
    relocations: usize,
}

#[derive(Debug, Serialize)]
struct SymbolLine<'a> {
    name: &'a str,
    kind: &'static str,
    section: u32,
    offset: u64,
    size: u64,
}

#[derive(Debug, Serialize)]
struct ReferenceLine<'a> {
    name: &'a str,
    #[serde(flatten)]
    resolution: &'a Resolution,
}

/// The document of `delta`. `file_len` is the length of its file in bytes.
pub fn document<'a>(delta: &'a Delta, id: &DeltaId, file_len: usize) -> Document<'a> {
    let sections = delta.sections.iter().map(|section| SectionLine {
        name: &section.name,
        kind: section_kind(section.kind),
        align: section.align,
        size: section.size,
        relocations: section.relocations.len(),
    });
    let symbols = delta.symbols.iter().map(|symbol| SymbolLine {
        name: &symbol.name,
        kind: match symbol.kind {
            SymbolKind::Function => "function",
            SymbolKind::Object => "object",
        },
        section: symbol.section,
        offset: symbol.offset,
        size: symbol.size,
    });
    let references = delta
        .references
        .iter()
        .map(|reference| ReferenceLine { name: &reference.name, resolution: &reference.resolution });
    Document {
        schema: SCHEMA,
        id: id.to_string(),
        file_bytes: file_len,
        meta: &delta.meta,
        sections: sections.collect(),
        symbols: symbols.collect(),
        references: references.collect(),
    }
}

fn section_kind(kind: SectionKind) -> &'static str {
    match kind {
        SectionKind::Text => "text",
        SectionKind::ReadOnly => "read-only",
        SectionKind::Frames => "frames",
        SectionKind::Data => "data",
        SectionKind::Bss => "bss",
        SectionKind::Template => "template",
    }
}
