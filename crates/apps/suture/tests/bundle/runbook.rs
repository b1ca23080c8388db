//! The runbook is run: every command in it, in its order, on a process that it is for.

use std::fs;
use std::process::{Command, Stdio};

use crate::patch::{self, json};
use crate::transcript::{directory, suture};

/// The blocks of commands in a Markdown text, and nothing of what leads them in.
fn blocks(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<Vec<&str>> = None;
    for line in markdown.lines().map(str::trim) {
        match (&mut block, line) {
            (None, "```sh") => block = Some(Vec::new()),
            (Some(lines), "```") => {
                blocks.push(lines.join("\n"));
                block = None;
            }
            (Some(lines), line) => lines.push(line),
            (None, _) => {}
        }
    }
    blocks
}

#[test]
fn every_command_of_the_runbook_works() {
    let here = directory("runbook");
    // A name that no other process has: the runbook looks for it.
    patch::delta(&here, "suture-runbook-server", "fix", "fixed %d");
    patch::dossier(&here, &["fix.delta"]);
    json(&here, 0, &["bundle", "create", "fix.delta", "--dossier", "dossier.toml", "-o", "a fix.bundle"]);
    json(&here, 0, &["dossier", "render", "a fix.bundle", "-o", "out"]);
    let blocks = blocks(&fs::read_to_string(here.join("out/runbook.md")).unwrap());
    assert_eq!(blocks.len(), 8, "{blocks:?}");
    let ends: Vec<&str> = blocks.iter().filter_map(|block| block.lines().last()).collect();
    let words = ["tar", "PID=", "apply", "apply", "ps", "toggle", "toggle", "revert"];
    for (line, word) in ends.iter().zip(words) {
        assert!(line.contains(word), "{word}: {line}");
    }

    let log = fs::File::create(here.join("log")).unwrap();
    let mut server =
        Command::new(here.join("suture-runbook-server")).stdout(log).stderr(Stdio::null()).spawn().unwrap();
    // Behind each block, the last line of the log is awaited to be that of the code which should run now.
    let awaited = |text: &str| {
        format!("until tail -n 1 log | grep -q '^{text} [0-9]'; do kill -0 {}; done", server.id())
    };
    let states = ["count", "count", "fixed", "fixed", "fixed", "count", "fixed", "count"];
    let script: Vec<String> =
        blocks.iter().zip(states).flat_map(|(block, state)| [block.clone(), awaited(state)]).collect();
    let path = suture(&here, &[]).get_program().to_owned();
    let programs = std::path::Path::new(&path).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let state = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["-euxc", &script.join("\n")])
        .current_dir(&here)
        .env("PATH", path)
        .env("SUTURE_STATE_DIR", state.path())
        .output();
    let _ = server.kill();
    let _ = server.wait();
    let output = output.unwrap();
    let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{why}");
}
