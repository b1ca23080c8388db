//! Whether the control groups of a process have memory left for what is done to it.
//!
//! Where a group is full the kernel ends a process of it rather than tell it so, even if a surgeon writes the page that is one too
//! many. What is only kept from files can be given up for others and counts as free; that something could be swapped out does not.

use suture_delta::model::Range;
use suture_surgery::home::{Home, State};
use suture_surgery::operation::Goal;
use suture_surgery::outcome::Refusal;
use suture_surgery::switch::Direction;

use crate::groups::{self, Group};

const PAGE: u64 = 4096;
/// What an operation may take besides the home and the pages of code: tables of pages, what the kernel notes of mappings, what it
/// takes in advance for each processor.
const BESIDES: u64 = 1 << 20;
/// Pages that a jump may stand on.
const PAGES_OF_JUMP: u64 = 2;

/// Names of the files and lines of one generation: limit, use, and what is kept from files.
const UNIFIED: (&str, &str, [&str; 2]) = ("memory.max", "memory.current", ["inactive_file", "active_file"]);
const FIRST: (&str, &str, [&str; 2]) =
    ("memory.limit_in_bytes", "memory.usage_in_bytes", ["total_inactive_file", "total_active_file"]);

/// Refuses what would make new code run in a process for which there may be no memory; the way back is open always.
pub(crate) fn check(pid: i32, goal: Goal, home: &Home, is_settled: bool) -> Result<(), Refusal> {
    let is_there = home.head.state == State::Applied && home.head.switch && is_settled;
    if is_there || matches!(goal, Goal::Revert | Goal::Toggle(Direction::Off)) {
        return Ok(());
    }
    let Range { start, end } = home.record.home;
    any(pid, end.saturating_sub(start) + home.record.sites.len() as u64 * PAGES_OF_JUMP * PAGE)
}

/// Refuses if there may be no memory for so many bytes and what goes with them.
pub(crate) fn any(pid: i32, len: u64) -> Result<(), Refusal> {
    let needed = len.saturating_add(BESIDES);
    let groups = groups::of(pid, "memory");
    let short = groups.iter().flat_map(Group::upwards);
    let short = short.filter_map(|group| Some((less_than(needed, &group)?, group)));
    let Some((left, group)) = short.min_by_key(|(left, _)| *left) else { return Ok(()) };
    Err(Refusal::NoResources {
        call: "get memory",
        error: format!(
            "its control group {} has {left} bytes left, and {needed} may be needed",
            group.name()
        ),
    })
}

/// How many bytes a group can still get, if that is less than what is needed.
fn less_than(needed: u64, group: &Group) -> Option<u64> {
    let (limit, usage, kept) = if group.is_unified { UNIFIED } else { FIRST };
    // No number stands for no limit.
    let number = |file: &str| group.read(file).trim().parse::<u64>().ok();
    let free = number(limit)?.saturating_sub(number(usage)?);
    if free >= needed {
        return None;
    }
    let stat = group.read("memory.stat");
    let lines = stat.lines().filter_map(|line| line.split_once(' '));
    let kept =
        lines.filter(|(name, _)| kept.contains(name)).filter_map(|(_, bytes)| bytes.parse::<u64>().ok());
    Some(free.saturating_add(kept.sum())).filter(|left| *left < needed)
}
