//! Each build system, with nothing in the project that knows of Suture.

use std::process::Command;

use crate::project::{PROGRAM, Project};

/// Overwrites whatever the environment says, strips, and links with `-s`.
const MAKEFILE: &str = "\
CFLAGS = -O2
server: src/server.c
\tgcc $(CFLAGS) -c -o server.o src/server.c
\tgcc -s -o $@ server.o
\tstrip $@
";

#[test]
fn make_with_flags_of_its_own() {
    let project = Project::c(&[("Makefile", MAKEFILE)]);
    assert_eq!(project.changed("make -j2", "server"), ["limit"]);
}

#[test]
fn cmake() {
    let lists = "cmake_minimum_required(VERSION 3.13)\nproject(server C)\nset(CMAKE_C_FLAGS \"-O2\")\n\
                 add_executable(server src/server.c)\n";
    let project = Project::c(&[("CMakeLists.txt", lists)]);
    assert_eq!(project.changed("cmake -B out . && cmake --build out", "out/server"), ["limit"]);
}

#[test]
fn meson() {
    let file = "project('server', 'c', default_options: ['buildtype=release', 'strip=true'])\n\
                executable('server', 'src/server.c')\n";
    let project = Project::c(&[("meson.build", file)]);
    let run = "{ [ -d out ] || meson setup out; } && ninja -C out";
    assert_eq!(project.changed(run, "out/server"), ["limit"]);
}

#[test]
fn autotools() {
    let configure = "AC_INIT([server], [1])\nAM_INIT_AUTOMAKE([foreign subdir-objects])\nAC_PROG_CC\n\
                     AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n";
    let make = "bin_PROGRAMS = server\nserver_SOURCES = src/server.c\n";
    let project = Project::c(&[("configure.ac", configure), ("Makefile.am", make)]);
    let run = "{ [ -e Makefile ] || { autoreconf -i && ./configure; }; } && make";
    assert_eq!(project.changed(run, "server"), ["limit"]);
}

#[test]
fn cargo_with_a_profile_that_strips() {
    let manifest = "[package]\nname = \"server\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n\
                    [profile.release]\nstrip = true\ndebug = false\n\n[workspace]\n";
    let source = "#[inline(never)]\nfn limit(x: u32) -> u32 {\n    x.min(100) * 3\n}\n\n\
                  fn main() {\n    println!(\"{}\", limit(std::env::args().count() as u32));\n}\n";
    let files = [("Cargo.toml", manifest), ("src/main.rs", source)];
    let project = Project::new(&files, ("src/main.rs", "x.min(100) * 3", "x.min(50) * 5"));
    assert_eq!(
        project.changed("cargo build --release --offline", "target/release/server"),
        ["server::limit"]
    );
}

#[test]
fn the_builds_and_where_they_come_from_are_kept() {
    let marks = "[critical]\nfunctions = [\"main\"]\n";
    let project = Project::c(&[("Makefile", MAKEFILE), ("suture.toml", marks)]);
    let (kept, delta) = (project.root().join("kept"), project.root().join("server.delta"));
    let more = ["--keep", kept.to_str().unwrap(), "-o", delta.to_str().unwrap()];
    let built = project.build("make", "server", &more);
    assert_eq!(built.exit, Some(0), "{}", built.stderr);
    assert_eq!(built.json["critical"][0]["path"], serde_json::json!(["main", "limit"]));
    let provenance = &built.json["provenance"];
    assert_eq!(provenance["command"], "make");
    assert_eq!(provenance["source_sha256"].as_str().unwrap().len(), 64);
    assert!(delta.exists());
    let answer = |which: &str| Command::new(kept.join(which)).arg("90").output().unwrap().stdout;
    assert_eq!((answer("server.old"), answer("server.new")), (b"270\n".to_vec(), b"50\n".to_vec()));
    let files =
        Command::new("readelf").args(["--debug-dump=info"]).arg(kept.join("server.old")).output().unwrap();
    let source = project.source().display().to_string();
    assert!(String::from_utf8_lossy(&files.stdout).contains(&source), "built at the tree's own path");
}

/// Both builds are told the same date, and a scratch directory is never inside the tree that is copied.
#[test]
fn builds_have_one_date_and_stay_out_of_the_tree() {
    let rule = "server: src/server.c\n\tcc -O2 -DDATE=$(SOURCE_DATE_EPOCH) -o $@ src/server.c\n";
    let text = PROGRAM.replace("return 0", "return DATE % 7").replace("100 : x * 3", "100 : x * 4");
    let project = Project::c(&[("Makefile", rule)]);
    std::fs::write(project.source().join("src/server.c"), text.replace("100 : x * 4", "100 : x * 3"))
        .unwrap();
    let built = project.build_with(project.command("make", "server").env("TMPDIR", project.source()));
    let date = built.json["provenance"]["environment"]["SOURCE_DATE_EPOCH"].as_str().unwrap().to_owned();
    assert!(date.parse::<u64>().unwrap() > 1_700_000_000, "{date}");
    assert_eq!(built.changed(), ["limit"]);
}

/// A compiler cache finds the compiler by its name, which is the wrapper's.
#[test]
fn a_compiler_cache_in_the_path() {
    let project = Project::c(&[("Makefile", MAKEFILE)]);
    let caches = project.root().join("caches");
    std::fs::create_dir(&caches).unwrap();
    let cache = caches.join("ccache");
    let script = "#!/bin/sh\n[ -z \"$IN_CACHE\" ] || exit 99\nIN_CACHE=1 exec \"${0##*/}\" \"$@\"\n";
    std::fs::write(&cache, script).unwrap();
    std::fs::set_permissions(&cache, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for name in ["cc", "gcc"] {
        std::os::unix::fs::symlink("ccache", caches.join(name)).unwrap();
    }
    let path = format!("{}:{}", caches.display(), std::env::var("PATH").unwrap());
    assert_eq!(project.build_with(project.command("make", "server").env("PATH", path)).changed(), ["limit"]);
}
