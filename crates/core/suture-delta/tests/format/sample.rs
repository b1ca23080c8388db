//! Deltas to write and read: one by hand with everything in it, and arbitrary valid ones.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use suture_delta::model::{
    BuildKind, BuildRef, Delta, Hooks, Meta, Overwrite, Range, Reference, Relocation, RelocationKind,
    Resolution, SCHEMA, Section, SectionKind, Site, Symbol, SymbolKind, Target, TlsAnchor,
};
use suture_delta::report::{ChangedFunction, Report, Verdict};

const IMAGE: Range = Range { start: 0x40_0000, end: 0x80_0000 };

/// A delta with a section of each kind and a relocation and a reference of each kind.
pub(crate) fn everything() -> Delta {
    Delta {
        meta: everything_meta(),
        sections: everything_sections(),
        symbols: vec![
            symbol("parse", 0, 0, 16, SymbolKind::Function),
            symbol("parse.stub", 0, 16, 16, SymbolKind::Function),
            symbol("message", 1, 0, 6, SymbolKind::Object),
            symbol("count", 3, 0, 8, SymbolKind::Object),
            symbol("buffer", 4, 0, 4096, SymbolKind::Object),
            symbol("limits", 5, 0, 16, SymbolKind::Object),
        ],
        references: everything_references(),
    }
}

fn everything_meta() -> Meta {
    let changed = ChangedFunction {
        name: "parse".into(),
        symbol: "parse".into(),
        file: "src/parse.c".into(),
        line: 12,
        old_size: 40,
        new_size: 16,
        why: "code".into(),
    };
    Meta {
        schema: SCHEMA,
        tool: "suture 0.1.0".into(),
        old: build("0123456789abcdef", 0x40_0270),
        new: build("fedcba9876543210", 0x40_0270),
        on: vec!["a1".repeat(32)],
        sites: vec![Site {
            name: "parse".into(),
            symbol: "parse".into(),
            address: 0x40_1000,
            jump_address: 0x40_1004,
            expected: "554889e553".into(),
            ranges: vec![Range { start: 0x40_1000, end: 0x40_1028 }],
            code: 0,
            stub: 1,
        }],
        overwrites: vec![Overwrite {
            name: "limits".into(),
            address: 0x60_0000,
            content: 5,
            size: 16,
            writable: false,
        }],
        hooks: Hooks { pre_apply: Some(0), ..Hooks::default() },
        report: Report { verdict: Verdict::Hot, changed: vec![changed], ..Report::default() },
    }
}

fn everything_sections() -> Vec<Section> {
    let relocation = |offset, kind, target, addend| Relocation { offset, kind, target, addend };
    let section = |name: &str, kind, align, data: Vec<u8>, relocations| Section {
        name: name.into(),
        kind,
        align,
        size: data.len() as u64,
        data,
        relocations,
    };
    let reference = Target::Reference;
    let mut frames = vec![0; 32];
    frames[0] = 24;
    vec![
        section(
            ".text.parse",
            SectionKind::Text,
            16,
            vec![0x90; 32],
            vec![
                relocation(1, RelocationKind::Pc32, reference(0), -4),
                relocation(8, RelocationKind::Abs32, Target::Symbol(2), 0),
                relocation(12, RelocationKind::Abs32Signed, reference(1), 1),
                relocation(18, RelocationKind::Pc32, reference(4), -5),
            ],
        ),
        section(".rodata.parse", SectionKind::ReadOnly, 1, b"hello\0".to_vec(), vec![]),
        section(
            ".eh_frame",
            SectionKind::Frames,
            8,
            frames,
            vec![relocation(8, RelocationKind::Pc64, Target::Symbol(0), 0)],
        ),
        section(
            ".data.count",
            SectionKind::Data,
            8,
            vec![1; 24],
            vec![
                relocation(0, RelocationKind::Abs64, reference(2), 0),
                relocation(8, RelocationKind::Abs64, reference(3), 0),
                relocation(16, RelocationKind::Abs64, reference(5), i64::MIN),
            ],
        ),
        Section { size: 4096, ..section(".bss.buffer", SectionKind::Bss, 4096, vec![], vec![]) },
        section(
            ".suture.template.limits",
            SectionKind::Template,
            8,
            vec![0; 16],
            vec![relocation(0, RelocationKind::Abs64, Target::Symbol(2), 0)],
        ),
    ]
}

fn everything_references() -> Vec<Reference> {
    let reference = |name: &str, resolution| Reference { name: name.into(), resolution };
    let anchor = TlsAnchor { address: 0x60_1000, offset: 8 };
    vec![
        reference("memcpy@plt", Resolution::Image { address: 0x40_1020 }),
        reference(
            "getentropy",
            Resolution::Import { symbol: "getentropy".into(), version: Some("GLIBC_2.25".into()) },
        ),
        reference("errno_count", Resolution::TlsOffset { offset: 16, anchor }),
        reference("tls module", Resolution::TlsModule { anchor_address: 0x60_1010 }),
        reference("suture.switch", Resolution::Switch),
        reference("earlier", Resolution::Patch { id: "a1".repeat(32), symbol: 3 }),
    ]
}

fn symbol(name: &str, section: u32, offset: u64, size: u64, kind: SymbolKind) -> Symbol {
    Symbol { name: name.into(), section, offset, size, kind }
}

fn build(build_id: &str, build_id_address: u64) -> BuildRef {
    BuildRef {
        build_id: build_id.into(),
        name: "server".into(),
        kind: BuildKind::Pie,
        image: IMAGE,
        build_id_address,
    }
}

/// Any valid delta, with 1 to 6 sections of code and up to 8 of other kinds.
pub(crate) fn arbitrary() -> impl Strategy<Value = Delta> {
    let names = || "[a-zA-Z_.$@ü]{1,12}";
    let texts = vec((names(), 8_u64..64, 0_u32..5), 1..6);
    let others = vec((names(), other_kind(), vec(any::<u8>(), 1..80), 0_u32..13), 0..8);
    let references = vec((names(), resolution()), 1..8);
    let picks = vec((any::<u32>(), relocation_kind(), any::<i64>()), 1..12);
    (texts, others, references, picks, any::<bool>(), ".{0,40}").prop_map(
        |(texts, others, references, picks, frames, note)| {
            let mut delta = everything();
            delta.meta.report.notes = vec![note];
            delta.meta.overwrites.clear();
            delta.sections.clear();
            delta.symbols.clear();
            delta.references =
                references.into_iter().map(|(name, resolution)| Reference { name, resolution }).collect();
            for (name, size, align) in texts {
                push(
                    &mut delta,
                    &format!(".text.{name}"),
                    SectionKind::Text,
                    vec![0xcc; size as usize],
                    align,
                );
            }
            for (name, kind, data, align) in others {
                let prefix = if kind == SectionKind::Template { ".suture.template." } else { "." };
                push(&mut delta, &format!("{prefix}x{name}"), kind, data, align);
            }
            if frames {
                push(&mut delta, ".eh_frame", SectionKind::Frames, vec![0; 16], 3);
            }
            relocate(&mut delta, &picks);
            delta.meta.sites[0].stub = 0;
            delta
        },
    )
}

fn push(delta: &mut Delta, name: &str, kind: SectionKind, data: Vec<u8>, align_bits: u32) {
    let section = delta.sections.len() as u32;
    let size = data.len() as u64;
    let symbol_kind = if kind == SectionKind::Text { SymbolKind::Function } else { SymbolKind::Object };
    delta.symbols.push(symbol(name, section, size / 3, size / 2, symbol_kind));
    delta.sections.push(Section {
        name: name.into(),
        kind,
        align: 1 << align_bits,
        data: if kind == SectionKind::Bss { vec![] } else { data },
        size,
        relocations: vec![],
    });
}

/// Spreads relocations over the sections, one behind the other, to targets that may be spoken of.
fn relocate(delta: &mut Delta, picks: &[(u32, RelocationKind, i64)]) {
    let mapped: Vec<u32> = (0..)
        .zip(&delta.symbols)
        .filter(|(_, symbol)| delta.sections[symbol.section as usize].kind != SectionKind::Template)
        .map(|(index, _)| index)
        .collect();
    let references = delta.references.len() as u32;
    for section in &mut delta.sections {
        if matches!(section.kind, SectionKind::Bss | SectionKind::Frames) {
            continue;
        }
        let mut offset = 0;
        for (pick, kind, addend) in picks {
            let target = if pick % 2 == 0 {
                Target::Symbol(mapped[*pick as usize % mapped.len()])
            } else {
                Target::Reference(pick % references)
            };
            if offset + kind.width() > section.size {
                break;
            }
            section.relocations.push(Relocation { offset, kind: *kind, target, addend: *addend });
            offset += kind.width() + u64::from(pick % 3);
        }
    }
}

fn other_kind() -> impl Strategy<Value = SectionKind> {
    select(vec![SectionKind::ReadOnly, SectionKind::Data, SectionKind::Bss, SectionKind::Template])
}

fn relocation_kind() -> impl Strategy<Value = RelocationKind> {
    select(vec![
        RelocationKind::Abs64,
        RelocationKind::Abs32,
        RelocationKind::Abs32Signed,
        RelocationKind::Pc32,
        RelocationKind::Pc64,
    ])
}

fn resolution() -> impl Strategy<Value = Resolution> {
    let inside = || IMAGE.start..IMAGE.end - 8;
    prop_oneof![
        inside().prop_map(|address| Resolution::Image { address }),
        ("[a-z_]{1,9}", proptest::option::of("[A-Z_.0-9]{1,9}"))
            .prop_map(|(symbol, version)| Resolution::Import { symbol, version }),
        (any::<u64>(), inside(), any::<u64>()).prop_map(|(offset, address, of)| Resolution::TlsOffset {
            offset,
            anchor: TlsAnchor { address, offset: of }
        }),
        inside().prop_map(|anchor_address| Resolution::TlsModule { anchor_address }),
        Just(Resolution::Switch),
        any::<u32>().prop_map(|symbol| Resolution::Patch { id: "a1".repeat(32), symbol }),
    ]
}

/// Some places in a file of `len` bytes, and what to change there.
pub(crate) fn mutations(len: usize) -> impl Strategy<Value = Vec<(usize, u8)>> {
    btree_set(0..len, 1..4).prop_flat_map(|places| {
        let count = places.len();
        (Just(places), vec(1_u8..=255, count))
            .prop_map(|(places, flips)| places.into_iter().zip(flips).collect())
    })
}
