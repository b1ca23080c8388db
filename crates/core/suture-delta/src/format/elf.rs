//! The four records of an ELF64 file, little-endian, as far as a delta uses them (gABI chapters 4 and 5).

use object::elf;

pub(super) const HEADER_LEN: usize = 64;
pub(super) const SECTION_LEN: usize = 64;
pub(super) const SYMBOL_LEN: usize = 24;
pub(super) const RELA_LEN: usize = 24;

pub(super) const PROGBITS: u32 = elf::SHT_PROGBITS.0;
pub(super) const NOBITS: u32 = elf::SHT_NOBITS.0;
pub(super) const UNWIND: u32 = elf::SHT_X86_64_UNWIND.0;
pub(super) const SYMTAB: u32 = elf::SHT_SYMTAB.0;
pub(super) const STRTAB: u32 = elf::SHT_STRTAB.0;
pub(super) const RELA: u32 = elf::SHT_RELA.0;
pub(super) const WRITE: u64 = elf::SHF_WRITE.0;
pub(super) const ALLOC: u64 = elf::SHF_ALLOC.0;
pub(super) const EXECUTE: u64 = elf::SHF_EXECINSTR.0;
pub(super) const INFO_LINK: u64 = elf::SHF_INFO_LINK.0;

/// The file header; what a relocatable file does not use is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) table_offset: u64,
    pub(super) entry_count: u16,
    pub(super) names_index: u16,
}

/// One entry of the section table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SectionRecord {
    pub(super) name: u32,
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) link: u32,
    pub(super) info: u32,
    pub(super) align: u64,
    pub(super) entry_size: u64,
}

/// One entry of the symbol table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SymbolRecord {
    pub(super) name: u32,
    pub(super) info: u8,
    pub(super) section: u16,
    pub(super) value: u64,
    pub(super) size: u64,
}

/// One entry of a relocation table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RelaRecord {
    pub(super) offset: u64,
    pub(super) kind: u32,
    pub(super) symbol: u32,
    pub(super) addend: i64,
}

const IDENT: [u8; 16] = [0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..16].copy_from_slice(&IDENT);
        bytes[16..18].copy_from_slice(&elf::ET_REL.0.to_le_bytes());
        bytes[18..20].copy_from_slice(&elf::EM_X86_64.0.to_le_bytes());
        bytes[20] = 1;
        bytes[40..48].copy_from_slice(&self.table_offset.to_le_bytes());
        bytes[52..54].copy_from_slice(&(HEADER_LEN as u16).to_le_bytes());
        bytes[58..60].copy_from_slice(&(SECTION_LEN as u16).to_le_bytes());
        bytes[60..62].copy_from_slice(&self.entry_count.to_le_bytes());
        bytes[62..64].copy_from_slice(&self.names_index.to_le_bytes());
        bytes
    }

    /// The header, if every field that a delta does not use has the one value it may have.
    pub(super) fn decode(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let header = Self {
            table_offset: word(bytes, 40),
            entry_count: half(bytes, 60),
            names_index: half(bytes, 62),
        };
        (header.encode() == *bytes).then_some(header)
    }
}

impl SectionRecord {
    pub(super) fn encode(&self) -> [u8; SECTION_LEN] {
        let mut bytes = [0; SECTION_LEN];
        bytes[0..4].copy_from_slice(&self.name.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.kind.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.flags.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.offset.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.size.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.link.to_le_bytes());
        bytes[44..48].copy_from_slice(&self.info.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.align.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.entry_size.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; SECTION_LEN]) -> Self {
        Self {
            name: quarter(bytes, 0),
            kind: quarter(bytes, 4),
            flags: word(bytes, 8),
            offset: word(bytes, 24),
            size: word(bytes, 32),
            link: quarter(bytes, 40),
            info: quarter(bytes, 44),
            align: word(bytes, 48),
            entry_size: word(bytes, 56),
        }
    }
}

impl SymbolRecord {
    pub(super) fn encode(&self) -> [u8; SYMBOL_LEN] {
        let mut bytes = [0; SYMBOL_LEN];
        bytes[0..4].copy_from_slice(&self.name.to_le_bytes());
        bytes[4] = self.info;
        bytes[6..8].copy_from_slice(&self.section.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.value.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; SYMBOL_LEN]) -> Self {
        Self {
            name: quarter(bytes, 0),
            info: bytes[4],
            section: half(bytes, 6),
            value: word(bytes, 8),
            size: word(bytes, 16),
        }
    }
}

impl RelaRecord {
    pub(super) fn encode(&self) -> [u8; RELA_LEN] {
        let mut bytes = [0; RELA_LEN];
        bytes[0..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.kind.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.symbol.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.addend.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; RELA_LEN]) -> Self {
        Self {
            offset: word(bytes, 0),
            kind: quarter(bytes, 8),
            symbol: quarter(bytes, 12),
            addend: word(bytes, 16) as i64,
        }
    }
}

fn half<const N: usize>(record: &[u8; N], at: usize) -> u16 {
    u16::from_le_bytes([record[at], record[at + 1]])
}

fn quarter<const N: usize>(record: &[u8; N], at: usize) -> u32 {
    u32::from(half(record, at)) | u32::from(half(record, at + 2)) << 16
}

fn word<const N: usize>(record: &[u8; N], at: usize) -> u64 {
    u64::from(quarter(record, at)) | u64::from(quarter(record, at + 4)) << 32
}
