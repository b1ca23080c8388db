//! Deltas that are well formed, sealed with every length and every place right, and say what no delta may say, or claim as much as
//! one can.

use std::fmt::Write as _;

use suture_delta::format::{self, META_SECTION, REFS_SECTION};
use suture_delta::model::{Hooks, Meta, PatchCode, Range, Site, Symbol};

use crate::elf_file::{FIELDS, part, set, with_content};
use crate::patient::{Patient, pair};

const LEN: &std::ops::Range<usize> = &FIELDS[5];

fn meta(original: &[u8]) -> Meta {
    serde_json::from_slice(&original[part(original, META_SECTION).content]).unwrap()
}

/// The delta with other metadata.
fn with_meta(original: &[u8], change: impl FnOnce(&mut Meta)) -> Vec<u8> {
    let mut meta = meta(original);
    change(&mut meta);
    with_content(original, META_SECTION, &serde_json::to_vec(&meta).unwrap())
}

/// The delta with another site.
fn with_site(original: &[u8], change: impl FnOnce(&mut Site)) -> Vec<u8> {
    with_meta(original, |meta| change(&mut meta.sites[0]))
}

/// The delta with metadata in which one text is replaced.
fn with_text(original: &[u8], section: &str, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(original[part(original, section).content].to_vec()).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    with_content(original, section, text.replacen(from, to, 1).as_bytes())
}

/// One more reference, in all three places where it stands.
fn with_reference(original: &[u8], name: &str, resolution: &str) -> Vec<u8> {
    const TABLE: [&str; 2] = [".symtab", ".strtab"];
    let content = |name: &str| original[part(original, name).content].to_vec();
    let [mut symbols, mut names] = TABLE.map(content);
    let mut symbol = [0; 24];
    symbol[..4].copy_from_slice(&u32::try_from(names.len()).unwrap().to_le_bytes());
    symbol[4] = 1 << 4;
    symbol[6..8].copy_from_slice(&format::SHN_OLD_BUILD.to_le_bytes());
    symbols.extend(symbol);
    names.extend(name.bytes().chain([0]));
    let mut refs = String::from_utf8(content(REFS_SECTION)).unwrap();
    let _ = writeln!(refs, "{{\"name\":\"{name}\",{resolution}}}");
    let file = with_content(original, REFS_SECTION, refs.as_bytes());
    with_content(&with_content(&file, TABLE[0], &symbols), TABLE[1], &names)
}

/// The delta with `.data.fixed_calls`, which becomes zero-initialised, of this length.
fn with_zeros(original: &[u8], len: u64) -> Vec<u8> {
    const NOBITS: u64 = 8;
    let name = ".data.fixed_calls";
    let mut file = with_content(original, name, &[]);
    let entry = part(&file, name).entry;
    set(&mut file, entry, &FIELDS[1], NOBITS);
    set(&mut file, entry, LEN, len);
    file
}

const BEHIND: u64 = 0x7fff_ffff_f000;

/// What it says, the delta, the exit code, and a word of the reason.
type Lie = (&'static str, Vec<u8>, i32, &'static str);

/// What it says of the functions that it replaces.
fn of_sites(good: &[u8]) -> Vec<Lie> {
    let id = "5".repeat(64);
    let below = |id: &str, size| vec![PatchCode { id: id.to_owned(), symbol: 0, size }];
    vec![
        (
            "a site outside the module",
            with_site(good, |site| {
                site.address = BEHIND;
                site.jump_address = BEHIND;
            }),
            2,
            "outside the old build",
        ),
        (
            "a jump at the end of all addresses",
            with_site(good, |site| site.jump_address = u64::MAX),
            2,
            "outside the old build",
        ),
        (
            "a jump far from its function",
            with_site(good, |site| site.jump_address += 2),
            2,
            "neither at the entry",
        ),
        ("a jump that no range covers", with_site(good, |site| site.ranges.clear()), 2, "not wholly inside"),
        (
            "a range that ends before it begins",
            with_site(good, |site| {
                site.ranges[0] = Range { start: site.address + 5, end: site.address };
            }),
            2,
            "empty",
        ),
        (
            "a range without end",
            with_site(good, |site| site.ranges[0].end = u64::MAX),
            2,
            "outside the old build",
        ),
        ("code that is no symbol", with_site(good, |site| site.code = u32::MAX), 2, "no symbol 4294967295"),
        ("code that is data", with_site(good, |site| site.stub = 2), 2, "no function"),
        ("nothing expected at a jump", with_site(good, |site| site.expected.clear()), 2, "expected bytes"),
        (
            "two sites at one place",
            with_meta(good, |meta| meta.sites.push(meta.sites[0].clone())),
            2,
            "changes too",
        ),
        (
            "code of a patch that it does not stand on",
            with_site(good, |site| site.below = below(&id, 5)),
            2,
            "not among those",
        ),
        (
            "code below of no length",
            with_meta(good, |meta| {
                meta.on.push(id.clone());
                meta.sites[0].below = below(&id, 0);
            }),
            2,
            "empty",
        ),
    ]
}

/// What it says of the build and of other patches.
fn of_others(good: &[u8]) -> Vec<Lie> {
    let id = "5".repeat(64);
    vec![
        (
            "a patch that stands twice on another",
            with_meta(good, |meta| meta.on = vec![id.clone(), id.clone()]),
            2,
            "twice",
        ),
        (
            "a patch that stands on what is not there",
            with_meta(good, |meta| meta.on = vec![id.clone()]),
            4,
            "not applied",
        ),
        (
            "a stack without end",
            with_meta(good, |meta| meta.on = (0..300).map(|n| format!("{n:064x}")).collect()),
            2,
            "300",
        ),
        (
            "a hook that is data",
            with_meta(good, |meta| meta.hooks = Hooks { pre_apply: Some(2), ..Hooks::default() }),
            2,
            "no function",
        ),
        (
            "an unwinder outside the module",
            with_text(
                &with_meta(good, |meta| meta.register_frames = Some(BEHIND)),
                META_SECTION,
                "\"schema\":1",
                "\"schema\":5",
            ),
            2,
            "outside the old build",
        ),
        (
            "a build without a place",
            with_meta(good, |meta| meta.old.image = Range { start: 0, end: 0 }),
            2,
            "empty",
        ),
        (
            "a build that is everything",
            with_meta(good, |meta| {
                meta.old.image = Range { start: 0, end: u64::MAX };
                meta.sites[0].address = BEHIND;
                meta.sites[0].jump_address = BEHIND;
                meta.sites[0].ranges = vec![Range { start: BEHIND, end: BEHIND + 5 }];
            }),
            4,
            "not made from that build",
        ),
        (
            "a verdict that is not hot",
            with_text(good, META_SECTION, "\"verdict\":\"hot\"", "\"verdict\":\"full-update\""),
            2,
            "hot",
        ),
        (
            "a name with a control character",
            with_text(good, META_SECTION, "\"symbol\":\"answer\"", "\"symbol\":\"\\u001b[2J\""),
            2,
            "control characters",
        ),
        (
            "a name too long",
            with_meta(good, |meta| meta.sites[0].symbol = "x".repeat(70 << 10)),
            2,
            "longer than",
        ),
    ]
}

/// What it says of places outside it.
fn of_references(good: &[u8]) -> Vec<Lie> {
    let id = "5".repeat(64);
    vec![
        (
            "a reference outside the module",
            with_text(good, REFS_SECTION, "\"address\":", "\"address\":9999999"),
            2,
            "outside the old build",
        ),
        ("a reference without a name", with_reference(good, "", "\"kind\":\"switch\""), 2, "empty"),
        (
            "a reference that is too long",
            with_reference(good, &"y".repeat(70 << 10), "\"kind\":\"switch\""),
            2,
            "longer than",
        ),
        (
            "a reference that nobody has",
            with_reference(good, "gone", "\"kind\":\"import\",\"symbol\":\"nobody_has_it\",\"version\":null"),
            4,
            "no loaded library has it",
        ),
        (
            "an anchor outside the module",
            with_reference(good, "tls", "\"kind\":\"tls-module\",\"anchor_address\":18446744073709551615"),
            2,
            "outside the old build",
        ),
        (
            "a choice by a choice",
            with_text(
                &with_reference(good, "ring", "\"kind\":\"chosen\",\"by\":{\"reference\":7}"),
                META_SECTION,
                "\"schema\":1",
                "\"schema\":6",
            ),
            2,
            "no function",
        ),
        (
            "a reference into a patch that it does not stand on",
            with_reference(good, "below", &format!("\"kind\":\"patch\",\"id\":\"{id}\",\"symbol\":0")),
            2,
            "not among those",
        ),
        ("ten gigabytes of zeros", with_zeros(good, 10 << 30), 2, "more than the"),
    ]
}

#[test]
fn what_no_delta_may_say() {
    let pair = pair();
    let good = std::fs::read(&pair.delta).unwrap();
    assert_eq!(with_meta(&good, |_| ()), good, "putting it together anew changes nothing");
    let mut patient = Patient::new(&pair, 0);
    for (what, bytes, exit, why) in [of_sites(&good), of_others(&good), of_references(&good)].concat() {
        let delta = patient.file(&bytes);
        let (code, said) = patient.apply(what, &bytes, &delta);
        assert!(code == exit && said.contains(why), "{what}: exit {code}\n{said}");
        assert_eq!(patient.inspect(what, &delta), if exit == 2 { 2 } else { 0 }, "{what}");
    }
}

/// A list in the metadata of so many.
fn many(count: usize, one: &str) -> String {
    format!("[{}{one}]", format!("{one},").repeat(count - 1))
}

/// A delta of many functions with long names, each of which has its place in the record that stays in the process.
fn with_names(good: &[u8]) -> Vec<u8> {
    let mut delta = format::read(good).unwrap();
    let function = Symbol { name: "f".repeat(200), ..delta.symbols[0].clone() };
    delta.symbols.extend(vec![function; 80_000]);
    format::write(&delta).unwrap()
}

/// As much as a file may claim, and more.
fn claims(good: &[u8]) -> Vec<(&'static str, Vec<u8>, &'static [i32])> {
    const META: usize = 15 << 20;
    let empty_strings = many(META / 3, "\"\"");
    let reasons = &many(META / 20, "\"\"")[1..];
    let numbers = many(META / 8, "0");
    let meta = |from: &str, to: &str| with_text(good, META_SECTION, from, to);
    let sections = {
        let mut file = good.to_vec();
        file[0x3c..0x3e].copy_from_slice(&u16::MAX.to_le_bytes());
        file
    };
    let mut refs = String::from_utf8(good[part(good, REFS_SECTION).content].to_vec()).unwrap();
    refs += &"{\"name\":\"a\",\"kind\":\"switch\"}\n".repeat(1_100_000);
    vec![
        ("a list of empty names", meta("\"sites\":", &format!("\"on\":{empty_strings},\"sites\":")), &[2]),
        (
            "a report of empty reasons",
            meta("\"reasons\":[", &format!("\"reasons\":[{},", reasons.trim_end_matches(']'))),
            &[0],
        ),
        ("a field that is none", meta("\"sites\":", &format!("\"none\":{numbers},\"sites\":")), &[2]),
        ("lists in lists", meta("\"hooks\":{}", &format!("\"hooks\":{}", "[".repeat(META / 4))), &[2]),
        (
            "sites of nothing",
            meta("\"sites\":", &format!("\"sites\":{},\"sites\":", many(META / 12, "{}"))),
            &[2],
        ),
        ("metadata without end", with_content(good, META_SECTION, &vec![b' '; 17 << 20]), &[2]),
        ("references without end", with_content(good, REFS_SECTION, refs.as_bytes()), &[2]),
        ("more sections than there are", sections, &[2]),
        ("a record that nobody could read back", with_names(good), &[4]),
        ("half a gigabyte of zeros", with_zeros(good, (512 << 20) - (1 << 20)), &[0]),
    ]
}

#[test]
fn what_a_delta_claims_costs_no_memory() {
    let pair = pair();
    let good = std::fs::read(&pair.delta).unwrap();
    let mut patient = Patient::new(&pair, 0);
    for (what, bytes, may_be) in claims(&good) {
        let delta = patient.file(&bytes);
        let (code, said) = patient.apply(what, &bytes, &delta);
        assert!(may_be.contains(&code), "{what}: exit {code}\n{said}");
    }
}
