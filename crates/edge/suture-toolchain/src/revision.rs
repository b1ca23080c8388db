//! Which revision of its repository a source tree is, as far as git knows.

use std::path::Path;
use std::process::{Command, Stdio};

/// The commit that is checked out, as `git:` and its hash, with `-dirty` behind it if tracked files of the tree are not as they
/// are in it. Empty if the tree is in no repository, or in one that does not track it.
///
/// It is a name for people: what was built is told by the digest of the tree.
pub(crate) fn of(source: &Path) -> String {
    let is_tracked = git(source, &["ls-files", "--error-unmatch", "--", "."]).is_some();
    let Some(commit) = git(source, &["rev-parse", "--verify", "HEAD"]).filter(|_| is_tracked) else {
        return String::new();
    };
    let changes = git(source, &["status", "--porcelain", "--untracked-files=no", "--", "."]);
    let dirty = if changes.is_some_and(|changes| changes.trim().is_empty()) { "" } else { "-dirty" };
    format!("git:{}{dirty}", commit.trim())
}

/// What git prints, if it can.
fn git(source: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(source).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    // The repository is the one around the tree, not the one of whoever calls.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(variable);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(directory: &Path, arguments: &[&str]) {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
        let status = Command::new("git").arg("-C").arg(directory).args(who).args(arguments).output().unwrap();
        assert!(status.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&status.stderr));
    }

    #[test]
    fn a_tree_is_named_by_its_commit() {
        let room = tempfile::tempdir().unwrap();
        let here = room.path();
        std::fs::write(here.join("a.c"), "int a;\n").unwrap();
        std::fs::create_dir(here.join("built")).unwrap();
        std::fs::write(here.join("built/b.c"), "int b;\n").unwrap();
        assert_eq!(of(here), "", "no repository");
        run(here, &["init", "-q"]);
        assert_eq!(of(here), "", "no commit");
        run(here, &["add", "a.c"]);
        run(here, &["commit", "-q", "-m", "a"]);
        let clean = of(here);
        let hash = clean.strip_prefix("git:").unwrap();
        assert!(hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{clean}");
        assert_eq!(of(&here.join("built")), "", "the repository around it does not track it");
        std::fs::write(here.join("a.c"), "int a = 1;\n").unwrap();
        assert_eq!(of(here), format!("{clean}-dirty"));
    }
}
