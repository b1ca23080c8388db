//! Tests of finding modules in memory made by hand.

use proptest::prelude::*;

use super::headers::ET_DYN;
use super::*;
use crate::memory::Snapshot;

const FILE: &str = "/usr/lib/libexample.so.1";

/// Memory that is readable only at these places.
fn memory(pieces: Vec<(u64, Vec<u8>)>) -> Snapshot {
    let mut memory = Snapshot::default();
    for (address, bytes) in pieces {
        memory.insert(address, bytes);
    }
    memory
}

fn program_header(kind: u32, flags: u32, offset: u64, address: u64, size: u64) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), flags.to_le_bytes()].concat();
    for value in [offset, address, address, size, size, 4] {
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

/// The first page of a file with headers at its beginning and a build-id note at 0x800.
fn first_page(kind: u16, entry: u64, segments: &[Vec<u8>]) -> Vec<u8> {
    let mut page = vec![0; 0x1000];
    page[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    page[16..18].copy_from_slice(&kind.to_le_bytes());
    page[18..20].copy_from_slice(&62_u16.to_le_bytes());
    page[24..32].copy_from_slice(&entry.to_le_bytes());
    page[32..40].copy_from_slice(&64_u64.to_le_bytes());
    page[54..56].copy_from_slice(&56_u16.to_le_bytes());
    page[56..58].copy_from_slice(&(segments.len() as u16).to_le_bytes());
    let table = segments.concat();
    page[64..][..table.len()].copy_from_slice(&table);
    let note = [5_u32, 1, 77, 4, 3, 3];
    let note: Vec<u8> = note.iter().flat_map(|word| word.to_le_bytes()).collect();
    page[0x800..0x800 + 12].copy_from_slice(&note[..12]);
    page[0x800 + 12..][..4].copy_from_slice(b"Xen!");
    page[0x818..0x818 + 12].copy_from_slice(&note[12..]);
    page[0x824..0x828].copy_from_slice(b"GNU\0");
    page[0x828..0x82b].copy_from_slice(&[0xab, 0x01, 0xff]);
    page
}

/// Segments of a file linked to `link`: headers, text at +0x1000, data at +0x3000, tables.
fn segments(link: u64) -> Vec<Vec<u8>> {
    vec![
        program_header(PT_LOAD, 4, 0, link, 0x900),
        program_header(PT_LOAD, 5, 0x1000, link + 0x1000, 0x800),
        program_header(PT_LOAD, 6, 0x1800, link + 0x2800, 0x1000),
        program_header(PT_DYNAMIC, 6, 0x1900, link + 0x2900, 0x100),
        program_header(PT_NOTE, 4, 0x800, link + 0x800, 0x2c),
        program_header(PT_GNU_EH_FRAME, 4, 0x700, link + 0x700, 0x24),
        program_header(PT_TLS, 4, 0x1800, link + 0x2800, 0x40),
    ]
}

fn mapping(start: u64, end: u64, offset: u64, executable: bool) -> Mapping {
    Mapping {
        range: Range { start, end },
        readable: true,
        writable: false,
        executable,
        shared: false,
        offset,
        device: (8, 1),
        inode: 7,
        path: Some(FILE.to_owned()),
        deleted: false,
    }
}

fn loaded_at(base: u64) -> Vec<Mapping> {
    vec![
        mapping(base, base + 0x1000, 0, false),
        mapping(base + 0x1000, base + 0x2000, 0x1000, true),
        mapping(base + 0x2000, base + 0x4000, 0x1000, false),
    ]
}

fn auxv(entries: &[(u64, u64)]) -> Vec<u8> {
    entries.iter().flat_map(|(key, value)| [key.to_le_bytes(), value.to_le_bytes()]).flatten().collect()
}

#[test]
fn a_library_is_described_at_the_addresses_of_the_process() {
    let memory = memory(vec![(0x7000_0000, first_page(ET_DYN, 0x1010, &segments(0)))]);
    let modules = find(&loaded_at(0x7000_0000), &memory, &[]);
    let range = |start: u64, end: u64| Range { start: 0x7000_0000 + start, end: 0x7000_0000 + end };
    let expected = Module {
        name: "libexample.so.1".to_owned(),
        path: FILE.to_owned(),
        base: 0x7000_0000,
        bias: 0x7000_0000,
        range: range(0, 0x3800),
        is_executable: false,
        is_interpreter: false,
        entry: 0x7000_1010,
        build_id: Some("ab01ff".to_owned()),
        dynamic: Some(0x7000_2900),
        eh_frame_hdr: Some(range(0x700, 0x724)),
        tls: Some(Tls { image: 0x7000_2800, file_size: 0x40, size: 0x40, align: 4 }),
        text: vec![range(0x1000, 0x1800)],
        segments: vec![range(0, 0x900), range(0x1000, 0x1800), range(0x2800, 0x3800)],
    };
    assert_eq!(modules, [expected]);
}

#[test]
fn the_auxiliary_vector_names_program_and_loader() {
    let fixed = first_page(ET_EXEC, 0x40_1010, &segments(0x40_0000));
    let memory = memory(vec![(0x40_0000, fixed), (0x7000_0000, first_page(ET_DYN, 0, &segments(0)))]);
    let maps = [loaded_at(0x40_0000), loaded_at(0x7000_0000)].concat();
    let auxv = auxv(&[(AT_PHDR, 0x40_0040), (AT_BASE, 0x7000_0000), (AT_ENTRY, 0x40_1010)]);
    let modules = find(&maps, &memory, &auxv);
    let roles: Vec<_> = modules.iter().map(|m| (m.base, m.bias, m.is_executable, m.is_interpreter)).collect();
    assert_eq!(roles, [(0x40_0000, 0, true, false), (0x7000_0000, 0x7000_0000, false, true)]);
    assert_eq!(entry_point(&auxv), Some(0x40_1010));
}

#[test]
fn a_file_that_is_only_read_is_no_module() {
    let page = || first_page(ET_DYN, 0, &segments(0));
    let memory = memory(vec![(0x1000_0000, page()), (0x7000_0000, page())]);
    let read = mapping(0x1000_0000, 0x1000_4000, 0, false);
    let maps = [vec![read], loaded_at(0x7000_0000)].concat();
    let bases: Vec<_> = find(&maps, &memory, &[]).iter().map(|module| module.base).collect();
    assert_eq!(bases, [0x7000_0000]);
}

#[test]
fn a_program_with_fixed_addresses_is_loaded_only_there() {
    let memory = memory(vec![(0x7000_0000, first_page(ET_EXEC, 0, &segments(0x40_0000)))]);
    assert_eq!(find(&loaded_at(0x7000_0000), &memory, &[]), []);
}

#[test]
fn a_file_loaded_twice_is_two_modules() {
    let page = || first_page(ET_DYN, 0, &segments(0));
    let memory = memory(vec![(0x6000_0000, page()), (0x7000_0000, page())]);
    let maps = [loaded_at(0x6000_0000), loaded_at(0x7000_0000)].concat();
    assert_eq!(find(&maps, &memory, &[]).len(), 2);
}

#[test]
fn the_header_page_that_a_small_file_repeats_is_no_second_module() {
    let segments = [
        program_header(PT_LOAD, 4, 0, 0, 0x900),
        program_header(PT_LOAD, 5, 0x900, 0x1900, 0x100),
        program_header(PT_LOAD, 6, 0xa00, 0x2a00, 0x100),
    ];
    let page = first_page(ET_DYN, 0, &segments);
    let memory = memory((0..3).map(|n| (0x7000_0000 + n * 0x1000, page.clone())).collect());
    let maps: Vec<_> =
        (0..3).map(|n| mapping(0x7000_0000 + n * 0x1000, 0x7000_1000 + n * 0x1000, 0, n == 1)).collect();
    let bases: Vec<_> = find(&maps, &memory, &[]).iter().map(|module| module.base).collect();
    assert_eq!(bases, [0x7000_0000]);
}

#[test]
fn devices_are_never_read() {
    let memory = memory(vec![(0x7000_0000, first_page(ET_DYN, 0, &segments(0)))]);
    let mut maps = loaded_at(0x7000_0000);
    maps[0].path = Some("/dev/dri/card0".to_owned());
    assert_eq!(find(&maps, &memory, &[]), []);
}

#[test]
fn a_program_that_moved_itself_to_anonymous_memory_keeps_its_name() {
    let memory = memory(vec![(0x7000_0000, first_page(ET_DYN, 0, &segments(0)))]);
    let mut maps = loaded_at(0x7000_0000);
    maps[0].path = None;
    maps[1].path = None;
    let modules = find(&maps, &memory, &auxv(&[(AT_PHDR, 0x7000_0040)]));
    assert_eq!(modules[0].path, FILE);
}

proptest! {
    /// Whatever a process has in its first page, looking for modules neither panics nor finds one that
    /// reaches beyond user space.
    #[test]
    fn damaged_headers_are_read_safely(
        damage in prop::collection::vec((0..0x840_usize, any::<u8>()), 0..40),
        link in prop::sample::select(vec![0, 0x40_0000, 0xffff_ffff_ffff_0000]),
    ) {
        let sound: Vec<_> = segments(0).iter().map(|header| {
            let mut header = header.clone();
            let address = u64::from_le_bytes(*header[16..].first_chunk().unwrap()).wrapping_add(link);
            header[16..24].copy_from_slice(&address.to_le_bytes());
            header
        }).collect();
        let mut page = first_page(ET_DYN, 0, &sound);
        for (at, byte) in damage {
            page[at] = byte;
        }
        let memory = memory(vec![(0x7000_0000, page)]);
        for module in find(&loaded_at(0x7000_0000), &memory, &auxv(&[(AT_PHDR, 0x7000_0040)])) {
            prop_assert_eq!(module.base, 0x7000_0000);
            prop_assert!(module.range.start < module.range.end && module.range.end <= USER_SPACE_END);
        }
    }
}
