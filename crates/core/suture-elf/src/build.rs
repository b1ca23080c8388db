//! One linked ELF file, read once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use object::read::elf::{FileHeader, ProgramHeader, Rela, SectionHeader, VersionTable};
use object::{LittleEndian, ReadRef, SymbolIndex, elf};

use crate::error::ElfError;
use crate::imports::{self, Import, Slot};
use crate::relocations::{DynamicRelocation, RELOCATIONS_MAX, Relocation, kind};
use crate::symbols::{self, Symbol, SymbolKind};

type Header = elf::FileHeader64<LittleEndian>;
const ENDIAN: LittleEndian = LittleEndian;

/// One past the last address that a program can have (47 bits, psABI §3.3.2).
pub(crate) const ADDRESSES_END: u64 = 1 << 47;
/// Longest decompressed section, bytes.
const DECOMPRESSED_MAX: usize = 4 << 30;

/// One linked ELF executable or shared library.
#[derive(Debug)]
pub struct Build<'d> {
    kind: BuildKind,
    entry: u64,
    segments: Vec<Segment>,
    sections: Vec<Section<'d>>,
    symbols: Vec<Symbol<'d>>,
    by_address: Vec<u32>,
    dynamic_symbols: Vec<Symbol<'d>>,
    versions: Vec<Option<&'d str>>,
    relocations: Vec<Relocation>,
    dynamic_relocations: Vec<DynamicRelocation>,
    slots: BTreeMap<u64, Slot<'d>>,
    stubs: BTreeMap<u64, u64>,
    id: Option<(u64, &'d [u8])>,
    interpreted: bool,
}

/// How a build is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildKind {
    /// At the addresses it names.
    Executable,
    /// Anywhere, as a program.
    Pie,
    /// Anywhere, into a program.
    SharedLibrary,
}

/// A piece of the file that is mapped, or a table for the loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// `PT_*`.
    pub kind: u32,
    /// First virtual address.
    pub address: u64,
    /// Length in memory, bytes.
    pub size: u64,
    /// Length in the file, bytes.
    pub file_size: u64,
    /// Alignment, bytes.
    pub align: u64,
    /// May be written.
    pub writable: bool,
    /// May be executed.
    pub executable: bool,
}

/// A section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its index in the file.
    pub index: u32,
    /// Virtual address; 0 if it is not loaded.
    pub address: u64,
    /// Size in memory, bytes.
    pub size: u64,
    /// `SHF_*`.
    pub flags: u64,
    /// `SHT_*`.
    pub kind: u32,
    /// Alignment, bytes.
    pub align: u64,
    /// Its bytes in the file, compressed if [`Section::is_compressed`]; empty for `.bss`.
    pub data: &'d [u8],
}

impl Section<'_> {
    /// Whether it is part of the program in memory.
    pub fn is_loaded(&self) -> bool {
        self.flags & elf::SHF_ALLOC.0 != 0
    }

    /// Whether the program may write to it, once relocated or at any time.
    pub fn is_writable(&self) -> bool {
        self.flags & elf::SHF_WRITE.0 != 0
    }

    /// Whether it holds code.
    pub fn is_code(&self) -> bool {
        self.flags & elf::SHF_EXECINSTR.0 != 0
    }

    /// Whether its variables exist once for each thread.
    pub fn is_tls(&self) -> bool {
        self.flags & elf::SHF_TLS.0 != 0
    }

    /// Whether its bytes are compressed.
    pub fn is_compressed(&self) -> bool {
        self.flags & elf::SHF_COMPRESSED.0 != 0
    }

    /// Whether `address` lies in it.
    pub fn contains(&self, address: u64) -> bool {
        address.wrapping_sub(self.address) < self.size
    }
}

impl<'d> Build<'d> {
    /// Reads the tables of the file `data`. Fails for anything but a linked x86-64 ELF file.
    pub fn parse(data: &'d [u8]) -> Result<Self, ElfError> {
        let header = header(data)?;
        let sections_table = header.sections(ENDIAN, data)?;
        let mut sections = Vec::with_capacity(sections_table.len());
        for (index, raw) in sections_table.enumerate() {
            sections.push(section(index.0 as u32, raw, sections_table.section_name(ENDIAN, raw)?, data)?);
        }
        let segments: Vec<Segment> =
            header.program_headers(ENDIAN, data)?.iter().map(segment).collect::<Result<_, _>>()?;
        let symbols = symbols::read(&sections_table.symbols(ENDIAN, data, elf::SHT_SYMTAB)?)?;
        let dynamic_table = sections_table.symbols(ENDIAN, data, elf::SHT_DYNSYM)?;
        let dynamic_symbols = symbols::read(&dynamic_table)?;
        let versions = match sections_table.versions(ENDIAN, data)? {
            Some(table) => versions(&table, dynamic_symbols.len()),
            None => vec![None; dynamic_symbols.len()],
        };
        let interpreted = segments.iter().any(|s| s.kind == elf::PT_INTERP.0);
        let mut build = Self {
            kind: kind(header, interpreted, &sections, data)?,
            entry: header.e_entry(ENDIAN),
            by_address: by_address(&symbols),
            segments,
            sections,
            symbols,
            dynamic_symbols,
            versions,
            relocations: Vec::new(),
            dynamic_relocations: Vec::new(),
            slots: BTreeMap::new(),
            stubs: BTreeMap::new(),
            id: None,
            interpreted,
        };
        build.id = build.find_build_id();
        build.read_relocations(&sections_table, data)?;
        build.slots = imports::slots(&build);
        build.stubs = imports::stubs(&build);
        Ok(build)
    }

    /// How it is mapped.
    pub fn kind(&self) -> BuildKind {
        self.kind
    }

    /// Address of the first instruction; 0 for most libraries.
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// Whether a dynamic loader starts it.
    pub fn is_dynamic(&self) -> bool {
        self.interpreted || self.kind == BuildKind::SharedLibrary
    }

    /// Segments in the order of the file.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The thread-local segment: its address is the base of all TLS offsets.
    pub fn tls_segment(&self) -> Option<Segment> {
        self.segments.iter().copied().find(|s| s.kind == elf::PT_TLS.0)
    }

    /// Sections in the order of the file, the empty first one included.
    pub fn sections(&self) -> &[Section<'d>] {
        &self.sections
    }

    /// The first section of that name.
    pub fn section(&self, name: &str) -> Option<&Section<'d>> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The loaded section in which `address` lies.
    pub fn section_at(&self, address: u64) -> Option<&Section<'d>> {
        // `.tbss` takes no addresses, though its header claims some.
        let takes_addresses =
            |s: &&Section<'_>| s.is_loaded() && !(s.is_tls() && s.kind == elf::SHT_NOBITS.0);
        self.sections.iter().filter(takes_addresses).find(|section| section.contains(address))
    }

    /// Content of the first section of that name, decompressed; empty if there is none.
    pub fn section_data(&self, name: &str) -> Result<Cow<'d, [u8]>, ElfError> {
        let Some(section) = self.section(name) else { return Ok(Cow::Borrowed(&[])) };
        if !section.is_compressed() {
            return Ok(Cow::Borrowed(section.data));
        }
        decompress(section).map(Cow::Owned)
    }

    /// GNU build-id.
    pub fn build_id(&self) -> Option<&'d [u8]> {
        self.id.map(|(_, id)| id)
    }

    /// Virtual address of the build-id's bytes.
    pub fn build_id_address(&self) -> Option<u64> {
        self.id.map(|(address, _)| address)
    }

    /// Symbols of `.symtab`, in its order.
    pub fn symbols(&self) -> &[Symbol<'d>] {
        &self.symbols
    }

    /// Indices into [`Build::symbols`] of defined functions and objects, ascending by address, larger first.
    pub fn symbols_by_address(&self) -> &[u32] {
        &self.by_address
    }

    /// Symbols of `.dynsym`, in its order.
    pub fn dynamic_symbols(&self) -> &[Symbol<'d>] {
        &self.dynamic_symbols
    }

    /// The dynamic symbol of that index as something imported.
    pub fn import(&self, index: u32) -> Option<Import<'d>> {
        let symbol = self.dynamic_symbols.get(index as usize)?;
        let version = self.versions.get(index as usize).copied().flatten();
        Some(Import { name: symbol.name, version })
    }

    /// Relocations that the linker left (`--emit-relocs`) in loaded sections, ascending by address.
    pub fn relocations(&self) -> &[Relocation] {
        &self.relocations
    }

    /// Those in `start..end`.
    pub fn relocations_in(&self, start: u64, end: u64) -> &[Relocation] {
        let from = self.relocations.partition_point(|r| r.address < start);
        let to = self.relocations.partition_point(|r| r.address < end);
        self.relocations.get(from..to).unwrap_or_default()
    }

    /// Relocations for the dynamic loader, ascending by address.
    pub fn dynamic_relocations(&self) -> &[DynamicRelocation] {
        &self.dynamic_relocations
    }

    /// What the dynamic loader puts into the word at `address`.
    pub fn slot(&self, address: u64) -> Option<Slot<'d>> {
        self.slots.get(&address).copied()
    }

    /// The symbol that the loader looks up for the word at `address` although the build defines it itself, and what is added to
    /// it: another module's definition may be found first.
    pub fn preemptible(&self, address: u64) -> Option<(u32, i64)> {
        let at = self.dynamic_relocations.partition_point(|r| r.address < address);
        let is_looked_up =
            |r: &&DynamicRelocation| r.address == address && r.symbol != 0 && r.kind != kind::COPY;
        let relocation = self.dynamic_relocations.get(at).filter(is_looked_up)?;
        let symbol = self.dynamic_symbols.get(relocation.symbol as usize)?;
        let is_open = symbol.section.is_some() && !symbol.local && !symbol.bound;
        is_open.then_some((relocation.symbol, relocation.addend))
    }

    /// All words that the dynamic loader fills, by address.
    pub fn slots(&self) -> &BTreeMap<u64, Slot<'d>> {
        &self.slots
    }

    /// The slot through which the linkage stub at `address` jumps.
    pub fn stub(&self, address: u64) -> Option<u64> {
        self.stubs.get(&address).copied()
    }

    /// All linkage stubs: address and slot.
    pub fn stubs(&self) -> &BTreeMap<u64, u64> {
        &self.stubs
    }

    /// `len` bytes of the file at a virtual address; `None` if not all are in one section of the file.
    pub fn read(&self, address: u64, len: u64) -> Option<&'d [u8]> {
        let section = self.section_at(address)?;
        let start = usize::try_from(address - section.address).ok()?;
        section.data.get(start..start.checked_add(usize::try_from(len).ok()?)?)
    }

    /// A little-endian word of the file at a virtual address.
    pub fn read_u64(&self, address: u64) -> Option<u64> {
        self.read(address, 8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn find_build_id(&self) -> Option<(u64, &'d [u8])> {
        const NAME_AND_HEADER: usize = 16;
        let note = self.sections.iter().find(|s| s.name == ".note.gnu.build-id")?;
        let len = u32::from_le_bytes(note.data.get(4..8)?.try_into().ok()?) as usize;
        let id = note.data.get(NAME_AND_HEADER..NAME_AND_HEADER.checked_add(len)?)?;
        Some((note.address + NAME_AND_HEADER as u64, id)).filter(|_| !id.is_empty())
    }

    fn read_relocations(
        &mut self,
        table: &object::read::elf::SectionTable<'d, Header>,
        data: &'d [u8],
    ) -> Result<(), ElfError> {
        for raw in table.iter() {
            let Some((entries, symbols)) = raw.rela(ENDIAN, data)? else { continue };
            let total = entries.len() + self.relocations.len() + self.dynamic_relocations.len();
            if total > RELOCATIONS_MAX {
                return Err(ElfError::TooLarge {
                    what: "relocation tables",
                    count: total,
                    limit: RELOCATIONS_MAX,
                });
            }
            let is_loaded = |index: u32| self.sections.get(index as usize).is_some_and(Section::is_loaded);
            if raw.sh_flags(ENDIAN).0 & elf::SHF_ALLOC.0 != 0 {
                self.dynamic_relocations.extend(entries.iter().map(|entry| DynamicRelocation {
                    address: entry.r_offset(ENDIAN),
                    kind: entry.r_type(ENDIAN, false).0,
                    symbol: entry.r_sym(ENDIAN, false),
                    addend: entry.r_addend(ENDIAN),
                }));
            } else if is_loaded(raw.sh_info(ENDIAN)) && symbols.0 != 0 {
                self.relocations.extend(entries.iter().map(|entry| Relocation {
                    address: entry.r_offset(ENDIAN),
                    kind: entry.r_type(ENDIAN, false).0,
                    symbol: entry.r_sym(ENDIAN, false),
                    addend: entry.r_addend(ENDIAN),
                }));
            }
        }
        let symbols = self.symbols.len();
        self.relocations.retain(|r| r.kind != 0 && (r.symbol as usize) < symbols.max(1));
        self.relocations.sort_by_key(|r| r.address);
        self.dynamic_relocations.sort_by_key(|r| r.address);
        Ok(())
    }
}

fn header(data: &[u8]) -> Result<&Header, ElfError> {
    let ident = data.get(..20).ok_or_else(|| ElfError::Malformed("it ends within its header".to_owned()))?;
    if !ident.starts_with(b"\x7fELF") {
        return Err(ElfError::Malformed("it does not begin with the ELF mark".to_owned()));
    }
    let machine = u16::from_le_bytes([ident[18], ident[19]]);
    if ident[4] != elf::ELFCLASS64.0 || ident[5] != elf::ELFDATA2LSB.0 || machine != elf::EM_X86_64.0 {
        let bits = if ident[4] == elf::ELFCLASS64.0 { 64 } else { 32 };
        return Err(ElfError::WrongArchitecture(format!("machine {machine} with {bits} bits")));
    }
    Ok(Header::parse(data)?)
}

fn kind(
    header: &Header,
    interpreted: bool,
    sections: &[Section<'_>],
    data: &[u8],
) -> Result<BuildKind, ElfError> {
    match header.e_type(ENDIAN) {
        elf::ET_EXEC => Ok(BuildKind::Executable),
        elf::ET_DYN if interpreted || is_static_pie(sections, data) => Ok(BuildKind::Pie),
        elf::ET_DYN => Ok(BuildKind::SharedLibrary),
        other => Err(ElfError::NotLinked(other.0)),
    }
}

/// A static PIE has no interpreter; `DF_1_PIE` in its dynamic section tells it from a library.
fn is_static_pie(sections: &[Section<'_>], _data: &[u8]) -> bool {
    const DT_FLAGS_1: u64 = 0x6fff_fffb;
    const DF_1_PIE: u64 = 0x0800_0000;
    let Some(dynamic) = sections.iter().find(|s| s.name == ".dynamic") else { return false };
    let words = dynamic.data.chunks_exact(16).map(|pair| {
        let (tag, value) = pair.split_at(8);
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        (word(tag), word(value))
    });
    words.into_iter().any(|(tag, value)| tag == DT_FLAGS_1 && value & DF_1_PIE != 0)
}

fn section<'d>(
    index: u32,
    raw: &elf::SectionHeader64<LittleEndian>,
    name: &'d [u8],
    data: &'d [u8],
) -> Result<Section<'d>, ElfError> {
    let name = std::str::from_utf8(name).unwrap_or_default();
    check_addresses(
        || format!("section {}", name.escape_default()),
        raw.sh_addr(ENDIAN),
        raw.sh_size(ENDIAN),
    )?;
    Ok(Section {
        name,
        index,
        address: raw.sh_addr(ENDIAN),
        size: raw.sh_size(ENDIAN),
        flags: raw.sh_flags(ENDIAN).0,
        kind: raw.sh_type(ENDIAN).0,
        align: raw.sh_addralign(ENDIAN),
        data: raw.data(ENDIAN, data)?,
    })
}

/// So that an address inside anything that was read may be added to without care.
fn check_addresses(what: impl Fn() -> String, address: u64, size: u64) -> Result<(), ElfError> {
    match address.checked_add(size) {
        Some(end) if end <= ADDRESSES_END => Ok(()),
        _ => Err(ElfError::Malformed(format!("{} reaches beyond the addresses of a program", what()))),
    }
}

fn segment(raw: &elf::ProgramHeader64<LittleEndian>) -> Result<Segment, ElfError> {
    check_addresses(|| "a segment".to_owned(), raw.p_vaddr(ENDIAN), raw.p_memsz(ENDIAN))?;
    Ok(Segment {
        kind: raw.p_type(ENDIAN).0,
        address: raw.p_vaddr(ENDIAN),
        size: raw.p_memsz(ENDIAN),
        file_size: raw.p_filesz(ENDIAN),
        align: raw.p_align(ENDIAN),
        writable: raw.p_flags(ENDIAN).0 & elf::PF_W.0 != 0,
        executable: raw.p_flags(ENDIAN).0 & elf::PF_X.0 != 0,
    })
}

fn versions<'d>(table: &VersionTable<'d, Header>, count: usize) -> Vec<Option<&'d str>> {
    let version = |index: usize| {
        let index = table.version_index(ENDIAN, SymbolIndex(index)).index();
        let version = table.version(index).ok().flatten()?;
        std::str::from_utf8(version.name()).ok().filter(|name| !name.is_empty())
    };
    (0..count).map(version).collect()
}

fn by_address(symbols: &[Symbol<'_>]) -> Vec<u32> {
    let placed = |s: &Symbol<'_>| {
        s.section.is_some()
            && matches!(s.kind, SymbolKind::Function | SymbolKind::IndirectFunction | SymbolKind::Object)
    };
    let mut indices: Vec<u32> =
        (0..symbols.len() as u32).filter(|index| placed(&symbols[*index as usize])).collect();
    indices.sort_by_key(|index| {
        let symbol = &symbols[*index as usize];
        (symbol.address, std::cmp::Reverse(symbol.size), *index)
    });
    indices
}

fn decompress(section: &Section<'_>) -> Result<Vec<u8>, ElfError> {
    let failed = |why: String| ElfError::Compressed { name: section.name.to_owned(), why };
    let word = |at: usize, len: usize| {
        let bytes = section.data.get(at..at + len);
        bytes.map(|bytes| bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let (Some(format), Some(size)) = (word(0, 4), word(8, 8)) else {
        return Err(failed("it ends within its header".to_owned()));
    };
    if size > DECOMPRESSED_MAX as u64 {
        return Err(failed(format!("it claims {size} bytes, more than {DECOMPRESSED_MAX}")));
    }
    let format = match format {
        1 => object::CompressionFormat::Zlib,
        2 => object::CompressionFormat::Zstandard,
        other => return Err(failed(format!("unknown format {other}"))),
    };
    let data = section.data.read_bytes_at(24, section.data.len() as u64 - 24);
    let data = data.map_err(|()| failed("it ends within its header".to_owned()))?;
    let compressed = object::CompressedData { format, data, uncompressed_size: size };
    Ok(compressed.decompress().map_err(|error| failed(error.to_string()))?.into_owned())
}
