//! Questions on a real terminal, which `script` gives.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::directory::{directory, document, names};

/// Runs a command line on a terminal, types `typed`, and gives what was on the screen and how it ended.
fn on_a_terminal(here: &Path, line: &str, typed: &str) -> (String, Option<i32>) {
    let command = format!("{} {line}", env!("CARGO_BIN_EXE_suture"));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(here)
        .env("TERM", "dumb")
        .env_remove("SUTURE_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn a_case_is_asked_for() {
    let here = directory("asked");
    let typed = "\nHeap overflow\nredis-server\nCVE-12\nCVE-2022-24834\n9.8\n\n\n2999-01-01T00:00:00Z\n2026-10-28T10:00:00Z\nCONFIG SET x\n";
    let (screen, exit) = on_a_terminal(&here, "case new one --by alice", typed);
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains("\"CVE-12\" is no id of a vulnerability"), "{screen}");
    assert!(screen.contains("\"9.8\" is no CVSS v3.1 vector"), "{screen}");
    assert!(screen.contains("2999-01-01T00:00:00Z is still to come"), "{screen}");
    let case = &document(&here, &["case", "show", "one"])["case"];
    assert_eq!(case["toggle"], "CONFIG SET x");
    assert_eq!((&case["title"], &case["program"]["name"]), (&"Heap overflow".into(), &"redis-server".into()));
    assert_eq!(
        (&case["ids"][0], &case["detected"]),
        (&"CVE-2022-24834".into(), &"2026-10-28T10:00:00Z".into())
    );
}

#[test]
fn what_is_open_is_asked_for() {
    let here = directory("open");
    let new = ["case", "new", "one", "--title", "t", "--program", "p", "--by", "alice"];
    document(&here, &new);
    // Exposed, automatable, technical impact, exploitation, mission, system exposure, human impact; axes; class; roles.
    let answers = "perhaps\nyes\nno\ntotal\nnone\nlow\n\n\n";
    let axes = "none\n\nscripts run on one node\n\n\n";
    let class = "local\na bounds check\n";
    let roles = "alice:response\nbob:core\n\n\n";
    let (screen, exit) =
        on_a_terminal(&here, "case classify one --by alice", &format!("{answers}{axes}{class}{roles}"));
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains("\"perhaps\" is none of no, yes"), "{screen}");
    let shown = document(&here, &["case", "show", "one"]);
    let case = &shown["case"];
    assert_eq!(case["inputs"]["exposed"], "yes");
    assert_eq!(case["inputs"]["technical_impact"], "total");
    assert!(case["inputs"]["human_impact"].is_null(), "an empty answer leaves it open");
    assert_eq!(case["axes"]["consensus"]["reason"], "scripts run on one node");
    assert_eq!(case["class"]["declared"], "local");
    assert_eq!(case["people"]["author"]["team"], "core");
    assert_eq!(shown["timeline"].as_array().unwrap().len(), 2);
}

/// Ctrl-C in the middle of the questions: nothing is there, not even the directory of the cases.
#[test]
fn an_interruption_leaves_nothing() {
    let here = directory("interrupted");
    let (screen, exit) = on_a_terminal(&here, "case new one --by alice", "Heap overflow\n\u{3}");
    assert_ne!(exit, Some(0), "{screen}");
    assert_eq!(names(&here), Vec::<String>::new());

    document(&here, &["case", "new", "one", "--title", "t", "--program", "p", "--by", "alice"]);
    let path = here.join("cases/one/case.toml");
    let before = fs::read(&path).unwrap();
    let (screen, exit) = on_a_terminal(&here, "case classify one --by alice", "yes\nno\n\u{3}");
    assert_ne!(exit, Some(0), "{screen}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(&here.join("cases/one")), ["case.toml", "timeline.jsonl"]);
}

/// The input ends where an answer is owed: said, and nothing is written.
#[test]
fn an_end_of_input_leaves_nothing() {
    let here = directory("ended");
    let (screen, exit) = on_a_terminal(&here, "case new one --by alice", "Heap overflow\n\u{4}");
    assert_eq!(exit, Some(2), "{screen}");
    assert!(screen.contains("nothing was written"), "{screen}");
    assert_eq!(names(&here), Vec::<String>::new());
}
