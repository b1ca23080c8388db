//! The processors of the machine.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use crate::sys;

/// Those that threads can run on now.
#[derive(Debug)]
pub(crate) struct Processors {
    list: File,
    /// The list as it was read.
    text: String,
    /// Their numbers.
    pub(crate) numbers: Vec<usize>,
}

const LIST: &str = "/sys/devices/system/cpu/online";
const LOCK_RETRY: Duration = Duration::from_millis(1);

impl Processors {
    /// Reads which are there (`Documentation/admin-guide/cputopology.rst`); `None` if the kernel does not tell.
    pub(crate) fn online() -> Option<Self> {
        let list = File::open(LIST).ok()?;
        let text = sys::peek_at(&list, &mut [0; 256]).ok()?.to_owned();
        let numbers = parse(&text)?;
        Some(Self { list, text, numbers })
    }

    /// Whether they are still the same.
    pub(crate) fn are_the_same(&self) -> bool {
        sys::peek_at(&self.list, &mut [0; 256]).is_ok_and(|text| text == self.text)
    }

    /// Keeps other surgeons from taking them all until this value is dropped. Waits for those that do up to `time`; whether that was enough.
    pub(crate) fn lock(&self, time: Duration) -> bool {
        let begun = Instant::now();
        loop {
            match self.list.try_lock() {
                Ok(()) => return true,
                Err(TryLockError::WouldBlock) if begun.elapsed() < time => std::thread::sleep(LOCK_RETRY),
                Err(_) => return false,
            }
        }
    }
}

/// `0-3,5`.
fn parse(text: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for piece in text.trim().split(',') {
        let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        numbers.extend(first..=last);
    }
    Some(numbers)
}

/// Lets only the first of the processors run the calling thread, and what it starts.
#[cfg(test)]
pub(crate) fn stay_on_one_processor() {
    let first = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)).unwrap();
    let mut one = nix::sched::CpuSet::new();
    let cpu = (0..nix::sched::CpuSet::count()).find(|cpu| first.is_set(*cpu).unwrap()).unwrap();
    one.set(cpu).unwrap();
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &one).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_numbers_and_ranges() {
        assert_eq!(parse("0-3,5,8-9\n"), Some(vec![0, 1, 2, 3, 5, 8, 9]));
        assert_eq!(parse("0\n"), Some(vec![0]));
        for odd in ["", "\n", "0-", "a", "1,,2"] {
            assert_eq!(parse(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn two_can_not_have_the_lock() {
        let (one, other) = (Processors::online().unwrap(), Processors::online().unwrap());
        assert!(one.numbers.contains(&0) && one.are_the_same());
        // Somebody else on this machine may have it for a moment.
        assert!(one.lock(Duration::from_secs(10)));
        assert!(!other.lock(Duration::ZERO));
        drop(one);
        assert!(other.lock(Duration::from_secs(10)));
    }
}
