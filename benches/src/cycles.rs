//! Apply and revert again and again: nothing may fail, and nothing may pile up.

use std::path::Path;
use std::process::Stdio;

use crate::Failure;
use crate::program::Pair;

/// What could pile up in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holdings {
    memory_kib: u64,
    mappings: usize,
    descriptors: usize,
    threads: usize,
}

/// How many threads, and how they work: those that sleep are left asleep, those that run are stopped.
const TARGETS: [(&str, &str); 2] = [("64", "paced"), ("16", "spin")];

/// Goes through the cycles with one target after the other. Prints what the target held after the first cycle and as it goes on;
/// more at the end than after the first is a failure.
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
    let mut first = None;
    for number in 0..count {
        pair.operate("apply", pid)?;
        pair.operate("revert", pid)?;
        if number == 0 || (number + 1) % count.div_ceil(TENTHS) == 0 {
            let now = holdings(pid)?;
            println!("after {:>6} cycles: {now:?}", number + 1);
            if *first.get_or_insert(now) != now {
                return Err("something piles up in the target".into());
            }
        }
    }
    Ok(())
}

fn holdings(pid: u32) -> Result<Holdings, Failure> {
    let file = |name: &str| format!("/proc/{pid}/{name}");
    let status = std::fs::read_to_string(file("status"))?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.split_whitespace().next());
    Ok(Holdings {
        memory_kib: size.ok_or("no VmSize")?.parse()?,
        mappings: std::fs::read_to_string(file("maps"))?.lines().count(),
        descriptors: std::fs::read_dir(file("fd"))?.count(),
        threads: std::fs::read_dir(file("task"))?.count(),
    })
}
