//! The programs and libraries that a process has loaded, found from its mappings and its memory alone.
//!
//! The files on disk are never asked: they may have been replaced, deleted, or belong to another mount
//! namespace. What the loader has mapped always begins with the ELF header and the program headers, and they
//! say where the rest stands.

mod headers;

use suture_delta::model::Range;

use crate::maps::Mapping;
use crate::memory::Memory;

use headers::{ET_EXEC, Headers, PF_X, PT_DYNAMIC, PT_GNU_EH_FRAME, PT_LOAD, PT_NOTE, PT_TLS, Segment, word};

/// One loaded ELF file; all addresses are those of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its file's name without directories, or `[vdso]`.
    pub name: String,
    /// Its path in the mount namespace of the process, when it was mapped.
    pub path: String,
    /// Address of its ELF header.
    pub base: u64,
    /// What was added to the addresses of the link; 0 for `ET_EXEC`, wrapping for a file that was linked
    /// to a higher address than it was loaded at.
    pub bias: u64,
    /// From the lowest to one past the highest address of its loaded segments.
    pub range: Range,
    /// Whether it is the main program.
    pub is_executable: bool,
    /// Whether it is the dynamic loader that the kernel mapped for the main program.
    pub is_interpreter: bool,
    /// Its entry point; the bias alone for a library without one.
    pub entry: u64,
    /// GNU build-id, lower-case hex.
    pub build_id: Option<String>,
    /// Its dynamic section.
    pub dynamic: Option<u64>,
    /// Its `.eh_frame_hdr`.
    pub eh_frame_hdr: Option<Range>,
    /// The initial image of its thread-local storage.
    pub tls: Option<Tls>,
    /// Its executable segments.
    pub text: Vec<Range>,
    /// All its loaded segments.
    pub segments: Vec<Range>,
}

/// The thread-local storage of a module: what each thread gets a copy of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tls {
    /// Where the initial content stands.
    pub image: u64,
    /// Its length in bytes; the rest of the copy is zero.
    pub file_size: u64,
    /// Length of each thread's copy in bytes.
    pub size: u64,
    /// Alignment of each thread's copy in bytes.
    pub align: u64,
}

/// Entries of the auxiliary vector (include/uapi/linux/auxvec.h).
const AT_PHDR: u64 = 3;
const AT_BASE: u64 = 7;
const AT_ENTRY: u64 = 9;

/// One past the highest address of a user process with four-level page tables; five-level ones are used
/// only by programs that ask for such addresses.
const USER_SPACE_END: u64 = 1 << 47;
/// Length of the smallest page.
const PAGE_LEN: u64 = 4096;
/// Longest note segment that is searched for the build-id, in bytes.
const NOTES_LEN_MAX: u64 = 64 << 10;
/// Longest build-id; they have 8, 16 or 20 bytes.
const BUILD_ID_LEN_MAX: usize = 64;
const NOTE_BUILD_ID: u32 = 3;
/// What the kernel calls its own module in the list of mappings.
const VDSO: &str = "[vdso]";

impl Module {
    /// Whether it is the object that the kernel maps into every process.
    pub fn is_vdso(&self) -> bool {
        self.name == VDSO
    }
}

/// The modules of the process with these mappings (ascending), this memory and this auxiliary vector
/// (`/proc/PID/auxv`), by address.
///
/// A file that is mapped more than once is found as often as it is loaded: mappings that are plain copies of
/// the file (a program that reads itself, a debugger's) are told from loaded ones by their text, which must
/// be executable.
pub fn find(maps: &[Mapping], memory: &dyn Memory, auxv: &[u8]) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for mapping in maps {
        let behind = modules.last().is_none_or(|last| last.range.end <= mapping.range.start);
        if behind && may_begin_module(mapping, auxv) {
            modules.extend(module_at(mapping, maps, memory, auxv));
        }
    }
    modules
}

/// Where the main program begins to run (`AT_ENTRY`), from the auxiliary vector.
pub fn entry_point(auxv: &[u8]) -> Option<u64> {
    auxiliary(auxv, AT_ENTRY)
}

/// Whether it is worth looking for an ELF header at the start of a mapping. The program's own headers may
/// stand in anonymous memory, if it has moved its text to huge pages; devices must not be read.
fn may_begin_module(mapping: &Mapping, auxv: &[u8]) -> bool {
    let holds = |entry| auxiliary(auxv, entry).is_some_and(|address| mapping.range.contains(address));
    let of_file = |path: &str| {
        let device = path.starts_with("/dev/") && !path.starts_with("/dev/shm/");
        path == VDSO || (path.starts_with('/') && !device)
    };
    let private_file = !mapping.shared && mapping.offset == 0 && mapping.path.as_deref().is_some_and(of_file);
    mapping.readable && (private_file || holds(AT_PHDR) || holds(AT_BASE))
}

fn module_at(first: &Mapping, maps: &[Mapping], memory: &dyn Memory, auxv: &[u8]) -> Option<Module> {
    let base = first.range.start;
    let headers = headers::read(memory, base)?;
    let bias = bias(&headers, base)?;
    let loaded = || headers.segments.iter().filter(|s| s.kind == PT_LOAD && s.size > 0);
    let text: Vec<Range> =
        loaded().filter(|s| s.flags & PF_X != 0).map(|s| place(s, bias)).collect::<Option<_>>()?;
    if !text.iter().all(|range| is_executable_memory(maps, range.start)) {
        return None;
    }
    let segments: Vec<Range> = loaded().map(|s| place(s, bias)).collect::<Option<_>>()?;
    let range = Range {
        start: segments.iter().map(|range| range.start).min()?,
        end: segments.iter().map(|range| range.end).max()?,
    };
    let path = path_of(first, maps, range);
    let only = |kind| headers.segments.iter().find(|s| s.kind == kind);
    Some(Module {
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
        path,
        base,
        bias,
        range,
        is_executable: auxiliary(auxv, AT_PHDR).is_some_and(|address| range.contains(address)),
        is_interpreter: auxiliary(auxv, AT_BASE) == Some(base),
        entry: headers.entry.wrapping_add(bias),
        build_id: build_id(&headers, bias, memory),
        dynamic: only(PT_DYNAMIC).map(|s| s.address.wrapping_add(bias)),
        eh_frame_hdr: only(PT_GNU_EH_FRAME).and_then(|s| place(s, bias)),
        tls: only(PT_TLS).map(|s| Tls {
            image: s.address.wrapping_add(bias),
            file_size: s.file_size,
            size: s.size,
            align: s.align,
        }),
        text,
        segments,
    })
}

/// What the loader added to the addresses of the link: the segment with the first page of the file, which
/// holds the headers, was loaded at `base`.
fn bias(headers: &Headers, base: u64) -> Option<u64> {
    let first = headers.segments.iter().find(|s| s.kind == PT_LOAD && s.offset < PAGE_LEN)?;
    let bias = base.wrapping_sub(first.address & !(PAGE_LEN - 1));
    (headers.kind != ET_EXEC || bias == 0).then_some(bias)
}

/// The memory of a segment.
fn place(segment: &Segment, bias: u64) -> Option<Range> {
    let start = segment.address.wrapping_add(bias);
    let end = start.checked_add(segment.size)?;
    (end <= USER_SPACE_END).then_some(Range { start, end })
}

fn is_executable_memory(maps: &[Mapping], address: u64) -> bool {
    maps.get(maps.partition_point(|mapping| mapping.range.end <= address))
        .is_some_and(|mapping| mapping.executable && mapping.range.contains(address))
}

/// The path of the module's first mapping, or, if that is anonymous, of the next one that has a file.
fn path_of(first: &Mapping, maps: &[Mapping], range: Range) -> String {
    let begin = maps.partition_point(|mapping| mapping.range.start < first.range.start);
    let mut inside = maps.iter().skip(begin).take_while(|mapping| mapping.range.start < range.end);
    let named =
        |mapping: &&Mapping| mapping.path.as_ref().is_some_and(|path| path == VDSO || path.starts_with('/'));
    inside.find(named).and_then(|mapping| mapping.path.clone()).unwrap_or_default()
}

fn build_id(headers: &Headers, bias: u64, memory: &dyn Memory) -> Option<String> {
    headers.segments.iter().filter(|s| s.kind == PT_NOTE && s.size <= NOTES_LEN_MAX).find_map(|segment| {
        let mut notes = vec![0; segment.size as usize];
        memory.read(segment.address.wrapping_add(bias), &mut notes).ok()?;
        build_id_of_notes(&notes, if segment.align == 8 { 8 } else { 4 })
    })
}

/// Walks `Elf64_Nhdr` records: three words (name length, content length, kind), the name and the content,
/// each padded to `align`.
fn build_id_of_notes(mut notes: &[u8], align: usize) -> Option<String> {
    loop {
        let name_len = word(notes, 0)? as usize;
        let content_len = word(notes, 4)? as usize;
        let content_at = 12_usize.checked_add(name_len)?.checked_next_multiple_of(align)?;
        let content_end = content_at.checked_add(content_len)?;
        let is_build_id = word(notes, 8)? == NOTE_BUILD_ID && notes.get(12..)?.starts_with(b"GNU\0");
        if is_build_id && name_len == 4 && (1..=BUILD_ID_LEN_MAX).contains(&content_len) {
            return notes.get(content_at..content_end).map(hex);
        }
        notes = notes.get(content_end.checked_next_multiple_of(align)?..)?;
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The value of one entry of an auxiliary vector: pairs of words, ended by a pair of zeros.
fn auxiliary(auxv: &[u8], entry: u64) -> Option<u64> {
    let (words, _) = auxv.as_chunks::<8>();
    let mut pairs =
        words.chunks_exact(2).map(|pair| (u64::from_le_bytes(pair[0]), u64::from_le_bytes(pair[1])));
    pairs.find(|&(key, value)| key == entry && value != 0).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
