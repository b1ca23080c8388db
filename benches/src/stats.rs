//! The file in which the pause target records how long its threads were kept from running.
//!
//! The layout is that of `struct shm` in `pause-target/server.c`.

use std::path::Path;

use crate::Failure;

const RING: usize = 2048;
const RING_LEN: usize = 8 + RING * 16;
const HEAD_LEN: usize = 128;
const THREAD_HEAD_LEN: usize = 64;
const MAGIC: u64 = 0x5157;

/// All gaps of all threads: begin and end, in nanoseconds of the monotonic clock.
pub(crate) struct Gaps(Vec<(u64, u64)>);

impl Gaps {
    /// Reads the file as it is now; `None` while the target is still starting.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let bytes = std::fs::read(path)?;
        let word = |at: usize| {
            bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
        };
        if word(0) != MAGIC {
            return Ok(None);
        }
        let mut gaps = Vec::new();
        for thread in 0..word(8) as usize {
            let at = HEAD_LEN + RING_LEN + thread * (THREAD_HEAD_LEN + RING_LEN);
            if word(at) == 0 {
                return Ok(None);
            }
            let ring = at + THREAD_HEAD_LEN;
            let count = (word(ring) as usize).min(RING);
            gaps.extend((0..count).map(|n| (word(ring + 8 + n * 16), word(ring + 16 + n * 16))));
        }
        Ok(Some(Self(gaps)))
    }

    /// The longest gap, in nanoseconds, that any thread had at any moment between two.
    pub(crate) fn longest_ns(&self, begin_ns: u64, end_ns: u64) -> u64 {
        let during = self.0.iter().filter(|(begin, end)| *begin <= end_ns && *end >= begin_ns);
        during.map(|(begin, end)| end - begin).max().unwrap_or(0)
    }
}
