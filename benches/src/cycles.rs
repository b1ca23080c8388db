//! Apply and revert again and again: nothing may fail, and nothing may pile up.
//!
//! What piles up grows with the cycles. Descriptors, threads, mappings and address space are counted exactly by the kernel and belong
//! to the surgery alone as soon as the target has all its threads: they must stay as they were after the first cycle, in which
//! the patch gets its home. Resident memory moves by itself: the target touches a page of a stack for the first time, the kernel
//! takes pages of files away and gives them back. So it is what the page tables have (`smaps_rollup`; the counters behind
//! `VmRSS` are kept by processor and off by some pages for each), and may be [`SETTLING_KIB`] more than after the
//! first tenth of the cycles: a leak of one page in a hundred cycles passes that within ten thousand.

use std::path::Path;
use std::process::Stdio;

use crate::Failure;
use crate::program::Pair;

/// How much more memory may be resident at the end: less than any leak comes to, more than a target that settles.
const SETTLING_KIB: u64 = 256;

/// What could pile up in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holdings {
    address_space_kib: u64,
    resident_kib: u64,
    /// The part of it that is the process's own.
    anonymous_kib: u64,
    mappings: usize,
    descriptors: usize,
    threads: usize,
}

/// How many threads, and how they work: those that sleep are left asleep, those that run are stopped.
const TARGETS: [(&str, &str); 2] = [("64", "paced"), ("16", "spin")];

/// Goes through the cycles with one target after the other. Prints what the target held after the first cycle and as it goes on;
/// what piles up is a failure.
pub(crate) fn measure(suture: &Path, count: usize, only: Option<&str>) -> Result<(), Failure> {
    let pair = Pair::build(suture)?;
    for (threads, mode) in TARGETS.into_iter().filter(|(_, mode)| only.is_none_or(|only| only == *mode)) {
        println!("{threads} threads, {mode}");
        cycle(&pair, threads, mode, count)?;
    }
    Ok(())
}

fn cycle(pair: &Pair, threads: &str, mode: &str, count: usize) -> Result<(), Failure> {
    const TENTHS: usize = 10;
    let stats = pair.path("stats").display().to_string();
    let target = pair.start(&[threads, mode, &stats, "quiet"], 8, Stdio::null())?;
    let pid = target.child.id();
    let mut seen: Vec<Holdings> = Vec::new();
    for number in 0..count {
        pair.operate("apply", pid)?;
        pair.operate("revert", pid)?;
        if number == 0 || (number + 1) % count.div_ceil(TENTHS) == 0 {
            let now = holdings(pid)?;
            println!("after {:>6} cycles: {now:?}", number + 1);
            seen.push(now);
            if let Some(what) = piled_up(&seen) {
                return Err(format!("something piles up in the target: {what}").into());
            }
        }
    }
    Ok(())
}

/// What has become more, of holdings after the first cycle, the first tenth, and so on.
fn piled_up(seen: &[Holdings]) -> Option<&'static str> {
    let (first, now) = (seen.first()?, seen.last()?);
    // What was not there any more would be as wrong: the target does not give anything back by itself.
    let exact = [
        ("address space", first.address_space_kib == now.address_space_kib),
        ("mappings", first.mappings == now.mappings),
        ("descriptors", first.descriptors == now.descriptors),
        ("threads", first.threads == now.threads),
    ];
    let settled = seen.get(1).unwrap_or(now);
    let about = [
        ("resident memory", now.resident_kib <= settled.resident_kib + SETTLING_KIB),
        ("anonymous memory", now.anonymous_kib <= settled.anonymous_kib + SETTLING_KIB),
    ];
    exact.into_iter().chain(about).find(|(_, is_flat)| !is_flat).map(|(what, _)| what)
}

fn holdings(pid: u32) -> Result<Holdings, Failure> {
    let file = |name: &str| format!("/proc/{pid}/{name}");
    let kib = |name: &str, key: &str| -> Result<u64, Failure> {
        let text = std::fs::read_to_string(file(name))?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or_else(|| format!("no {key} in {name}"))?.parse()?)
    };
    Ok(Holdings {
        address_space_kib: kib("status", "VmSize")?,
        resident_kib: kib("smaps_rollup", "Rss")?,
        anonymous_kib: kib("smaps_rollup", "Anonymous")?,
        mappings: std::fs::read_to_string(file("maps"))?.lines().count(),
        descriptors: std::fs::read_dir(file("fd"))?.count(),
        threads: std::fs::read_dir(file("task"))?.count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAT: Holdings = Holdings {
        address_space_kib: 500_000,
        resident_kib: 3000,
        anonymous_kib: 900,
        mappings: 300,
        descriptors: 4,
        threads: 65,
    };

    #[test]
    fn what_grows_is_found_and_what_settles_is_not() {
        let page = |resident_kib, anonymous_kib| Holdings { resident_kib, anonymous_kib, ..FLAT };
        // It settles within the first tenth as much as it likes, then within the bound; less is never wrong.
        let settles = [FLAT, page(9000, 5000), page(9256, 5256), page(100, 50), page(9256, 5256)];
        for end in 1..=settles.len() {
            assert_eq!(piled_up(&settles[..end]), None);
        }
        assert_eq!(piled_up(&[FLAT, FLAT, page(3257, 900)]), Some("resident memory"));
        assert_eq!(piled_up(&[FLAT, FLAT, page(3000, 1157)]), Some("anonymous memory"));
        let grown = [
            (Holdings { address_space_kib: FLAT.address_space_kib + 4, ..FLAT }, "address space"),
            (Holdings { mappings: FLAT.mappings + 1, ..FLAT }, "mappings"),
            (Holdings { descriptors: FLAT.descriptors + 1, ..FLAT }, "descriptors"),
            (Holdings { threads: FLAT.threads - 1, ..FLAT }, "threads"),
        ];
        for (now, what) in grown {
            assert_eq!(piled_up(&[FLAT, now]), Some(what));
        }
    }
}
