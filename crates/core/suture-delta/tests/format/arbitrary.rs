//! Arbitrary valid deltas, and arbitrary damage.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use suture_delta::model::{
    Delta, Reference, Relocation, RelocationKind, Resolution, Section, SectionKind, SymbolKind, Target,
    TlsAnchor,
};

use crate::sample::{IMAGE, everything, symbol};

/// Any valid delta, with 1 to 6 sections of code and up to 8 of other kinds.
pub(crate) fn delta() -> impl Strategy<Value = Delta> {
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
            delta.meta.schema = delta.lowest_schema();
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
        ("[a-z_]{1,9}", proptest::option::of("[A-Z_.0-9]{1,9}"))
            .prop_map(|(symbol, version)| Resolution::Absent { symbol, version }),
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
