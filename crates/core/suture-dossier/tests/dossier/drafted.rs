//! What is known is filled in, what is not is asked for, and nothing that deltas or people say breaks the file.

use proptest::prelude::*;
use suture_dossier::{Dossier, Draft, ParseError, TEXT_BYTES_MAX, draft, lint};

use crate::sample;

#[test]
fn a_draft_asks_for_what_it_does_not_know() {
    let facts = sample::facts();
    let text = draft(&Draft { deltas: vec![(&facts, None)], ..Draft::default() });
    insta::assert_snapshot!(text);
}

/// Answers are kept when the deltas were made again; what is computed is computed anew.
#[test]
fn answers_are_taken_over() {
    let before = sample::dossier(&[sample::facts()]);
    let mut facts = sample::facts();
    facts.id = "cd".repeat(32);
    facts.memory_bytes += 1;
    let text = draft(&Draft {
        deltas: vec![(&facts, Some(sample::origin()))],
        earlier: Some(&before.answers),
        case: None,
    });
    let after = Dossier::parse(&text).unwrap();
    assert_eq!(lint(&after, Some(std::slice::from_ref(&facts))), []);
    assert_eq!(after.answers.change, before.answers.change);
    assert_eq!(after.answers.delta[0].platform, before.answers.delta[0].platform);
    assert_eq!(after.answers.delta[0].id, facts.id);
    assert_eq!(after.answers.delta[0].origin.source_revision, "answer to source_revision");

    // Without a new record of the build, the old one is not taken for it.
    let text = draft(&Draft { deltas: vec![(&facts, None)], earlier: Some(&before.answers), case: None });
    let open = lint(&Dossier::parse(&text).unwrap(), None);
    assert_eq!(open.iter().map(|finding| finding.id.as_str()).collect::<Vec<_>>(), ["delta.0.origin"]);
}

#[test]
fn a_text_that_is_no_dossier_is_told_where() {
    let place = |text: &str| match Dossier::parse(text) {
        Err(ParseError::Text { line, column, .. }) => (line, column),
        other => panic!("{other:?}"),
    };
    assert_eq!(place("schema = 1\ntitle = \n").0, 2);
    assert_eq!(place("schema = 1\n\n[change]\nsumary = \"x\"\n"), (4, 1));
    assert_eq!(place("schema = 1\ntitle = 5\n"), (2, 9));
    assert_eq!(place("title = \"x\"\n").0, 1);
    assert_eq!(Dossier::parse("schema = 2\nwhatever = 1\n"), Err(ParseError::UnknownSchema { found: 2 }));
    let long = format!("schema = 1 # {}", "x".repeat(TEXT_BYTES_MAX));
    assert_eq!(Dossier::parse(&long), Err(ParseError::TooLong(long.len())));
    assert!(Dossier::parse(&format!("schema = 1\na = {}", "[".repeat(200_000))).is_err());
    assert!(Dossier::parse(&format!("schema = 1\n{}", "a.".repeat(200_000))).is_err());
}

proptest! {
    /// Whatever a delta's symbols and a build's command are called, the draft is a dossier that says so.
    #[test]
    fn what_deltas_say_stays_what_they_say(name in any::<String>(), file in any::<String>(), command in any::<String>()) {
        // Where answers are written below, such a command is taken for an open question.
        prop_assume!(!command.starts_with("??"));
        let mut facts = sample::facts();
        facts.program.clone_from(&name);
        facts.functions[0].name.clone_from(&name);
        facts.functions[0].file = file;
        let mut origin = sample::origin();
        origin.environment.insert(name.clone(), command.clone());
        origin.command.clone_from(&command);
        let text = draft(&Draft { deltas: vec![(&facts, Some(origin.clone()))], ..Draft::default() });
        let dossier = Dossier::parse(&text).unwrap();
        prop_assert_eq!(&dossier.answers.delta[0].program, &name);
        prop_assert_eq!(&dossier.answers.delta[0].origin.command, &command);
        prop_assert_eq!(&dossier.answers.delta[0].origin.environment, &origin.environment);
        let again = sample::answered(&text);
        prop_assert!(Dossier::parse(&again).is_ok());
        let stale = lint(&dossier, Some(std::slice::from_ref(&facts)));
        prop_assert!(!stale.iter().any(|finding| finding.id == "delta.0"), "{:?}", stale);
    }

    /// Any bytes that were a dossier once: a dossier, or one error with a place.
    #[test]
    fn mutated_texts_are_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = sample::complete(&[sample::facts()]).into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let text = String::from_utf8_lossy(&bytes);
        match Dossier::parse(&text) {
            Ok(dossier) => { lint(&dossier, Some(&[sample::facts()])); }
            Err(error) => prop_assert!(!error.to_string().contains(char::is_control) && !error.help().is_empty()),
        }
    }
}
