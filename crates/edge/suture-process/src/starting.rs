//! Whether a process has begun to run its program.
//!
//! Until then it is the loader's: its modules come and go, and the code at the program's entry point, which the
//! surgeon borrows, has yet to run. A process that is met so early is waited for; that takes a moment.
//!
//! The sign is the first thing that a program leaves on its stack. The kernel starts it with the stack pointer at
//! `start_stack`; the entry code of every C library aligns it and calls, so that one of the words just below is a
//! return address into the entry code (glibc's `sysdeps/x86_64/start.S` pushes two words before it, musl's
//! `crt_arch.h` none). The loader leaves an address of its own there.

use std::time::{Duration, Instant};

use suture_surgery::modules;
use suture_surgery::outcome::Refusal;

use crate::memory::RemoteMemory;
use crate::{proc, world};

/// How far below the initial stack pointer the return address may stand, in bytes.
const WORDS_LEN: usize = 64;
/// How far behind the entry point the first call may be, in bytes.
const ENTRY_CODE_LEN: u64 = 256;
/// A process that is older than this has been started, sign or not: its entry code calls nothing.
const LOADING_MAX: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(1);

/// Waits until a process runs its program. Refused when it does not by `deadline`.
pub(crate) fn wait(pid: i32, deadline: Instant) -> Result<(), Refusal> {
    // Whoever may not read it is told by the examination.
    let Ok(memory) = RemoteMemory::open(pid) else { return Ok(()) };
    loop {
        if has_started(pid, &memory).map_err(|error| world::refused(pid, &error))? {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Refusal::Starting);
        }
        std::thread::sleep(RETRY);
    }
}

/// What can't be known counts as yes: the examination says what is wrong with such a process.
fn has_started(pid: i32, memory: &RemoteMemory) -> std::io::Result<bool> {
    let entry = modules::entry_point(&proc::read(pid, "auxv")?);
    let below = proc::start_stack(pid)?.checked_sub(WORDS_LEN as u64);
    let (Some(entry), Some(below)) = (entry, below) else { return Ok(true) };
    let mut words = [0; WORDS_LEN];
    let has_called = memory.read_exact(below, &mut words).is_ok() && calls_from(entry, &words);
    Ok(has_called || proc::age(pid)? >= LOADING_MAX)
}

/// Whether one of the words is a return address into the code at `entry`.
fn calls_from(entry: u64, words: &[u8]) -> bool {
    let (words, _) = words.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word)).any(|word| {
        // A call has five bytes, or six through a pointer.
        word.checked_sub(entry).is_some_and(|distance| (5..ENTRY_CODE_LEN).contains(&distance))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(values: [u64; 8]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn the_first_call_of_the_entry_code_is_the_sign() {
        let (entry, loader, stack) = (0x5555_0000_1060, 0x7fff_f7fe_5058, 0x7fff_ffff_e3f0);
        // glibc: the return address below what `_start` pushes, which was the loader's place before.
        assert!(calls_from(entry, &words([0, 1, 2, 3, 4, entry + 0x21, stack, 0])));
        // musl: right below the arguments.
        assert!(calls_from(entry, &words([0, 1, 2, 3, 4, 5, 6, entry + 0x16])));
        assert!(!calls_from(entry, &words([0, 1, 2, 3, entry, 5, 6, loader])));
        assert!(!calls_from(entry, &words([entry - 1, 1, 2, 3, entry + ENTRY_CODE_LEN, 5, 6, loader])));
    }
}
