//! A delta by hand with everything in it.

use suture_delta::model::{
    BuildKind, BuildRef, Delta, Hooks, Meta, Overwrite, PatchCode, Range, Reference, Relocation,
    RelocationKind, Resolution, SCHEMA, Section, SectionKind, Site, Symbol, SymbolKind, Target, TlsAnchor,
};
use suture_delta::report::{ChangedFunction, Report, Verdict};

/// The image of its old build.
pub(crate) const IMAGE: Range = Range { start: 0x40_0000, end: 0x80_0000 };

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
            below: vec![PatchCode { id: "a1".repeat(32), symbol: 3, size: 40 }],
            code: 0,
            stub: 1,
        }],
        overwrites: vec![Overwrite {
            name: "limits".into(),
            address: 0x60_0000,
            content: 5,
            size: 16,
            writable: false,
            expected: None,
        }],
        hooks: Hooks { pre_apply: Some(0), ..Hooks::default() },
        register_frames: None,
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

/// A symbol.
pub(crate) fn symbol(name: &str, section: u32, offset: u64, size: u64, kind: SymbolKind) -> Symbol {
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
