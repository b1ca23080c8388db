//! A tree is built at the path that is asked for, wherever it is and whether this machine has that path or not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use suture_toolchain::{BuildError, Order, Pair, build};

const SOURCE: &str =
    "int limit(int x) { return x > 100 ? 100 : x; }\nint main(int n, char **v) { return limit(n); }\n";
/// The place is also written down by the command itself, with a variable that builds do not heed.
const RUN: &str = "cc -O2 -DWHERE=\"\\\"$PWD $CFLAGS\\\"\" -o server server.c";

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        fs::create_dir(tree.path("source")).unwrap();
        fs::write(tree.path("source/server.c"), SOURCE).unwrap();
        let fix = "--- a/server.c\n+++ b/server.c\n@@ -1,2 +1,2 @@\n\
                   -int limit(int x) { return x > 100 ? 100 : x; }\n+int limit(int x) { return x > 50 ? 50 : x; }\n \
                   int main(int n, char **v) { return limit(n); }\n";
        fs::write(tree.path("fix.patch"), fix).unwrap();
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn build(&self, directory: &Path, environment: &BTreeMap<String, String>) -> Result<Pair, BuildError> {
        let order = Order {
            source: &self.path("source"),
            patch: &self.path("fix.patch"),
            run: RUN,
            artifact: Path::new("server"),
            directory: Some(directory),
            environment: Some(environment),
        };
        build(order, &mut |_| {})
    }

    /// The directory that the compiler has written into the debug information.
    fn compiled_in(&self, pair: &Pair) -> String {
        let path = self.path("old");
        fs::write(&path, &pair.old).unwrap();
        let told = Command::new("readelf").arg("--debug-dump=info").arg(&path).output().unwrap().stdout;
        let told = String::from_utf8_lossy(&told).into_owned();
        let line = told.lines().find(|line| line.contains("DW_AT_comp_dir")).unwrap();
        line.rsplit(": ").next().unwrap().trim().to_owned()
    }
}

fn date() -> BTreeMap<String, String> {
    BTreeMap::from([("SOURCE_DATE_EPOCH".to_owned(), "1700000000".to_owned())])
}

#[test]
fn at_paths_that_are_here_and_at_paths_that_are_not() {
    let tree = Tree::new();
    fs::create_dir(tree.path("there")).unwrap();
    fs::write(tree.path("there/server.c"), "another tree\n").unwrap();
    let missing = [
        tree.path("missing/deep/source"),
        // Beside the scratch directory, and below the root itself.
        std::env::temp_dir().join("suture-no-such-directory/source"),
        PathBuf::from("/suture-no-such-directory/deep/source"),
    ];
    for place in [&tree.path("there")].into_iter().chain(&missing) {
        let pair = tree.build(place, &date()).unwrap();
        assert_eq!(Path::new(&tree.compiled_in(&pair)), place);
        assert_eq!(Path::new(&pair.provenance.directory), place);
    }
    for place in &missing {
        assert!(!place.exists() && !place.parent().unwrap().exists(), "{}: left behind", place.display());
    }
    assert_eq!(fs::read_to_string(tree.path("there/server.c")).unwrap(), "another tree\n");
}

/// Two trees that are the same but for their paths, times and modes give the same builds.
#[test]
fn builds_depend_on_the_place_and_not_on_the_tree() {
    use std::os::unix::fs::PermissionsExt as _;
    let (one, other) = (Tree::new(), Tree::new());
    fs::set_permissions(other.path("source/server.c"), fs::Permissions::from_mode(0o600)).unwrap();
    let old = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    let file = fs::File::options().append(true).open(other.path("source/server.c")).unwrap();
    file.set_times(old).unwrap();
    let place = Path::new("/suture-no-such-directory/source");
    let (a, b) = (one.build(place, &date()).unwrap(), other.build(place, &date()).unwrap());
    assert_eq!((&a.provenance, a.old == b.old, a.new == b.new), (&b.provenance, true, true));

    let elsewhere = one.build(&one.path("source"), &date()).unwrap();
    assert_ne!(elsewhere.old, a.old, "the path is in the build, or this proves nothing");
    fs::set_permissions(other.path("source/server.c"), fs::Permissions::from_mode(0o700)).unwrap();
    let executable = other.build(place, &date()).unwrap();
    assert_ne!(executable.provenance.source_sha256, a.provenance.source_sha256);
}

#[test]
fn what_can_not_be_asked_for() {
    let tree = Tree::new();
    for place in ["/", "relative", "/home/../etc", ""] {
        let error = tree.build(Path::new(place), &date()).unwrap_err();
        assert!(matches!(error, BuildError::NoPlace { .. }), "{place}: {error}");
    }
    let preload = BTreeMap::from([("LD_PRELOAD".to_owned(), "/tmp/evil.so".to_owned())]);
    let error = tree.build(Path::new("/src"), &preload).unwrap_err();
    assert!(matches!(error, BuildError::ForeignVariable { .. }), "{error}");
}

/// An ordinary user has the same in a user namespace.
#[test]
fn without_being_root() {
    let uid = Command::new("id").arg("-u").output().unwrap().stdout;
    if uid != b"0\n" {
        eprintln!("not root: the other tests have shown it");
        return;
    }
    // Others may not read where this program stands.
    let here = tempfile::tempdir().unwrap();
    let (program, temporary) = (here.path().join("program"), here.path().join("tmp"));
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::create_dir(&temporary).unwrap();
    for path in [here.path(), &temporary] {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program);
    command.args(["--exact", "at_paths_that_are_here_and_at_paths_that_are_not"]);
    let output = command.env("TMPDIR", &temporary).current_dir("/").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
