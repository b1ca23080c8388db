//! Putting a home into the target: a memory file is made and mapped by the target itself, and filled by us.
//!
//! The memory file gives the mapping its name in `/proc/PID/maps`, and lets its content be complete before
//! the first page of it is part of the process. Its descriptor lives for these few calls only.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use suture_surgery::install::Installation;
use suture_surgery::link::Protection;
use suture_surgery::maps::Mapping;
use suture_surgery::outcome::Refusal;

use crate::inject::Loan;
use crate::memory::RemoteMemory;
use crate::{proc, sys};

/// How the memory files of homes are named; `/proc/PID/maps` shows `/memfd:` before and ` (deleted)` behind it.
pub(crate) const HOME_NAME: &str = "suture:";
/// Hex digits of a delta's id in the name of its home.
const ID_DIGITS: usize = 12;

/// System calls that are made inside the target: number and name.
pub(crate) const SYS_MMAP: (u64, &str) = (9, "mmap");
pub(crate) const SYS_MPROTECT: (u64, &str) = (10, "mprotect");
pub(crate) const SYS_MUNMAP: (u64, &str) = (11, "munmap");
pub(crate) const SYS_CLOSE: (u64, &str) = (3, "close");
pub(crate) const SYS_MEMFD_CREATE: (u64, &str) = (319, "memfd_create");
pub(crate) const SYS_RT_SIGPROCMASK: (u64, &str) = (14, "rt_sigprocmask");
pub(crate) const SYS_GETPID: (u64, &str) = (39, "getpid");

const MFD_CLOEXEC: u64 = 1;
const MFD_EXEC: u64 = 0x10;
const MAP_PRIVATE: u64 = 0x02;
const MAP_FIXED_NOREPLACE: u64 = 0x10_0000;

/// A loan and the stub through which it makes system calls.
pub(crate) struct Caller<'a, 'm> {
    pub(crate) pid: i32,
    pub(crate) loan: &'a mut Loan<'m>,
    pub(crate) stub: u64,
}

/// Why a home could not be put in place.
#[derive(Debug)]
pub(crate) enum InstallError {
    /// Something else was mapped there meanwhile: look for another place.
    PlaceTaken,
    /// It is not possible in this process.
    Refused(Refusal),
}

impl From<Refusal> for InstallError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Caller<'_, '_> {
    /// Makes, fills and maps the home. Nothing of it is left if that fails.
    pub(crate) fn install(&mut self, installation: &Installation) -> Result<(), InstallError> {
        let record = &installation.home.record;
        let digits = &record.id[..ID_DIGITS.min(record.id.len())];
        let descriptor = self.create_memory_file(&format!("{HOME_NAME}{digits}"))?;
        let result = self.fill(descriptor, installation).and_then(|()| self.map(descriptor, installation));
        self.call(SYS_CLOSE, [descriptor, 0, 0, 0, 0, 0])?;
        result
    }

    fn create_memory_file(&mut self, name: &str) -> Result<u64, Refusal> {
        let mut bytes = name.as_bytes().to_vec();
        bytes.push(0);
        let text = self.loan.leave(&bytes).map_err(|error| unexpected(SYS_MEMFD_CREATE.1, &error))?;
        // Kernels before 6.3 know no MFD_EXEC and refuse it; all others want to be told.
        match self.call(SYS_MEMFD_CREATE, [text, MFD_CLOEXEC | MFD_EXEC, 0, 0, 0, 0]) {
            Err(Refusal::NoResources { error, .. }) if error == os_error(libc::EINVAL) => {
                self.call(SYS_MEMFD_CREATE, [text, MFD_CLOEXEC, 0, 0, 0, 0])
            }
            result => result,
        }
    }

    fn fill(&self, descriptor: u64, installation: &Installation) -> Result<(), InstallError> {
        let home = installation.home.record.home;
        let path = proc::path(self.pid, &format!("fd/{descriptor}"));
        let written = sys::call(|| File::options().write(true).open(&path)).and_then(|file| {
            sys::call(|| file.set_len(home.len()))?;
            for part in &installation.parts {
                sys::call(|| file.write_all_at(&part.bytes, part.range.start - home.start))?;
            }
            Ok(())
        });
        written.map_err(|error| unexpected("fill its memory file", &error).into())
    }

    fn map(&mut self, descriptor: u64, installation: &Installation) -> Result<(), InstallError> {
        let home = installation.home.record.home;
        let flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;
        let arguments = [home.start, home.len(), libc::PROT_READ as u64, flags, descriptor, 0];
        let mapped = match self.call(SYS_MMAP, arguments) {
            Err(Refusal::NoResources { error, .. }) if error == os_error(libc::EEXIST) => {
                return Err(InstallError::PlaceTaken);
            }
            result => result?,
        };
        if mapped != home.start {
            // Kernels before 4.17 do not know MAP_FIXED_NOREPLACE and map somewhere else.
            self.call(SYS_MUNMAP, [mapped, home.len(), 0, 0, 0, 0])?;
            return Err(InstallError::PlaceTaken);
        }
        if let Err(refusal) = self.protect(installation) {
            self.call(SYS_MUNMAP, [home.start, home.len(), 0, 0, 0, 0])?;
            return Err(refusal.into());
        }
        Ok(())
    }

    /// Gives every part of a mapped home its protection.
    pub(crate) fn protect(&mut self, installation: &Installation) -> Result<(), Refusal> {
        for part in &installation.parts {
            let protection = match part.protection {
                Protection::ReadOnly => continue,
                Protection::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
                Protection::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
            };
            self.call(SYS_MPROTECT, [part.range.start, part.range.len(), protection as u64, 0, 0, 0])?;
        }
        Ok(())
    }

    /// Closes descriptors and unmaps pieces that a killed surgeon left before its home was one.
    pub(crate) fn clean_up(&mut self, descriptors: &[u64]) -> Result<(), Refusal> {
        for descriptor in descriptors {
            self.call(SYS_CLOSE, [*descriptor, 0, 0, 0, 0, 0])?;
        }
        Ok(())
    }

    fn call(&mut self, (number, name): (u64, &'static str), arguments: [u64; 6]) -> Result<u64, Refusal> {
        let result =
            self.loan.system_call(self.stub, number, arguments).map_err(|error| unexpected(name, &error))?;
        if (-4095..0).contains(&result) {
            return Err(Refusal::NoResources { call: name, error: os_error(-result as i32) });
        }
        Ok(result as u64)
    }
}

/// Whether a mapping has this protection.
pub(crate) fn has_protection(mapping: &Mapping, protection: Protection) -> bool {
    let has = (mapping.readable, mapping.writable, mapping.executable);
    has == match protection {
        Protection::ReadOnly => (true, false, false),
        Protection::ReadExecute => (true, false, true),
        Protection::ReadWrite => (true, true, false),
    }
}

/// Descriptors of memory files of ours that a process still has.
pub(crate) fn left_descriptors(pid: i32) -> Vec<u64> {
    let wanted = format!("/memfd:{HOME_NAME}");
    let Ok(entries) = sys::call(|| std::fs::read_dir(proc::path(pid, "fd"))) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| {
            std::fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with(&wanted))
        })
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Fills a mapped home again. What belongs to the unwinders in its head stays as it is.
pub(crate) fn refill(memory: &RemoteMemory, installation: &Installation) -> io::Result<()> {
    use suture_surgery::home::{STATE_OFFSET, State, UNWINDER_OBJECT_LEN, UNWINDER_OBJECT_OFFSETS};
    let base = installation.home.record.home.start;
    memory.write(base + STATE_OFFSET, &[State::Installed.code()])?;
    for part in &installation.parts {
        if part.range.start != base {
            memory.write(part.range.start, &part.bytes)?;
            clear(memory, part.range.start + part.bytes.len() as u64, part.zeros)?;
            continue;
        }
        let mut at = 0;
        for object in UNWINDER_OBJECT_OFFSETS.into_iter().chain([part.bytes.len() as u64]) {
            memory.write(base + at, &part.bytes[at as usize..object as usize])?;
            at = object + UNWINDER_OBJECT_LEN;
        }
    }
    Ok(())
}

/// Writes so many zeros.
fn clear(memory: &RemoteMemory, from: u64, len: u64) -> io::Result<()> {
    const CHUNK: u64 = 1 << 20;
    let zeros = vec![0; len.min(CHUNK) as usize];
    let mut done = 0;
    while done < len {
        let piece = (len - done).min(CHUNK);
        memory.write(from + done, &zeros[..piece as usize])?;
        done += piece;
    }
    Ok(())
}

fn os_error(number: i32) -> String {
    io::Error::from_raw_os_error(number).to_string()
}

/// What it means that the process could not be made to do something.
pub(crate) fn unexpected(call: &'static str, error: &io::Error) -> Refusal {
    if error.raw_os_error() == Some(libc::ESRCH) {
        return Refusal::Gone;
    }
    Refusal::NoResources { call, error: error.to_string() }
}
