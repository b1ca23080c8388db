//! What people read: complete, and with nothing in it that is not text.

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};
use suture_dossier::{Dossier, Draft, Format, Paper, Rendering, draft, render};

use crate::sample;

fn paper(dossier: &Dossier, paper: Paper, format: Format) -> String {
    render(&Rendering { dossier, source: "a test", bundle: "fix.bundle" }, paper, format).unwrap()
}

#[test]
fn a_dossier() {
    insta::assert_snapshot!(paper(&sample::dossier(&[sample::facts()]), Paper::Dossier, Format::Markdown));
}

#[test]
fn a_runbook() {
    insta::assert_snapshot!(paper(&sample::dossier(&[sample::facts()]), Paper::Runbook, Format::Markdown));
}

#[test]
fn a_runbook_for_what_is_replicated() {
    let text = sample::complete(&[sample::facts()]).replace("class = \"local\"", "class = \"replicated\"");
    let runbook = paper(&Dossier::parse(&text).unwrap(), Paper::Runbook, Format::Markdown);
    assert!(runbook.contains("--pid \"$PID\" --dark\n"), "{runbook}");
    assert!(!runbook.contains("--all\n```"), "{runbook}");
}

#[test]
fn what_is_open_is_shown_as_open() {
    let facts = sample::facts();
    let text = draft(&Draft { deltas: vec![(&facts, None)], ..Draft::default() });
    let dossier = Dossier::parse(&text).unwrap();
    for which in [Paper::Dossier, Paper::Runbook] {
        assert!(paper(&dossier, which, Format::Markdown).contains("**still open**: the author of the patch"));
    }
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    for which in [Paper::Dossier, Paper::Runbook] {
        let page = paper(&sample::dossier(&[sample::facts()]), which, Format::Html);
        for word in ["http://", "https://", "src=", "href=", "url(", "@import", "<script", "<link"] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.starts_with("<!doctype html>") && page.contains("default-src 'none'"));
    }
}

/// What a Markdown text is made of, without its words.
fn structure(markdown: &str) -> Vec<String> {
    let tag = |tag: &Tag<'_>| format!("{:?}", std::mem::discriminant(tag));
    let shape = |event: Event<'_>| match event {
        Event::Start(start) => Some(tag(&start)),
        Event::Text(_) => None,
        Event::Code(_) => Some("code".to_owned()),
        Event::End(_) => Some("end".to_owned()),
        other => Some(format!("{other:?}")),
    };
    Parser::new_ext(markdown, Options::all()).filter_map(shape).collect()
}

fn with(word: &str) -> Dossier {
    let mut facts = sample::facts();
    word.clone_into(&mut facts.program);
    word.clone_into(&mut facts.functions[0].name);
    word.clone_into(&mut facts.functions[0].file);
    word.clone_into(&mut facts.data[0].name);
    word.clone_into(&mut facts.overwrites[0].name);
    facts.critical[0].path = vec![word.to_owned()];
    facts.types = vec![word.to_owned()];
    let mut dossier = sample::dossier(&[facts]);
    let answers = &mut dossier.answers;
    let texts = [
        &mut answers.title,
        &mut answers.case.id,
        &mut answers.case.severity,
        &mut answers.case.due,
        &mut answers.change.summary,
        &mut answers.change.rationale,
        &mut answers.risk.assessment,
        &mut answers.risk.worst_case,
        &mut answers.data.traces,
        &mut answers.deployment.full_update,
        &mut answers.rollback.verify,
        &mut answers.compatibility.state_after,
        &mut answers.monitoring.soak,
    ];
    for text in texts {
        word.clone_into(text);
    }
    let signal = &mut answers.monitoring.signals[0];
    let texts = [&mut signal.name, &mut signal.source, &mut signal.threshold, &mut signal.action];
    for text in texts {
        word.clone_into(text);
    }
    for list in [
        &mut answers.change.log,
        &mut answers.data.modified,
        &mut answers.deployment.steps,
        &mut answers.rollback.steps,
    ] {
        *list = vec![word.to_owned(), word.to_owned()];
    }
    word.clone_into(&mut answers.delta[0].platform);
    word.clone_into(&mut answers.delta[0].origin.command);
    answers.delta[0].origin.tools = vec![word.to_owned()];
    dossier
}

fn assert_harmless(word: &str) {
    let (plain, hostile) = (with("word"), with(word));
    for which in [Paper::Dossier, Paper::Runbook] {
        let (expected, found) =
            (paper(&plain, which, Format::Markdown), paper(&hostile, which, Format::Markdown));
        assert_eq!(structure(&found), structure(&expected), "{word:?}\n{found}");
        let tags = |page: &str| page.matches('<').count();
        let (expected, found) = (paper(&plain, which, Format::Html), paper(&hostile, which, Format::Html));
        assert_eq!(tags(&found), tags(&expected), "{word:?}\n{found}");
    }
}

#[test]
fn hostile_words_stay_words() {
    let words = [
        "<script>alert(1)</script>",
        "</style></head><img src=x onerror=alert(1)>",
        "std::vector<int, A&>::f(char const*)",
        "[click](javascript:alert(1))",
        "![x](http://example.org/x.png)",
        "<http://example.org>",
        "http://example.org/a_b_c",
        "# heading",
        "x | y | z",
        "x \\| y",
        "\\",
        "`",
        "``",
        "a`b",
        "``` sh",
        "~~~",
        "*a* _b_ **c** ~~d~~ $e$",
        "- item",
        "+ item",
        "1. item",
        "1) item",
        "> quote",
        "===",
        "---",
        "***",
        ": term",
        "a\n# b\n    code",
        "a\r\n- b",
        "&lt;b&gt; &#60;",
        "{{ 7 * 7 }} {% raw %}",
        "[^1] [x]: y",
        "[ ] open",
        "a\u{202e}b\u{0}c\u{1b}[2J",
        ">",
        "|",
        "$x^2$",
        "^$\"^:$",
        "-",
        "+",
        "=",
        "~",
        "#",
        "'\"",
        "'; rm -rf ~; '",
        "$(rm -rf ~)",
        "-rf",
    ];
    for word in words {
        assert_harmless(word);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_words_stay_words(word in "[-a-z0-9\\\\`*_{}\\[\\]()#+.!|<>~&$\"'=:/^@%?,; \n\t]{1,24}") {
        // What is nothing but room is no answer, and is shown as open.
        prop_assume!(!word.trim().is_empty() && !word.trim().starts_with("??"));
        // Two paragraphs are two paragraphs.
        prop_assume!(!word.trim().lines().any(|line| line.trim().is_empty()));
        assert_harmless(&word);
    }
}
