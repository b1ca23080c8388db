//! Every gap has a name, a place, a question and someone to ask.

use suture_dossier::{Dossier, Draft, Finding, draft, lint};

use crate::sample;

fn ids(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.id.as_str()).collect()
}

#[test]
fn a_complete_one_has_no_gaps() {
    let facts = [sample::facts()];
    assert_eq!(lint(&sample::dossier(&facts), Some(&facts)), []);
}

/// Each answer, taken out or left open, is found: in its line, with a question.
#[test]
fn each_answer_that_is_missing_is_named() {
    let facts = [sample::facts()];
    let text = sample::complete(&facts);
    let asked: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            line.contains("answer to ") || line.contains("answer-to-") || line.contains("\"yes\"")
        })
        .collect();
    assert!(asked.len() >= 27, "{}", asked.len());
    for (index, line) in asked {
        let key = line.split(" = ").next().unwrap();
        for answer in ["\"\"", "\"  \"", "\"?? someone\""] {
            let answer = if line.contains("= [") { format!("[{answer}]") } else { answer.to_owned() };
            let open = with_line(&text, index, Some(&format!("{key} = {answer}")));
            let found = lint(&Dossier::parse(&open).unwrap(), Some(&facts));
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(found[0].id.ends_with(key), "{line}: {found:?}");
            assert_eq!(found[0].line, index + 1, "{found:?}");
            assert!(!found[0].asks.is_empty() && !found[0].who.is_empty(), "{found:?}");
        }
        let without = with_line(&text, index, None);
        let found = lint(&Dossier::parse(&without).unwrap(), Some(&facts));
        assert_eq!(found.len(), 1, "without {line}: {found:?}");
    }
}

/// `text` with another line at `index`, or with none.
fn with_line(text: &str, index: usize, line: Option<&str>) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.splice(index..=index, line);
    lines.join("\n")
}

#[test]
fn an_empty_one_is_all_gaps() {
    let found = lint(&Dossier::parse("schema = 1\n").unwrap(), None);
    assert!(found.len() > 20);
    assert!(found.iter().all(|finding| finding.line == 0));
    assert!(ids(&found).contains(&"data.traces") && ids(&found).contains(&"monitoring.signals"));
}

/// What the delta is decides what is asked.
#[test]
fn questions_depend_on_the_patch() {
    let asked = |facts: &suture_bundle::Facts| {
        let text = draft(&Draft { deltas: vec![(facts, None)], ..Draft::default() });
        let found = lint(&Dossier::parse(&text).unwrap(), None);
        ["risk.consensus", "risk.live_data", "risk.hooks"].map(|id| ids(&found).contains(&id))
    };
    let mut facts = sample::facts();
    assert_eq!(asked(&facts), [true, true, true]);
    facts.critical.clear();
    facts.hooks.clear();
    facts.data.clear();
    facts.overwrites[0].writable = false;
    assert_eq!(asked(&facts), [false, false, false]);
}

#[test]
fn some_answers_are_one_of_a_few_words() {
    let facts = [sample::facts()];
    let with = |from: &str, to: &str| {
        let text = sample::complete(&facts);
        assert!(text.contains(from), "{from}");
        lint(&Dossier::parse(&text.replace(from, to)).unwrap(), Some(&facts))
    };
    let found = with("consensus_class = \"local\"", "consensus_class = \"harmless\"");
    assert_eq!(ids(&found), ["case.consensus_class"]);
    assert!(found[0].asks.contains("`harmless`"), "{found:?}");
    let found = with("mixed_versions = \"yes\"", "mixed_versions = \"limited\"");
    assert_eq!(ids(&found), ["compatibility.mixed_for"]);
}

/// Others refuse a builder that is no URI, and so does `suture sign --says built`.
#[test]
fn the_builder_is_a_uri() {
    let facts = [sample::facts()];
    let with = |builder: &str| {
        let text = sample::complete(&facts).replace("urn:example:answer-to-builder", builder);
        lint(&Dossier::parse(&text).unwrap(), Some(&facts))
    };
    for uri in ["https://ci.example.com", "mailto:ann@example.com"] {
        assert_eq!(with(uri), []);
    }
    for other in ["ann", "urn:", "the ops:team", "urn:two words", "urn:café"] {
        let found = with(other);
        assert_eq!(ids(&found), ["delta.0.origin.builder"], "{other}");
        assert!(found[0].line > 0 && found[0].asks.contains(other), "{found:?}");
    }
}

/// A dossier is about the deltas that it goes out with, and about no others.
#[test]
fn what_is_stated_must_be_so() {
    let facts = sample::facts();
    let dossier = sample::dossier(std::slice::from_ref(&facts));
    let mut other = facts.clone();
    other.id = "cd".repeat(32);
    assert_eq!(ids(&lint(&dossier, Some(std::slice::from_ref(&other)))), ["delta", "delta.0"]);
    assert_eq!(ids(&lint(&dossier, Some(&[facts.clone(), other]))), ["delta"]);
    assert_eq!(ids(&lint(&dossier, Some(&[]))), ["delta.0"]);

    let text = sample::complete(std::slice::from_ref(&facts));
    let lies = [
        ("parse (src/parse.c:12), 40 to 60 bytes", "log (src/log.c:1), 40 to 60 bytes"),
        ("hooks = [\n  \"pre-apply\",\n]\n", ""),
        ("0123456789abcdef0123", "0123456789abcdef0124"),
        ("memory_bytes = 4096", "memory_bytes = 1"),
        ("consensus: raft_append -> parse", "tests: a -> parse"),
    ];
    for (from, to) in lies {
        assert!(text.contains(from), "{from}");
        let found =
            lint(&Dossier::parse(&text.replace(from, to)).unwrap(), Some(std::slice::from_ref(&facts)));
        assert_eq!(ids(&found), ["delta.0"], "{from}");
    }
}
