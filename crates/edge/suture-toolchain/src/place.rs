//! The path at which a tree is built: compilers write it into debug information, and build-ids depend on that.
//!
//! The copy is mounted there in a mount namespace of its own. Where another machine has no such path, the nearest directory
//! above it is mirrored with mounts of everything in it, and the path is made in the mirror; the machine itself never sees it.

use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::BuildError;

/// How a tree gets to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mounting {
    /// In a mount namespace.
    AsRoot,
    /// In a mount namespace, inside a user namespace in which we are root.
    AsUser,
    /// Not at all: the kernel lets us make no namespace, and the copy is built where it is.
    Nowhere,
}

/// For a shell with the tree, the path, the script and an empty directory for the mirror as its arguments. What somebody
/// else removes while it is being mirrored is not missed.
const ENTER: &str = r#"set -e
if [ -d "$2" ]; then
  mount --bind "$1" "$2"
  cd "$2"
  exec /bin/sh -c "$3"
fi
above=${2%/*}
mount -t tmpfs tmpfs "$4"
until [ -d "$above/" ]; do above=${above%/*}; done
for entry in "$above"/* "$above"/.[!.]*; do
  mirrored=$4/${entry##*/}
  if [ -L "$entry" ]; then
    cp -P "$entry" "$mirrored" || [ ! -L "$entry" ]
  elif [ -d "$entry" ]; then
    mkdir "$mirrored"
    mount --rbind "$entry" "$mirrored" || [ ! -d "$entry" ]
  elif [ -e "$entry" ]; then
    : >"$mirrored"
    mount --bind "$entry" "$mirrored" || [ ! -e "$entry" ]
  fi
done
inside=$4${2#"$above"}
mkdir -p "$inside"
mount --bind "$1" "$inside"
if [ -z "$above" ]; then
  exec chroot "$4" /bin/sh -c 'cd "$1" && exec /bin/sh -c "$2"' sh "$2" "$3"
fi
mount --rbind "$4" "$above"
cd "$2"
exec /bin/sh -c "$3"
"#;

impl Mounting {
    /// What this machine lets us do.
    pub(crate) fn possible() -> Self {
        let works = |options: &[&str]| {
            let mut command = unshare(options);
            // Recursively: in a user namespace what is below a mount can't be uncovered.
            let status = command.args(["mount", "--rbind", "/", "/"]).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        if works(&["--mount"]) {
            Self::AsRoot
        } else if works(&["--mount", "--map-root-user"]) {
            Self::AsUser
        } else {
            Self::Nowhere
        }
    }

    /// A shell that runs `script` in `tree`, which stands at `path` if that can be.
    pub(crate) fn shell(self, tree: &Path, path: &Path, mirror: &Path, script: &str) -> Command {
        let mut command = match self {
            Self::Nowhere => {
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(script).current_dir(tree);
                return command;
            }
            Self::AsRoot => unshare(&["--mount"]),
            Self::AsUser => unshare(&["--mount", "--map-root-user"]),
        };
        command.args(["/bin/sh", "-c", ENTER, "sh"]).arg(tree).arg(path).arg(script).arg(mirror);
        command
    }
}

/// A path at which a tree can stand.
pub(crate) fn checked(path: &Path) -> Result<PathBuf, BuildError> {
    let mut parts = path.components();
    let is_absolute = parts.next() == Some(Component::RootDir);
    let names = parts.clone().count();
    if is_absolute && names > 0 && parts.all(|part| matches!(part, Component::Normal(_))) {
        // Spelled once more, without what may stand twice in a path.
        Ok(path.components().collect())
    } else {
        Err(BuildError::NoPlace { directory: path.to_owned() })
    }
}

fn unshare(options: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(options);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_stands_at_an_absolute_path() {
        assert_eq!(checked(Path::new("/home//alice/src/")).unwrap(), Path::new("/home/alice/src"));
        for wrong in ["", "/", "src", "./src", "/home/../etc"] {
            assert!(checked(Path::new(wrong)).is_err(), "{wrong}");
        }
    }
}
