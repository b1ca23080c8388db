//! Whether a process is frozen with its control group, as a paused container is.
//!
//! A frozen thread can be stopped and looked at, but runs nothing for us, and nothing of it shows in its state.

use crate::groups;

/// Whether the control group of a process is frozen: by the unified hierarchy (`cgroup.events`), or by the freezer of
/// the first version (`freezer.state`).
pub(crate) fn is_frozen(pid: i32) -> bool {
    groups::of(pid, "freezer").iter().any(|group| {
        let (file, wanted) =
            if group.is_unified { ("cgroup.events", "frozen 1") } else { ("freezer.state", "FROZEN") };
        group.read(file).lines().any(|line| line == wanted)
    })
}
