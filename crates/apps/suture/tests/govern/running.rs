//! Each rule that stops a patch, and what makes it run.

use std::fs;

use crate::office::{Server, check, done, open, sign, sign_all};
use crate::patch::{self, json};
use crate::transcript::{run, transcript};

const TRUST: [&str; 2] = ["--trust", "trust"];

#[test]
fn a_bundle_runs_when_everything_that_is_asked_has_been_signed() {
    let here = open("govern-bundle");
    patch::bundle(&here);
    let server = Server::start(&here, "server");
    let apply = [&["apply", "fix.bundle"][..], &TRUST].concat();

    let refused = server.operate(&here, 5, &apply);
    let why = refused["error"]["why"].as_str().unwrap();
    for rule in ["patch-has-author", "independent-review", "rehearsal-passed"] {
        assert!(why.contains(rule), "{why}");
    }
    server.awaits("count");
    assert_eq!(json_homes(&here, &server), 0, "nothing was put into the process");

    sign_all(&here, "fix.bundle");
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
    assert_eq!(server.operate(&here, 0, &apply)["results"][0]["outcome"], "done");
    server.awaits("fixed");

    // The way back needs nobody's permission; the way forth does.
    server.operate(&here, 0, &["toggle", "fix.bundle", "off"]);
    server.awaits("count");
    let id = json(&here, 0, &["inspect", "fix.delta"])["id"].as_str().unwrap().to_owned();
    server.operate(&here, 5, &[&["toggle", &id, "on"][..], &TRUST].concat());
    server.operate(&here, 0, &[&["toggle", "fix.bundle", "on"][..], &TRUST].concat());
    server.awaits("fixed");

    sign(&here, "fix.bundle", "cora", "commander", &["--refuse", "--reason", "it breaks the cache"]);
    server.operate(&here, 5, &apply);
    server.operate(&here, 0, &["revert", "fix.bundle"]);
    server.awaits("count");
    sign(&here, "fix.bundle", "cora", "commander", &["--withdraw"]);
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
}

#[test]
fn the_table_shows_what_is_there_what_is_missing_and_who_could_give_it() {
    let here = open("govern-table");
    let id = patch::bundle(&here);
    sign(&here, "fix.bundle", "ann", "author", &[]);
    let shown = transcript(&here, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    insta::assert_snapshot!(shown.replace(&id[..12], "[digest]"));
}

#[test]
fn a_review_from_the_author_s_team_is_none() {
    let here = open("govern-team");
    patch::bundle(&here);
    sign(&here, "fix.bundle", "ann", "author", &[]);
    sign(&here, "fix.bundle", "bot", "rehearser", &["--predicate", "passed.json"]);
    sign(&here, "fix.bundle", "art", "reviewer", &[]);
    assert_eq!(check(&here, "fix.bundle", &[]), (vec!["independent-review".to_owned()], false));
}

/// Who has forgotten to bring the statements along is told which file is not there.
#[test]
fn a_file_of_statements_that_is_not_there_is_named() {
    let here = open("govern-absent");
    patch::bundle(&here);
    let absent = "there is no file of statements `fix.bundle.intoto.jsonl`";
    let answer = json(&here, 5, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    assert_eq!(answer["absent"], absent, "{answer}");
    let shown = transcript(&here, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    assert!(shown.contains(absent), "{shown}");
    let elsewhere = ["policy", "check", "fix.bundle", "--trust", "trust", "--statements", "elsewhere"];
    assert!(json(&here, 2, &elsewhere)["error"]["what"].as_str().unwrap().contains("`elsewhere`"));
    let server = Server::start(&here, "server");
    let refused = server.operate(&here, 5, &["apply", "fix.bundle", "--trust", "trust"]);
    assert!(refused["error"]["why"].as_str().unwrap().contains(absent), "{refused}");
    sign(&here, "fix.bundle", "ann", "author", &[]);
    let answer = json(&here, 5, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    assert_eq!(answer.get("absent"), None, "{answer}");
}

/// A signed bundle is not replaced, and a new one does not get the statements about another.
#[test]
fn a_signed_bundle_is_not_replaced_by_another() {
    let here = open("govern-replaced");
    patch::bundle(&here);
    let create = ["bundle", "create", "fix.delta", "--dossier", "dossier.toml", "-o", "fix.bundle"];
    let change = |from: &str, to: &str| {
        let dossier = fs::read_to_string(here.join("dossier.toml")).unwrap();
        fs::write(here.join("dossier.toml"), dossier.replacen(from, to, 1)).unwrap();
    };
    change("answer to ", "better answer to ");
    // Nobody has signed the first.
    json(&here, 0, &create);
    sign(&here, "fix.bundle", "ann", "author", &[]);
    // The same bytes are the same bundle.
    json(&here, 0, &create);
    let before = fs::read(here.join("fix.bundle")).unwrap();
    change("better answer to ", "even better answer to ");
    let is_refused = || {
        let refused = json(&here, 2, &create);
        let what = refused["error"]["what"].as_str().unwrap();
        assert!(what.contains("`fix.bundle.intoto.jsonl` is there already"), "{refused}");
    };
    is_refused();
    assert_eq!(fs::read(here.join("fix.bundle")).unwrap(), before);
    fs::remove_file(here.join("fix.bundle")).unwrap();
    is_refused();
    assert!(!here.join("fix.bundle").exists());
    let statements = here.join("fix.bundle.intoto.jsonl");
    let said = fs::read(&statements).unwrap();
    // A line that is damaged was about the bundle that is there.
    fs::write(here.join("fix.bundle"), &before).unwrap();
    fs::write(&statements, &said[..said.len() - 10]).unwrap();
    is_refused();
    assert_eq!(fs::read(here.join("fix.bundle")).unwrap(), before);
    // Nor is it replaced through a link.
    fs::create_dir(here.join("kept")).unwrap();
    fs::rename(here.join("fix.bundle"), here.join("kept/fix.bundle")).unwrap();
    fs::rename(&statements, here.join("kept/fix.bundle.intoto.jsonl")).unwrap();
    std::os::unix::fs::symlink("kept/fix.bundle", here.join("fix.bundle")).unwrap();
    let refused = json(&here, 2, &create);
    let what = refused["error"]["what"].as_str().unwrap();
    assert!(what.contains("kept/fix.bundle.intoto.jsonl` is there already"), "{refused}");
    assert_eq!(fs::read(here.join("kept/fix.bundle")).unwrap(), before);
    fs::remove_dir_all(here.join("kept")).unwrap();
    fs::remove_file(here.join("fix.bundle")).unwrap();
    // A summary that was published may be all that there is.
    fs::write(here.join("fix.bundle"), &before).unwrap();
    fs::write(here.join("fix.bundle.vsa.intoto.jsonl"), &said).unwrap();
    let refused = json(&here, 2, &create);
    let what = refused["error"]["what"].as_str().unwrap();
    assert!(what.contains("`fix.bundle.vsa.intoto.jsonl` is there already"), "{refused}");
    fs::remove_file(here.join("fix.bundle.vsa.intoto.jsonl")).unwrap();
    json(&here, 0, &create);
    let other = json(&here, 2, &[&create[..6], &["fix.delta"]].concat());
    assert!(other["error"]["why"].as_str().unwrap().contains("it is no bundle"), "{other}");
}

/// What counts for nothing is shown with the reason, so that nobody looks for it in vain.
#[test]
fn statements_that_are_not_put_to_the_rules_are_shown() {
    let here = open("govern-rejected");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let root = fs::read_to_string(here.join("trust/root.toml")).unwrap();
    let rob = fs::read_to_string(here.join("rob.pub")).unwrap();
    let valid = "valid_until = 2099-01-01T00:00:00Z\n";
    let from = root.find(rob.trim()).unwrap();
    let until = from + root[from..].find(valid).unwrap();
    let expired =
        format!("{}valid_until = 2021-01-01T00:00:00Z\n{}", &root[..until], &root[until + valid.len()..]);
    fs::write(here.join("trust/root.toml"), expired).unwrap();
    let output = run(&here, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(5));
    assert!(text.contains("Statements that do not count") && text.contains("rob reviewed: "), "{text}");
    let answer = json(&here, 5, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    assert_eq!(answer["rejected"].as_array().unwrap().len(), 1, "{answer}");
    // A role that nobody has is no slip of the pen.
    assert!(!text.contains("which the trust root does not have"), "{text}");
}

/// Whose keys have expired, are revoked, or do not hold yet can't give what is missing, and nobody is sent to them.
#[test]
fn only_who_can_sign_now_could_give_what_is_missing() {
    let here = open("govern-could");
    patch::bundle(&here);
    sign(&here, "fix.bundle", "ann", "author", &[]);
    let could = || {
        let answer = json(&here, 5, &["policy", "check", "fix.bundle", "--trust", "trust"]);
        let lines = answer["requirements"].as_array().unwrap().clone();
        lines.into_iter().find(|line| line["rule"] == "independent-review").unwrap()["could"].clone()
    };
    assert_eq!(could(), serde_json::json!(["rob", "ray"]));
    let root = fs::read_to_string(here.join("trust/root.toml")).unwrap();
    let (before, rob) = root.split_once("[[principal]]\nname = \"rob\"").unwrap();
    let with = |from: &str, to: &str| {
        assert!(rob.contains(from));
        let root = format!("{before}[[principal]]\nname = \"rob\"{}", rob.replacen(from, to, 1));
        fs::write(here.join("trust/root.toml"), root).unwrap();
    };
    let revoked = "revoked = { at = 2021-01-01T00:00:00Z, reason = \"lost\" }\nvalid_from";
    with("valid_from", revoked);
    assert_eq!(could(), serde_json::json!(["ray"]));
    with("2099-01-01", "2021-01-01");
    assert_eq!(could(), serde_json::json!(["ray"]));
    with("2020-01-01", "2098-01-01");
    assert_eq!(could(), serde_json::json!(["ray"]));
}

#[test]
fn what_was_said_of_another_bundle_counts_for_nothing() {
    let here = open("govern-replay");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let statements = fs::read(here.join("fix.bundle.intoto.jsonl")).unwrap();
    patch::delta(&here, "server", "other", "other %d");
    fs::write(here.join("other.delta.intoto.jsonl"), statements).unwrap();
    let (missing, allowed) = check(&here, "other.delta", &[]);
    assert!(!allowed);
    assert_eq!(missing, ["patch-has-author", "independent-review", "rehearsal-passed"]);
}

#[test]
fn a_machine_without_a_trust_root_says_that_nothing_was_verified() {
    let here = open("govern-none");
    patch::delta(&here, "server", "fix", "fixed %d");
    let server = Server::start(&here, "server");
    let output = run(&here, &["apply", "fix.delta", "--pid", &server.pid()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing was verified"));
    server.awaits("fixed");
    let asked = run(&here, &["policy", "check", "fix.delta"]);
    assert_eq!(asked.status.code(), Some(2));
}

#[test]
fn in_an_emergency_the_review_may_follow_and_is_owed() {
    let here = open("govern-emergency");
    patch::bundle(&here);
    sign(&here, "fix.bundle", "ann", "author", &[]);
    sign(&here, "fix.bundle", "bot", "rehearser", &["--predicate", "passed.json"]);
    assert!(!check(&here, "fix.bundle", &[]).1);
    let declared = ["--says", "emergency", "--lasts", "20h", "--reason", "it is being exploited"];
    sign(&here, "fix.bundle", "cora", "commander", &declared);
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));

    let server = Server::start(&here, "server");
    let output = run(&here, &["apply", "fix.bundle", "--trust", "trust", "--pid", &server.pid()]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("owed") && said.contains("independent-review"), "{said}");
}

/// Every time that can be declared is signed; how long it may be is for the rules.
#[test]
fn an_emergency_lasts_as_long_as_the_policy_allows() {
    let here = open("govern-emergency-lasts");
    patch::bundle(&here);
    let statements = here.join("fix.bundle.intoto.jsonl");
    for (lasts, allowed) in
        [("48h", true), ("1d12h", true), ("3d", true), ("72h1s", false), ("2d1h30m", true)]
    {
        let _ = fs::remove_file(&statements);
        sign(&here, "fix.bundle", "ann", "author", &[]);
        sign(&here, "fix.bundle", "bot", "rehearser", &["--predicate", "passed.json"]);
        let declared = ["--says", "emergency", "--lasts", lasts, "--reason", "it is being exploited"];
        sign(&here, "fix.bundle", "cora", "commander", &declared);
        let missing = if allowed { Vec::new() } else { vec!["emergency-is-short".to_owned()] };
        assert_eq!(check(&here, "fix.bundle", &[]), (missing, allowed), "{lasts}");
    }
}

#[test]
fn a_class_that_is_laxer_than_the_call_graph_shows_has_to_be_accepted() {
    let here = open("govern-class");
    fs::write(here.join("suture.toml"), "[critical]\nfunctions = [\"check\"]\n").unwrap();
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let (missing, allowed) = check(&here, "fix.bundle", &[]);
    assert!(!allowed);
    for rule in ["laxer-class-is-accepted", "consensus-is-approved", "replicated-goes-dark"] {
        assert!(missing.iter().any(|missing| missing == rule), "{missing:?}");
    }
    // What is replicated goes dark; accepted as local it may run, with the approvals of two teams.
    assert!(!check(&here, "fix.bundle", &["--dark"]).0.iter().any(|rule| rule == "replicated-goes-dark"));
    sign(&here, "fix.bundle", "rob", "reviewer", &["--says", "laxer", "--reason", "only a text changes"]);
    sign(&here, "fix.bundle", "rob", "reviewer", &["--says", "approved"]);
    sign(&here, "fix.bundle", "cora", "commander", &[]);
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
}

#[test]
fn an_altered_bundle_is_refused_before_anybody_is_asked() {
    let here = open("govern-altered");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let mut bytes = fs::read(here.join("fix.bundle")).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(here.join("fix.bundle"), bytes).unwrap();
    let server = Server::start(&here, "server");
    server.operate(&here, 5, &["apply", "fix.bundle", "--trust", "trust"]);
    server.awaits("count");
}

#[test]
fn a_trust_directory_that_can_t_be_used_stops_everything() {
    let here = open("govern-broken");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let server = Server::start(&here, "server");
    let apply = ["apply", "fix.bundle", "--trust", "trust"];
    fs::create_dir(here.join("trust/policy")).unwrap();
    server.operate(&here, 2, &apply);
    fs::write(here.join("trust/policy/own.cedar"), "permit (principal, action, resource").unwrap();
    let refused = server.operate(&here, 2, &apply);
    assert!(refused["error"]["why"].as_str().unwrap().contains("own.cedar"), "{refused}");
    fs::remove_file(here.join("trust/root.toml")).unwrap();
    server.operate(&here, 2, &apply);
    server.awaits("count");
    done(&here, &["revert", "fix.bundle", "--pid", &server.pid()]);
}

fn json_homes(here: &std::path::Path, server: &Server) -> usize {
    let answer = json(here, 0, &["ps", "--pid", &server.pid()]);
    answer["processes"][0]["patches"].as_array().map_or(0, Vec::len)
}
