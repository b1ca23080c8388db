//! Deltas that break a rule, and files that are none: each is refused with its own error.

use suture_delta::format::{
    ALIGN_MAX, FormatError, HOME_BYTES_MAX, Invalid, Place, Rule, SECTIONS_MAX, read, write,
};
use suture_delta::model::{
    Delta, Expected, Range, Relocation, RelocationKind, Resolution, Section, SectionKind, SymbolKind, Target,
};
use suture_delta::report::Verdict;

use crate::sample::{everything, symbol as symbol_of};

/// Breaks one thing in a valid delta, and says which rule refuses it.
fn rule_after(change: impl FnOnce(&mut Delta)) -> Rule {
    let mut delta = everything();
    change(&mut delta);
    let invalid = delta.validate().expect_err("a broken delta is not valid");
    assert_eq!(write(&delta), Err(FormatError::Invalid(invalid.clone())));
    assert!(!invalid.to_string().is_empty() && !invalid.help().is_empty());
    invalid.rule
}

#[test]
fn metadata() {
    assert_eq!(rule_after(|d| d.meta.schema = 2), Rule::Schema(2));
    assert_eq!(rule_after(|d| d.meta.schema = 3), Rule::Schema(3));
    assert_eq!(rule_after(|d| d.meta.report.marked = vec!["consensus".into()]), Rule::Schema(1));
    assert_eq!(rule_after(|d| d.meta.old.build_id = "0A".into()), Rule::BuildId);
    assert_eq!(rule_after(|d| d.meta.new.build_id = String::new()), Rule::BuildId);
    assert_eq!(rule_after(|d| d.meta.old.name = "a\nb".into()), Rule::Name);
    assert_eq!(rule_after(|d| d.meta.old.image.end = 0), Rule::EmptyRange);
    assert_eq!(rule_after(|d| d.meta.old.build_id_address = 0x7f_fffa), Rule::OutsideImage(0x7f_fffa));
    assert_eq!(rule_after(|d| d.meta.on[0] = "a1".into()), Rule::DeltaId);
    assert_eq!(rule_after(|d| d.meta.on.push("a1".repeat(32))), Rule::DeltaIdTwice);
    let ids = (0..257).map(|n| format!("{n:064x}")).collect();
    let many = Rule::TooMany { what: "deltas below this one", count: 257, limit: 256 };
    assert_eq!(rule_after(|d| d.meta.on = ids), many);
    assert_eq!(rule_after(|d| d.meta.report.verdict = Verdict::FullUpdate), Rule::NotHot);
}

#[test]
fn sections() {
    assert_eq!(rule_after(|d| d.sections[0].name.clear()), Rule::Name);
    assert_eq!(rule_after(|d| d.sections[0].name = ".suture.meta".into()), Rule::SectionName);
    assert_eq!(rule_after(|d| d.sections[1].name = ".eh_frame".into()), Rule::SectionName);
    assert_eq!(rule_after(|d| d.sections[5].kind = SectionKind::Data), Rule::SectionName);
    assert_eq!(rule_after(|d| d.sections[0].align = 0), Rule::Align);
    assert_eq!(rule_after(|d| d.sections[0].align = 24), Rule::Align);
    assert_eq!(rule_after(|d| d.sections[0].align = ALIGN_MAX * 2), Rule::Align);
    assert_eq!(rule_after(|d| d.sections[0].size += 1), Rule::Size);
    assert_eq!(rule_after(|d| d.sections[4].data.push(0)), Rule::Size);
    let too_large = HOME_BYTES_MAX + 1;
    assert!(matches!(rule_after(|d| d.sections[4].size = too_large), Rule::HomeTooLarge(_)));
    assert!(matches!(rule_after(|d| d.sections[4].size = u64::MAX), Rule::HomeTooLarge(_)));
    assert_eq!(rule_after(|d| d.sections.push(d.sections[2].clone())), Rule::FramesTwice);
    assert_eq!(rule_after(|d| d.sections[2].data[31] = 1), Rule::FramesEnd);
    let (count, limit) = (SECTIONS_MAX + 1, SECTIONS_MAX);
    let many = rule_after(|d| d.sections.resize(count, d.sections[1].clone()));
    assert_eq!(many, Rule::TooMany { what: "sections", count, limit });
}

#[test]
fn symbols_and_references() {
    assert_eq!(rule_after(|d| d.symbols[0].name = "a\0b".into()), Rule::Name);
    assert_eq!(rule_after(|d| d.symbols[0].section = 6), Rule::NoSection(6));
    assert_eq!(rule_after(|d| d.symbols[0].offset = 17), Rule::OutsideSection);
    assert_eq!(rule_after(|d| d.symbols[0].offset = u64::MAX), Rule::OutsideSection);
    assert_eq!(rule_after(|d| d.symbols[2].kind = SymbolKind::Function), Rule::NotCode);
    let outside = Resolution::Image { address: 0x80_0001 };
    assert_eq!(rule_after(|d| d.references[0].resolution = outside), Rule::OutsideImage(0x80_0001));
    let tls = Resolution::TlsModule { anchor_address: u64::MAX };
    assert_eq!(rule_after(|d| d.references[0].resolution = tls), Rule::OutsideImage(u64::MAX));
    assert_eq!(rule_after(|d| d.meta.on.clear()), Rule::NotOnThatDelta);
    let chosen = |by| {
        move |d: &mut Delta| {
            d.references[0].resolution = Resolution::Chosen { by };
            d.meta.schema = d.lowest_schema();
        }
    };
    assert_eq!(rule_after(chosen(Target::Symbol(2))), Rule::NotCode);
    assert_eq!(rule_after(chosen(Target::Symbol(6))), Rule::NoSymbol(6));
    assert_eq!(rule_after(chosen(Target::Reference(6))), Rule::NoReference(6));
    assert_eq!(rule_after(chosen(Target::Reference(0))), Rule::NotCode, "itself");
    assert_eq!(rule_after(chosen(Target::Reference(1))), Rule::NotCode, "an import");
}

#[test]
fn relocations() {
    let at = |index: usize, offset| move |d: &mut Delta| d.sections[0].relocations[index].offset = offset;
    assert_eq!(rule_after(at(1, 4)), Rule::RelocationOrder);
    assert_eq!(rule_after(at(3, 29)), Rule::OutsideSection);
    assert_eq!(rule_after(at(3, u64::MAX)), Rule::OutsideSection);
    let to = |target| move |d: &mut Delta| d.sections[0].relocations[0].target = target;
    assert_eq!(rule_after(to(Target::Symbol(6))), Rule::NoSymbol(6));
    assert_eq!(rule_after(to(Target::Reference(6))), Rule::NoReference(6));
    assert_eq!(rule_after(to(Target::Symbol(5))), Rule::RefersToTemplate);
    let bss = rule_after(|d| d.sections[4].relocations = d.sections[3].relocations.clone());
    assert_eq!(bss, Rule::RelocatedBss);
}

#[test]
fn sites() {
    assert_eq!(rule_after(|d| d.meta.sites[0].address = 1), Rule::OutsideImage(1));
    assert_eq!(rule_after(|d| d.meta.sites[0].jump_address = 0x40_1005), Rule::JumpAddress);
    assert_eq!(rule_after(|d| d.meta.sites[0].expected = "90909090".into()), Rule::Expected);
    assert_eq!(rule_after(|d| d.meta.sites[0].expected = "no hex at all".into()), Rule::Expected);
    assert_eq!(rule_after(|d| d.meta.sites[0].ranges[0].end = 0x40_1008), Rule::JumpNotCovered);
    let empty = Range { start: 0x40_2000, end: 0x40_2000 };
    assert_eq!(rule_after(|d| d.meta.sites[0].ranges.push(empty)), Rule::EmptyRange);
    assert_eq!(rule_after(|d| d.meta.sites[0].below[0].id = "b2".repeat(32)), Rule::NotOnThatDelta);
    assert_eq!(rule_after(|d| d.meta.sites[0].below[0].size = 0), Rule::EmptyRange);
    assert_eq!(rule_after(|d| d.meta.sites[0].below[0].size = u64::MAX), Rule::EmptyRange);
    assert_eq!(rule_after(|d| d.meta.sites[0].code = 9), Rule::NoSymbol(9));
    assert_eq!(rule_after(|d| d.meta.sites[0].stub = 2), Rule::NotCode);
    assert_eq!(rule_after(|d| d.meta.hooks.post_revert = Some(2)), Rule::NotCode);
    let twice = rule_after(|d| d.meta.sites.push(d.meta.sites[0].clone()));
    assert_eq!(twice, Rule::Overlap(0x40_1000));
}

#[test]
fn overwrites() {
    assert_eq!(rule_after(|d| d.meta.overwrites[0].address = 0x7f_fff8), Rule::OutsideImage(0x7f_fff8));
    assert_eq!(rule_after(|d| d.meta.overwrites[0].content = 3), Rule::NotTemplate);
    assert_eq!(rule_after(|d| d.meta.overwrites[0].size = 8), Rule::ContentSize);
    assert_eq!(rule_after(|d| d.meta.overwrites[0].address = 0x40_1008), Rule::Overlap(0x40_1008));
    let twice = rule_after(|d| d.meta.overwrites.push(d.meta.overwrites[0].clone()));
    assert_eq!(twice, Rule::ContentTwice);
}

#[test]
fn what_constants_are_expected_to_hold() {
    let after = |change: fn(&mut Expected, &mut Vec<Relocation>)| {
        rule_after(|d| {
            let (symbol, section) = (d.symbols.len() as u32, d.sections.len() as u32);
            let mut relocations = vec![Relocation {
                offset: 8,
                kind: RelocationKind::Abs64,
                target: Target::Reference(0),
                addend: 0,
            }];
            let mut expected = Expected { content: symbol, open: vec![0] };
            change(&mut expected, &mut relocations);
            let name = ".suture.template.old.limits";
            let (kind, align, data, size) = (SectionKind::Template, 8, vec![0; 16], 16);
            d.sections.push(Section { name: name.into(), kind, align, data, size, relocations });
            d.symbols.push(symbol_of("limits", section, 0, 16, SymbolKind::Object));
            d.meta.overwrites[0].expected = Some(expected);
            d.meta.schema = 6;
        })
    };
    assert_eq!(after(|expected, _| expected.content = 3), Rule::NotTemplate);
    assert_eq!(after(|expected, _| expected.content = 99), Rule::NoSymbol(99));
    assert_eq!(after(|expected, _| expected.open = vec![16]), Rule::Unexpectable);
    assert_eq!(after(|expected, _| expected.open = vec![8, 0]), Rule::Unexpectable);
    assert_eq!(after(|_, relocations| relocations[0].target = Target::Reference(1)), Rule::Unexpectable);
    assert_eq!(after(|_, relocations| relocations[0].target = Target::Symbol(0)), Rule::Unexpectable);
    assert_eq!(after(|_, relocations| relocations[0].kind = RelocationKind::Pc64), Rule::Unexpectable);
}

#[test]
fn an_error_names_the_place() {
    let mut delta = everything();
    delta.sections[0].relocations[1].offset = 4;
    let invalid = delta.validate().unwrap_err();
    let place = Place::Relocation { section: ".text.parse".into(), index: 1 };
    assert_eq!(invalid, Invalid { place, rule: Rule::RelocationOrder });
    let text = "relocation 1 of .text.parse: it does not lie behind the relocation before it";
    assert_eq!(invalid.to_string(), text);
}

#[test]
fn files_that_are_no_delta() {
    assert_eq!(read(b""), Err(FormatError::NotElf));
    assert_eq!(read(b"#!/bin/sh\n"), Err(FormatError::NotElf));
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(matches!(read(&program), Err(FormatError::NotADelta(_))));
}

#[test]
fn a_format_of_the_future_says_so() {
    let mut bytes = write(&everything()).unwrap();
    let schema = br#"{"schema":1,"#;
    let at = bytes.windows(schema.len()).position(|window| window == schema).unwrap();
    bytes[at + schema.len() - 2] = b'7';
    assert_eq!(read(&bytes), Err(FormatError::UnknownSchema { found: 7 }));
}

/// Names in the section table lead the reader to memory that is not there, at most once each.
#[test]
fn a_name_used_twice_is_refused() {
    let mut bytes = write(&everything()).unwrap();
    let table = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
    let first_name = bytes[table + 64..table + 68].to_vec();
    bytes[table + 128..table + 132].copy_from_slice(&first_name);
    let what = "its name is not the next in the table of names";
    assert_eq!(read(&bytes), Err(FormatError::Damaged { place: "section 2".into(), what }));
}

/// Many sections that claim the same large content can't make the reader copy it many times.
#[test]
fn overlapping_sections_are_refused() {
    let mut bytes = write(&everything()).unwrap();
    let table = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
    let offset = bytes[table + 64 + 24..table + 64 + 32].to_vec();
    bytes[table + 128 + 24..table + 128 + 32].copy_from_slice(&offset);
    let what = "it overlaps the part before it";
    assert_eq!(read(&bytes), Err(FormatError::Damaged { place: "section `.rodata.parse`".into(), what }));
}
