//! The symbols of a patch in a process, as a file for debuggers and profilers.
//!
//! What runs in a home comes from no file, so gdb and perf know nothing of it. The file made here names its
//! functions at their addresses and has their unwind rules; gdb takes it with `add-symbol-file`, and perf
//! takes it for the memory file that `/proc/PID/maps` shows, for its code stands at the same offset.

use object::LittleEndian as Le;
use object::elf::{self, FileHeader64, SectionHeader64, Sym64};
use object::endian::{U16, U32, U64};
use object::pod;

use crate::home::Home;

/// What of a home a tool needs to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content<'a> {
    /// The code: as long as [`Record::text`](crate::home::Record::text).
    pub text: &'a [u8],
    /// The unwind table, terminator included; empty if there is none.
    pub frames: &'a [u8],
}

const ALIGN: usize = 8;
const STRTAB_INDEX: u32 = 4;
const TEXT_INDEX: u16 = 1;
/// Names of the sections, in the order of the table, after the one that is none.
const NAMES: [&str; 4] = [".text", ".eh_frame", ".symtab", ".strtab"];

/// An executable file with the symbols of `home`.
pub fn symbol_file(home: &Home, content: Content<'_>) -> Vec<u8> {
    let record = &home.record;
    let mut strings = vec![0];
    let mut symbols = vec![0; size_of::<Sym64<Le>>()];
    for function in &record.functions {
        let name = strings.len() as u32;
        strings.extend(function.name.bytes().chain([0]));
        symbols.extend_from_slice(pod::bytes_of(&Sym64 {
            st_name: U32::new(Le, name),
            st_info: elf::SymbolInfo::new(elf::STB_GLOBAL, elf::STT_FUNC),
            st_other: elf::SymbolOther(0),
            st_shndx: U16::new(Le, elf::SymbolSection(TEXT_INDEX)),
            st_value: U64::new(Le, function.range.start),
            st_size: U64::new(Le, function.range.len()),
        }));
    }
    let names = NAMES.map(|name| {
        let at = strings.len() as u32;
        strings.extend(name.bytes().chain([0]));
        at
    });
    let mut file = vec![0; (record.text.start - record.home.start) as usize];
    let mut table = vec![0; size_of::<SectionHeader64<Le>>()];
    let mut push =
        |index: usize, bytes: &[u8], kind: elf::SectionType, flags: elf::SectionFlags, address: u64| {
            file.resize(file.len().next_multiple_of(ALIGN), 0);
            let is_symbols = kind == elf::SHT_SYMTAB;
            table.extend_from_slice(pod::bytes_of(&SectionHeader64 {
                sh_name: U32::new(Le, names[index]),
                sh_type: U32::new(Le, kind),
                sh_flags: U64::new(Le, flags),
                sh_addr: U64::new(Le, address),
                sh_offset: U64::new(Le, file.len() as u64),
                sh_size: U64::new(Le, bytes.len() as u64),
                sh_link: U32::new(Le, if is_symbols { STRTAB_INDEX } else { 0 }),
                sh_info: U32::new(Le, u32::from(is_symbols)),
                sh_addralign: U64::new(Le, ALIGN as u64),
                sh_entsize: U64::new(Le, if is_symbols { size_of::<Sym64<Le>>() as u64 } else { 0 }),
            }));
            file.extend_from_slice(bytes);
        };
    let none = elf::SectionFlags(0);
    push(0, content.text, elf::SHT_PROGBITS, elf::SHF_ALLOC | elf::SHF_EXECINSTR, record.text.start);
    push(1, content.frames, elf::SHT_PROGBITS, elf::SHF_ALLOC, record.frames.unwrap_or(0));
    push(2, &symbols, elf::SHT_SYMTAB, none, 0);
    push(3, &strings, elf::SHT_STRTAB, none, 0);
    file.resize(file.len().next_multiple_of(ALIGN), 0);
    let header = header(file.len() as u64);
    file[..size_of::<FileHeader64<Le>>()].copy_from_slice(pod::bytes_of(&header));
    file.extend_from_slice(&table);
    file
}

fn header(table_offset: u64) -> FileHeader64<Le> {
    FileHeader64 {
        e_ident: elf::Ident {
            magic: elf::ELFMAG,
            class: elf::ELFCLASS64,
            data: elf::ELFDATA2LSB,
            version: elf::EV_CURRENT,
            os_abi: elf::ELFOSABI_SYSV,
            abi_version: 0,
            padding: [0; 7],
        },
        e_type: U16::new(Le, elf::ET_EXEC),
        e_machine: U16::new(Le, elf::EM_X86_64),
        e_version: U32::new(Le, 1),
        e_entry: U64::new(Le, 0),
        e_phoff: U64::new(Le, 0),
        e_shoff: U64::new(Le, table_offset),
        e_flags: U32::new(Le, elf::FileFlags(0)),
        e_ehsize: U16::new(Le, size_of::<FileHeader64<Le>>() as u16),
        e_phentsize: U16::new(Le, 0),
        e_phnum: U16::new(Le, 0),
        e_shentsize: U16::new(Le, size_of::<SectionHeader64<Le>>() as u16),
        e_shnum: U16::new(Le, NAMES.len() as u16 + 1),
        e_shstrndx: U16::new(Le, elf::SymbolSection(STRTAB_INDEX as u16)),
    }
}
