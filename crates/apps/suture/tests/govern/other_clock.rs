//! The program on a machine whose clock is years off.
//!
//! It is static, so that no library can be put before its C library: in a copy of it, the function that reads the clock is another.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

use crate::transcript::{suture, suture_in};

const YEAR_S: i64 = 31_557_600;

/// The program with a clock that is so many years ahead, or behind.
pub(crate) fn clocked(here: &Path, years: i64, arguments: &[&str]) -> Command {
    if years == 0 {
        return suture(here, arguments);
    }
    let program = here.join(format!("suture.{years}"));
    if !program.exists() {
        let mut bytes = fs::read(env!("CARGO_BIN_EXE_suture")).unwrap();
        let code = clock_ahead_by(years * YEAR_S);
        let start = place_of(&bytes, "clock_gettime", code.len());
        bytes[start..start + code.len()].copy_from_slice(&code);
        fs::write(&program, bytes).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    suture_in(&program, here, arguments)
}

/// `int clock_gettime(clockid_t clock, struct timespec *now)` by the system call, with so many seconds more on `CLOCK_REALTIME`.
fn clock_ahead_by(seconds: i64) -> Vec<u8> {
    let mut code = vec![0xb8];
    code.extend(u32::try_from(libc::SYS_clock_gettime).unwrap().to_le_bytes()); // mov eax, SYS_clock_gettime
    code.extend([0x0f, 0x05]); // syscall
    code.extend([0x85, 0xff]); // test edi, edi
    code.extend([0x75, 0x0d]); // jnz to the end
    code.extend([0x48, 0xb9]);
    code.extend(seconds.to_le_bytes()); // mov rcx, seconds
    code.extend([0x48, 0x01, 0x0e]); // add [rsi], rcx
    code.push(0xc3); // ret
    code
}

/// Where the function stands in the file, which is at least so long.
fn place_of(bytes: &[u8], name: &str, length: usize) -> usize {
    let file = object::File::parse(bytes).unwrap();
    let symbol =
        file.symbols().find(|symbol| symbol.name() == Ok(name)).expect("the C library is in the program");
    assert!(symbol.size() >= length as u64);
    let section = file.section_by_index(symbol.section_index().unwrap()).unwrap();
    let (offset, _) = section.file_range().unwrap();
    usize::try_from(offset + symbol.address() - section.address()).unwrap()
}
