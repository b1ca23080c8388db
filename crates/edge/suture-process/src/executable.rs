//! Functions of the main program that it does not export, by the symbol table of its file.
//!
//! Memory has no such table. `/proc/PID/exe` is the very file that runs, whatever became of its name, and nobody can write into it while
//! it does (`ETXTBSY`); a program that was stripped has none, and then nothing is found.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use object::elf::{FileHeader64, SHT_SYMTAB, STT_FUNC, STT_GNU_IFUNC, Sym64};
use object::read::elf::{FileHeader as _, SectionHeader as _, Sym as _};
use object::{LittleEndian, ReadCache};
use suture_delta::model::Range;

use crate::patient::Patient;
use crate::{proc, sys};

/// Longest table that is read, in bytes: ten million symbols.
const TABLE_LEN_MAX: u64 = 256 << 20;

/// The functions of the main program whose names are `wanted`, at addresses of the process; none if the file can't be read.
pub(crate) fn functions(patient: &Patient, wanted: &dyn Fn(&str) -> bool) -> Vec<(Range, String)> {
    let Some(bias) = patient.modules.iter().find(|module| module.is_executable).map(|module| module.bias)
    else {
        return Vec::new();
    };
    read(patient.pid, bias, wanted)
        .inspect_err(|error| tracing::debug!(%error, "no symbols of the program's file"))
        .unwrap_or_default()
}

fn read(pid: i32, bias: u64, wanted: &dyn Fn(&str) -> bool) -> io::Result<Vec<(Range, String)>> {
    let file = sys::call(|| File::open(proc::path(pid, "exe")))?;
    let Some((symbols, strings)) = tables(&file)? else { return Ok(Vec::new()) };
    let symbols = object::pod::slice_from_all_bytes::<Sym64<LittleEndian>>(&symbols)
        .map_err(|()| io::Error::other("its symbol table ends in the middle of a symbol"))?;
    let name = |symbol: &Sym64<LittleEndian>| {
        let text = strings.get(symbol.st_name(LittleEndian) as usize..)?;
        std::str::from_utf8(text.get(..text.iter().position(|byte| *byte == 0)?)?).ok()
    };
    let is_function = |symbol: &&Sym64<LittleEndian>| {
        matches!(symbol.st_type(), STT_FUNC | STT_GNU_IFUNC) && symbol.st_value(LittleEndian) != 0
    };
    let found = symbols.iter().filter(is_function).filter_map(|symbol| {
        let name = name(symbol).filter(|name| wanted(name))?;
        let start = symbol.st_value(LittleEndian).wrapping_add(bias);
        let end = start.saturating_add(symbol.st_size(LittleEndian));
        Some((Range { start, end }, name.to_owned()))
    });
    Ok(found.collect())
}

/// The symbol table of a file and the names that belong to it.
fn tables(file: &File) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let cache = ReadCache::new(file);
    let malformed = |error: object::Error| io::Error::other(error.to_string());
    let header = FileHeader64::<LittleEndian>::parse(&cache).map_err(malformed)?;
    let sections = header.section_headers(LittleEndian, &cache).map_err(malformed)?;
    let Some(symbols) = sections.iter().find(|section| section.sh_type(LittleEndian) == SHT_SYMTAB) else {
        return Ok(None);
    };
    let Some(strings) = sections.get(symbols.sh_link(LittleEndian) as usize) else { return Ok(None) };
    let content = |section: &object::elf::SectionHeader64<LittleEndian>| {
        let (offset, len) = (section.sh_offset(LittleEndian), section.sh_size(LittleEndian));
        if len > TABLE_LEN_MAX || offset.checked_add(len).is_none_or(|end| end > file_len(file)) {
            return Err(io::Error::other("its symbol table is longer than the file"));
        }
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    };
    Ok(Some((content(symbols)?, content(strings)?)))
}

fn file_len(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}
