//! The control groups of a process, as directories.
//!
//! There are two generations: one hierarchy for everything, and one for each controller. Both may be mounted, and a
//! hierarchy that is not mounted here tells nothing.

use std::path::{Path, PathBuf};

use crate::proc;

/// Where the files of a control group are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// The root of its hierarchy.
    mount: PathBuf,
    /// Its path from there.
    path: String,
    /// Whether its hierarchy is the one for everything.
    pub(crate) is_unified: bool,
}

/// The groups of a process in the hierarchies that have this controller, or may have it.
pub(crate) fn of(pid: i32, controller: &str) -> Vec<Group> {
    let groups = proc::read_text(pid, "cgroup").unwrap_or_default();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    find(&groups, &mounts, controller)
}

fn find(groups: &str, mounts: &str, controller: &str) -> Vec<Group> {
    let group = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let mount = match controllers {
            "" => mount_point(mounts, "cgroup2", ""),
            names if names.split(',').any(|name| name == controller) => {
                mount_point(mounts, "cgroup", controller)
            }
            _ => None,
        };
        Some(Group { mount: mount?, path: path.to_owned(), is_unified: controllers.is_empty() })
    };
    groups.lines().filter_map(group).collect()
}

impl Group {
    /// What a file of the group says; empty if there is none.
    pub(crate) fn read(&self, file: &str) -> String {
        let path = self.mount.join(self.path.trim_start_matches('/')).join(file);
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// The group that it is in.
    fn parent(&self) -> Option<Self> {
        let (parent, name) = self.path.rsplit_once('/')?;
        (!name.is_empty()).then(|| Self { path: parent.to_owned(), ..self.clone() })
    }

    /// It, and all groups that it is in.
    pub(crate) fn upwards(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Its name for people.
    pub(crate) fn name(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }
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

    #[test]
    fn a_group_is_in_others_up_to_the_root() {
        let found = find("5:freezer:/a/b\n4:memory:/c\n0::/d\n", MOUNTS, "freezer");
        let names: Vec<String> =
            found.iter().flat_map(Group::upwards).map(|group| group.name().to_owned()).collect();
        assert_eq!(names, ["/a/b", "/a", "/", "/d", "/"]);
        assert_eq!(found.iter().map(|group| group.is_unified).collect::<Vec<_>>(), [false, true]);
    }
}
