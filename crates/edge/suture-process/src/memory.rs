//! The memory of another process.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use suture_surgery::memory::{Memory, MemoryError};

use crate::{proc, sys};

/// Memory of a process that this one may trace.
#[derive(Debug)]
pub(crate) struct RemoteMemory {
    pid: i32,
    file: File,
}

impl RemoteMemory {
    /// Opens the memory of `pid`. Fails as `open` on `/proc/PID/mem` does: without the right to trace it.
    pub(crate) fn open(pid: i32) -> io::Result<Self> {
        let path = proc::path(pid, "mem");
        let file = sys::call(|| {
            let writable = File::options().read(true).write(true).open(&path);
            writable.or_else(|_| File::open(&path))
        })?;
        Ok(Self { pid, file })
    }

    /// The file behind it.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Reads all of `into`, also from pages that the process itself may not read.
    pub(crate) fn read_exact(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        match sys::read_memory(self.pid, address, into) {
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                sys::call(|| self.file.read_exact_at(into, address))
            }
            result => result,
        }
    }

    /// Writes all of `bytes`, also into pages that the process itself may not write (they are copied
    /// first, so that no file and no other process sees it). Within one page a kill can't divide it.
    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> io::Result<()> {
        sys::call(|| self.file.write_all_at(bytes, address))
    }
}

impl Memory for RemoteMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        self.read_exact(address, into).map_err(|_| MemoryError { address, len: into.len() as u64 })
    }
}
