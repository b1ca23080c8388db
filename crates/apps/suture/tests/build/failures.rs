//! What can go wrong, and what is said about it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::project::{Built, PROGRAM, Project};

const MAKEFILE: &str = "server: src/server.c\n\tcc -O2 -o $@ src/server.c\n";

fn said(built: &Built, exit: i32) -> &str {
    assert_eq!(built.exit, Some(exit), "{}", built.stderr);
    assert_eq!(built.json["error"]["exit"], exit);
    &built.stderr
}

#[test]
fn a_patch_that_does_not_apply() {
    let project = Project::c(&[("Makefile", MAKEFILE)]);
    fs::write(project.source().join("src/server.c"), PROGRAM.replace("100", "99")).unwrap();
    insta::assert_snapshot!(said(&project.build("make", "server", &[]), 2));
}

#[test]
fn a_patch_that_is_none() {
    let project = Project::c(&[("Makefile", MAKEFILE)]);
    fs::write(project.patch(), "nothing\n").unwrap();
    insta::assert_snapshot!(said(&project.build("make", "server", &[]), 2));
}

#[test]
fn a_command_that_fails() {
    let project = Project::c(&[("Makefile", MAKEFILE)]);
    let built = project.build("echo working; echo broken >&2; exit 3", "server", &[]);
    let text = said(&built, 1);
    let (before, log) = text.split_once("all that it said is in `").unwrap();
    insta::assert_snapshot!(before);
    let log = log.split('`').next().unwrap().replace("ROOT", project.root().to_str().unwrap());
    assert_eq!(fs::read_to_string(log).unwrap(), "working\nbroken\n");
}

#[test]
fn an_artifact_that_is_not_made() {
    let project = Project::c(&[("Makefile", MAKEFILE)]);
    insta::assert_snapshot!(said(&project.build("make", "sever", &[]), 2));
    insta::assert_snapshot!(said(&project.build("make", "../server", &[]), 2));
    insta::assert_snapshot!(said(&project.build("make", "Makefile", &[]), 2));
}

#[test]
fn a_patch_that_the_artifact_does_not_notice() {
    let project = Project::c(&[("Makefile", "server: Makefile\n\tcc -O2 -o $@ src/server.c\n")]);
    insta::assert_snapshot!(said(&project.build("make", "server", &[]), 2));
}

/// The wrappers are bypassed: the error says which variable to set, and then it works.
#[test]
fn a_compiler_with_an_absolute_path() {
    let rule = "server: src/server.c\n\t/usr/bin/gcc -O2 $(CFLAGS) $(LDFLAGS) -o $@ src/server.c\n";
    let project = Project::c(&[("Makefile", rule)]);
    insta::assert_snapshot!(said(&project.build("make", "server", &[]), 2));
    let flags = "CFLAGS='-g -ffunction-sections -fdata-sections'";
    assert_eq!(project.changed(&format!("make LDFLAGS=-Wl,--emit-relocs {flags}"), "server"), ["limit"]);
}

#[test]
fn an_artifact_of_an_earlier_build() {
    let project = Project::c(&[("Makefile", MAKEFILE)]);
    let made = Command::new("make").current_dir(project.source()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    insta::assert_snapshot!(said(&project.build("make", "server", &[]), 2));
    assert_eq!(project.changed("rm server && make", "server"), ["limit"]);
}

/// Whoever interrupts a build finds nothing of it left: no process, no directory.
#[test]
fn a_build_that_is_interrupted() {
    let project = Project::c(&[("Makefile", MAKEFILE)]);
    let pid_file = project.root().join("pid");
    let run = format!("echo $$ >{0}.part && mv {0}.part {0} && exec sleep 1000", pid_file.display());
    for signal in ["INT", "TERM", "HUP"] {
        let mut command = project.command(&run, "server");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let sleeping = loop {
            if let Ok(pid) = fs::read_to_string(&pid_file) {
                break pid.trim().to_owned();
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(&format!("SIG{signal} came while")), "{stderr}");
        assert!(!Path::new(&format!("/proc/{sleeping}")).exists(), "it goes on building");
        assert_eq!(scratch_directories(&project), [] as [PathBuf; 0]);
        fs::remove_file(&pid_file).unwrap();
    }
}

/// The same while nothing is run yet.
#[test]
fn a_copy_that_is_interrupted() {
    let project = Project::c(&[("Makefile", MAKEFILE)]);
    let many = project.source().join("many");
    fs::create_dir(&many).unwrap();
    for file in 0..20_000 {
        fs::write(many.join(file.to_string()), "").unwrap();
    }
    let mut command = project.command("make", "server");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_copying = || scratch_directories(&project).iter().any(|path| path.join("tree/many/0").exists());
    while !is_copying() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let sent = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("SIGINT came while copying the source tree"), "{stderr}");
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(scratch_directories(&project), [] as [PathBuf; 0]);
}

fn scratch_directories(project: &Project) -> Vec<PathBuf> {
    let entries = fs::read_dir(project.root()).unwrap().map(|entry| entry.unwrap().path());
    let is_scratch = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("suture-build"))
    };
    entries.filter(is_scratch).collect()
}
