//! Waiting for a lock, in order and not for ever.
//!
//! Whoever waits stands in the kernel's queue, which lets those who came first go first: asking again and again instead, the unlucky one
//! among many is never served. The queue knows no limit, so a thread stands in it.

use std::fs::{File, TryLockError};
use std::io;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Locks `file` (flock) for nobody else, waiting for at most `limit`; nothing if somebody has it still then.
///
/// # Errors
/// It can't be locked.
pub fn lock_within(file: File, limit: Duration) -> io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => return Ok(Some(file)),
        Err(TryLockError::WouldBlock) if !limit.is_zero() => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let (sender, receiver) = channel();
    std::thread::Builder::new().spawn(move || {
        let locked = loop {
            match file.lock() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                locked => break locked,
            }
        };
        // If nobody waits any more, the file is closed here, which unlocks it.
        let _ = sender.send(locked.map(|()| file));
    })?;
    match receiver.recv_timeout(limit) {
        Ok(locked) => locked.map(Some),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => Err(io::ErrorKind::Other.into()),
    }
}
