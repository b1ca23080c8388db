//! Deltas and bundles by hand.

use suture_bundle::{Bundle, Member, MemberName, delta_name};
use suture_delta::format;
use suture_delta::model::{
    BuildKind, BuildRef, Delta, Hooks, Meta, Overwrite, Range, Reference, Relocation, RelocationKind,
    Resolution, SCHEMA, Section, SectionKind, Site, Symbol, SymbolKind, Target,
};
use suture_delta::report::{ChangedFunction, Report, Verdict};

/// A dossier as far as a bundle is concerned.
pub(crate) const DOSSIER: &[u8] = b"schema = 1\n";

/// A delta for `build_id` of `program` that replaces `parse` by `code` and changes `limits` in place.
pub(crate) fn delta(program: &str, build_id: &str, code: &[u8; 16]) -> Delta {
    let changed = ChangedFunction {
        name: "parse".into(),
        symbol: "parse".into(),
        file: "src/parse.c".into(),
        line: 12,
        old_size: 40,
        new_size: 16,
        why: "code".into(),
    };
    let site = Site {
        name: "parse".into(),
        symbol: "parse".into(),
        address: 0x40_1000,
        jump_address: 0x40_1000,
        expected: "554889e553".into(),
        ranges: vec![Range { start: 0x40_1000, end: 0x40_1028 }],
        below: vec![],
        code: 0,
        stub: 1,
    };
    let limits = Overwrite {
        name: "limits".into(),
        address: 0x60_0000,
        content: 2,
        size: 16,
        writable: true,
        expected: None,
    };
    let meta = Meta {
        schema: SCHEMA,
        tool: "suture 0.1.0".into(),
        old: build(program, build_id),
        new: build(program, "fedcba9876543210"),
        on: vec![],
        sites: vec![site],
        overwrites: vec![limits],
        hooks: Hooks { pre_apply: Some(0), ..Hooks::default() },
        register_frames: None,
        report: Report {
            verdict: Verdict::Hot,
            changed: vec![changed],
            notes: vec!["type conn: it grew; the patch's hooks convert what lives".into()],
            ..Report::default()
        },
    };
    Delta { meta, sections: sections(code), symbols: symbols(), references: references() }
}

fn build(program: &str, build_id: &str) -> BuildRef {
    BuildRef {
        build_id: build_id.into(),
        name: program.into(),
        kind: BuildKind::Pie,
        image: Range { start: 0x40_0000, end: 0x80_0000 },
        build_id_address: 0x40_0270,
    }
}

fn sections(code: &[u8; 16]) -> Vec<Section> {
    let mut text = code.to_vec();
    text.extend_from_slice(&[0x90; 16]);
    let call = Relocation { offset: 1, kind: RelocationKind::Pc32, target: Target::Reference(0), addend: -4 };
    let section = |name: &str, kind, data: Vec<u8>, relocations| Section {
        name: name.into(),
        kind,
        align: 16,
        size: data.len() as u64,
        data,
        relocations,
    };
    vec![
        section(".text.parse", SectionKind::Text, text, vec![call]),
        section(".suture.template.limits", SectionKind::Template, vec![7; 16], vec![]),
    ]
}

fn symbols() -> Vec<Symbol> {
    let symbol =
        |name: &str, section, offset, kind| Symbol { name: name.into(), section, offset, size: 16, kind };
    vec![
        symbol("parse", 0, 0, SymbolKind::Function),
        symbol("parse.stub", 0, 16, SymbolKind::Function),
        symbol("limits", 1, 0, SymbolKind::Object),
    ]
}

fn references() -> Vec<Reference> {
    vec![Reference { name: "memcpy@plt".into(), resolution: Resolution::Image { address: 0x40_1020 } }]
}

/// The members of a patch for two builds, in no order, with the files that hold their contents.
pub(crate) fn files() -> Vec<(MemberName, Vec<u8>)> {
    let deltas =
        [delta("server", "0123456789abcdef", &[0x90; 16]), delta("proxy d", "00ff00ff00ff00ff", &[0xcc; 16])];
    let named = deltas.iter().map(|delta| {
        let bytes = format::write(delta).unwrap();
        (delta_name(delta, &format::id(&bytes)).unwrap(), bytes)
    });
    let mut files: Vec<_> = named.collect();
    files.push((name("dossier.toml"), DOSSIER.to_vec()));
    files.push((name("documents/fix.patch"), vec![b'+'; 513]));
    files.push((name("documents/empty"), vec![]));
    files
}

/// A name that is right.
pub(crate) fn name(text: &str) -> MemberName {
    MemberName::new(text).unwrap()
}

/// The members of `files`.
pub(crate) fn members(files: &[(MemberName, Vec<u8>)]) -> Vec<Member<'_>> {
    files.iter().map(|(name, content)| Member { name: name.clone(), content }).collect()
}

/// The file of a bundle of these members.
pub(crate) fn write(files: &[(MemberName, Vec<u8>)]) -> Vec<u8> {
    Bundle::new(members(files)).unwrap().write().unwrap()
}
