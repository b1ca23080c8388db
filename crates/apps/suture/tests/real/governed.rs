//! redis, CVE-2024-51741, from the report to a process of somebody else: an ACL rule with a key pattern that lacks its `~` is
//! accepted, and the server fails an assertion as soon as the rule is used. Probe: whether the rule is accepted.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::office::{done, open, sign_all};
use crate::patch;
use crate::program::{Program, Recipe, Running, connect, free_port};

const RECIPE: Recipe = Recipe {
    package: "redis",
    fix: "0002-Fix-Read-Write-key-pattern-selector-CVE-2024-51741-1.patch",
    run: "make -s -C src -j2 redis-server MALLOC=libc OPTIMIZATION=-O2 GIT_DIR=nowhere",
    artifact: "src/redis-server",
};

/// Whether the server refuses the rule; the user that it was set for is gone afterwards.
fn is_fixed(port: u16) -> bool {
    let mut connection = connect(port);
    let mut answers = BufReader::new(connection.try_clone().unwrap());
    let mut ask = |line: &str| {
        connection.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        answer
    };
    let answer = ask("ACL SETUSER probe %\r\n");
    ask("ACL DELUSER probe\r\n");
    assert!(answer.starts_with("+OK") || answer.starts_with("-ERR"), "{answer}");
    answer.starts_with("-ERR")
}

/// `fix.delta`, and what is known of where it comes from.
fn delta(here: &Path, program: &Program) {
    fs::copy(program.delta(), here.join("fix.delta")).unwrap();
    let id = patch::json(here, 0, &["inspect", "fix.delta"])["id"].as_str().unwrap().to_owned();
    let record = json!({"schema": 1, "id": id, "provenance": program.provenance()});
    fs::write(here.join("fix.delta.json"), record.to_string()).unwrap();
}

/// The case, classified with the delta; gives its document.
fn case(here: &Path) -> Value {
    let new = ["case", "new", "redis-51741", "--title", "A key pattern without its prefix is accepted"];
    let what = ["--program", "redis-server", "--id", "CVE-2024-51741"];
    let vector = ["--cvss-v3", "CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:N/I:N/A:H"];
    done(here, &[&new[..], &what, &vector, &["--answer", "exposed=yes", "--by", "cora"]].concat());
    let classify = ["case", "classify", "redis-51741", "--delta", "fix.delta", "--by", "ann"];
    patch::json(
        here,
        0,
        &[&classify[..], &["--class", "local:a rule is refused that was a mistake"]].concat(),
    )
}

/// The bundle in a channel, and what a machine fetches of it.
fn published_and_fetched(here: &Path) {
    let keys =
        "--root-key cora --targets-key cora --patches-key cora --snapshot-key cora --timestamp-key cora";
    let init: Vec<&str> = ["channel", "init", "channel"].into_iter().chain(keys.split(' ')).collect();
    done(here, &init);
    done(here, &["channel", "add", "channel", "--policy", "trust"]);
    done(here, &["channel", "add", "channel", "--bundle", "fix.bundle"]);
    done(here, &["channel", "publish", "channel", "--key", "cora", "--trust", "trust"]);
    let url = format!("file://{}/channel/public", here.display());
    let root = "channel/public/metadata/1.root.json";
    done(here, &["fetch", &url, "--root", root, "--datastore", "seen", "--out", "got"]);
}

#[test]
fn a_fix_of_redis_goes_from_the_report_to_a_process_that_believes_its_signers() {
    let program = RECIPE.build();
    let here = open("governed-redis");
    delta(&here, &program);
    let case = case(&here);
    assert_eq!(case["route"]["route"], "hot-patch", "{}", case["route"]);
    let record = ["--provenance", "fix.delta.json", "--case", "redis-51741"];
    done(&here, &[&["dossier", "new", "fix.delta"][..], &record].concat());
    patch::answer(&here.join("dossier.toml"));
    patch::bundle_of_fix(&here);

    let port = free_port();
    let mut command = Command::new(program.old());
    command.args(["--port", &port.to_string(), "--save", "", "--loglevel", "warning"]);
    let server = Running::server(command.current_dir(program.scratch()), port);
    let pid = server.pid().to_string();
    assert!(!is_fixed(port), "the hole is open at first");
    let apply = |file: &str, exit: i32| {
        let line = ["apply", file, "--trust", "got/trust", "--pid", &pid];
        patch::json(&here, exit, &line)
    };
    sign_all(&here, "fix.bundle");
    published_and_fetched(&here);
    let statements = here.join("got/bundles/fix.bundle.intoto.jsonl");
    let kept = fs::read(&statements).unwrap();
    fs::remove_file(&statements).unwrap();
    let refused = apply("got/bundles/fix.bundle", 5);
    assert!(refused["error"]["why"].as_str().unwrap().contains("independent-review"), "{refused}");
    assert!(!is_fixed(port), "nothing was put into it");
    fs::write(&statements, kept).unwrap();
    assert_eq!(apply("got/bundles/fix.bundle", 0)["results"][0]["outcome"], "done");
    assert!(is_fixed(port));
    done(&here, &["toggle", "got/bundles/fix.bundle", "off", "--pid", &pid]);
    assert!(!is_fixed(port));
    done(&here, &["revert", "got/bundles/fix.bundle", "--pid", &pid]);
    assert!(!is_fixed(port));
}
