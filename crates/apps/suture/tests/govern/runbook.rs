//! The runbook is run: every command in it, in its order, on a process that it is for; on a node that asks nobody, and on one with a
//! trust root.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::office::{Server, open, sign, sign_all};
use crate::patch::{self, json};
use crate::transcript::{directory, suture};

const BUNDLE: &str = "a fix.bundle";

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

/// Makes the bundle for `program`, a name that no other process has, as the runbook looks for it; gives the runbook's blocks.
/// `class` is the consensus class that the author declares.
fn blocks_for(here: &Path, program: &str, class: &str) -> Vec<String> {
    patch::delta(here, program, "fix", "fixed %d");
    patch::dossier(here, &["fix.delta"]);
    let dossier = fs::read_to_string(here.join("dossier.toml")).unwrap();
    let declared = format!("consensus_class = \"{class}\"");
    fs::write(here.join("dossier.toml"), dossier.replace("consensus_class = \"local\"", &declared)).unwrap();
    json(here, 0, &["bundle", "create", "fix.delta", "--dossier", "dossier.toml", "-o", BUNDLE]);
    json(here, 0, &["dossier", "render", BUNDLE, "-o", "out"]);
    blocks(&fs::read_to_string(here.join("out/runbook.md")).unwrap())
}

/// Types the blocks, one behind the other, into one shell. Behind each, the last line of the program's log is awaited to be that
/// of the code which should run then.
fn typed(here: &Path, server: &Server, program: &str, blocks: &[String], states: &[&str]) -> Output {
    let awaited = |text: &str| {
        let pid = server.pid();
        format!("until tail -n 1 {program}.log | grep -q '^{text} [0-9]'; do kill -0 {pid}; done")
    };
    let lines = blocks.iter().zip(states).flat_map(|(block, state)| [block.clone(), awaited(state)]);
    let suture = suture(here, &[]);
    let programs = Path::new(suture.get_program()).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let state = tempfile::tempdir().unwrap();
    let mut shell = std::process::Command::new("bash");
    shell.args(["-euxc", &lines.collect::<Vec<_>>().join("\n")]).current_dir(here);
    shell.env("PATH", path).env("SUTURE_STATE_DIR", state.path()).env_remove("SUTURE_TRUST_DIR");
    if here.join("trust").is_dir() {
        shell.env("SUTURE_TRUST_DIR", "trust");
    }
    shell.output().unwrap()
}

fn works(output: &Output) {
    let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{why}");
}

fn every_command_works(here: &Path, program: &str, sign: impl FnOnce()) {
    let blocks = blocks_for(here, program, "local");
    let ends: Vec<&str> = blocks.iter().filter_map(|block| block.lines().last()).collect();
    let words = ["sha256sum", "PID=", "apply", "apply", "ps", "toggle", "toggle", "revert"];
    assert_eq!(ends.len(), words.len(), "{blocks:?}");
    for (line, word) in ends.iter().zip(words) {
        assert!(line.contains(word), "{word}: {line}");
    }
    sign();
    let server = Server::start(here, program);
    let states = ["count", "count", "fixed", "fixed", "fixed", "count", "fixed", "count"];
    works(&typed(here, &server, program, &blocks, &states));
}

#[test]
fn every_command_of_the_runbook_works() {
    every_command_works(&directory("runbook"), "suture-runbook", || {});
}

#[test]
fn every_command_of_the_runbook_works_where_there_is_a_trust_root() {
    let here = open("runbook-trust");
    every_command_works(&here, "suture-runbook-t", || sign_all(&here, BUNDLE));
}

/// As the runbook says, the default rules let no node alone switch on what is replicated, and rules of the operator may.
#[test]
fn what_is_replicated_goes_dark_by_the_runbook_and_on_by_rules_of_its_own() {
    let (here, program) = (open("runbook-dark"), "suture-runbook-d");
    let blocks = blocks_for(&here, program, "replicated");
    assert!(blocks[2].ends_with("--dark") && blocks[3].contains(" on "), "{blocks:?}");
    sign_all(&here, BUNDLE);
    sign(&here, BUNDLE, "rob", "reviewer", &["--says", "approved"]);
    sign(&here, BUNDLE, "cora", "commander", &[]);
    let server = Server::start(&here, program);
    works(&typed(&here, &server, program, &blocks[..3], &["count"; 3]));
    let to_switch = [blocks[0].clone(), blocks[1].clone(), blocks[3].clone()];
    let refused = typed(&here, &server, program, &to_switch, &["count"; 3]);
    let why = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(5), "{why}");
    assert!(why.contains("replicated-at-agreed-point"), "{why}");

    fs::create_dir(here.join("trust/policy")).unwrap();
    let rule = "@id(\"operator-agrees\")\n@says(\"The operator of this group has agreed on the point.\")\n\
                permit (principal, action, resource);\n";
    fs::write(here.join("trust/policy/own.cedar"), rule).unwrap();
    let states = ["count", "count", "count", "fixed", "fixed", "count", "fixed", "count"];
    works(&typed(&here, &server, program, &blocks, &states));
}
