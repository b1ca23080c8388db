//! Whether a process is frozen with its control group, as a paused container is.
//!
//! A frozen thread can be stopped and looked at, but runs nothing for us, and nothing of it shows in its state.

use std::path::{Path, PathBuf};

use crate::proc;

/// Whether the control group of a process is frozen: by the unified hierarchy (`cgroup.events`), or by the freezer of
/// the first version (`freezer.state`). A hierarchy that is not mounted here tells nothing.
pub(crate) fn is_frozen(pid: i32) -> bool {
    let groups = proc::read_text(pid, "cgroup").unwrap_or_default();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    groups
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .any(|(controllers, group)| match controllers {
            "" => says(&mounts, "cgroup2", "", group, "cgroup.events", "frozen 1"),
            names if names.split(',').any(|name| name == "freezer") => {
                says(&mounts, "cgroup", "freezer", group, "freezer.state", "FROZEN")
            }
            _ => false,
        })
}

/// Whether a file of a control group has a line.
fn says(mounts: &str, kind: &str, option: &str, group: &str, file: &str, wanted: &str) -> bool {
    let path = mount_point(mounts, kind, option).map(|at| at.join(group.trim_start_matches('/')).join(file));
    let text = path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    text.lines().any(|line| line == wanted)
}

/// Where a file system of this type, with this option, is mounted (proc(5), mountinfo).
fn mount_point(mounts: &str, kind: &str, option: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (before, behind) = line.split_once(" - ")?;
        let mut behind = behind.split(' ');
        let has_option = |options: &str| option.is_empty() || options.split(',').any(|own| own == option);
        let is_it = behind.next() == Some(kind) && behind.nth(1).is_some_and(has_option);
        is_it.then(|| before.split(' ').nth(4).map(|path| Path::new(path).to_owned())).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        24 1 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n\
        25 24 0:23 / /sys/fs/cgroup/unified rw,relatime shared:1 - cgroup2 cgroup2 rw\n\
        26 24 0:24 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        27 24 0:25 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n";

    #[test]
    fn hierarchies_are_found_by_type_and_option() {
        assert_eq!(mount_point(MOUNTS, "cgroup2", ""), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(mount_point(MOUNTS, "cgroup", "freezer"), Some("/sys/fs/cgroup/freezer".into()));
        assert_eq!(mount_point(MOUNTS, "cgroup", "memory"), None);
    }
}
