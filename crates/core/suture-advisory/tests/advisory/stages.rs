//! Stages and versions: what may follow what, and which number it has.

use suture_advisory::{Advisory, Refusal, Stage, Update};
use suture_case::model::Tlp;
use suture_case::values::List;

use crate::made::{full, in_stage, line, moment, update};

fn numbers(advisory: &Advisory) -> Vec<String> {
    advisory.revision.iter().map(|revision| revision.number.to_string()).collect()
}

#[test]
fn versions_grow_as_far_as_what_has_changed() {
    let mut advisory = in_stage(Stage::Draft);
    assert_eq!(numbers(&advisory), ["0.1.0"]);
    let next = |advisory: &Advisory, editorial| {
        advisory.revised(&Update { editorial, ..update(None, "2026-12-01T00:00:00Z") }).unwrap()
    };
    advisory.program.affected = List::new(vec![line("<7.0.12")]).unwrap();
    advisory = next(&advisory, false);
    assert_eq!(numbers(&advisory), ["0.1.0", "0.2.0"]);
    let mut advisory = in_stage(Stage::Published);
    assert_eq!(numbers(&advisory), ["0.1.0", "0.2.0", "1.0.0", "2.0.0"]);
    advisory.impact = "Code runs.".parse().ok();
    advisory = next(&advisory, false);
    advisory.impact = "Code is run.".parse().ok();
    advisory = next(&advisory, true);
    advisory.program.fixed = List::new(vec![line("7.0.12")]).unwrap();
    advisory = next(&advisory, false);
    assert_eq!(numbers(&advisory)[3..], ["2.0.0", "2.1.0", "2.1.1", "3.0.0"]);
    let shown: Vec<String> = advisory.history().map(|revision| revision.number.to_string()).collect();
    assert_eq!(shown, ["1.0.0", "2.0.0", "2.1.0", "2.1.1", "3.0.0"]);
    assert!(advisory.revision.iter().zip(advisory.revision.iter().skip(1)).all(|(a, b)| a.at < b.at));
}

#[test]
fn what_is_refused() {
    let draft = in_stage(Stage::Draft);
    let embargoed = in_stage(Stage::Embargoed);
    let published = in_stage(Stage::Published);
    let refused = |advisory: &Advisory, update: &Update| advisory.revised(update).unwrap_err();
    let now = "2026-10-30T12:00:00Z";
    let early = Refusal::TooEarly(moment("2026-11-02T16:00:00Z"));
    assert_eq!(refused(&embargoed, &update(Some(Stage::Published), now)), early);
    assert_eq!(refused(&draft, &update(Some(Stage::Published), now)), early);
    let of_case = Update {
        case_until: Some(moment("2027-01-01T00:00:00Z")),
        ..update(Some(Stage::Published), "2026-11-02T16:00:00Z")
    };
    assert_eq!(refused(&embargoed, &of_case), Refusal::TooEarly(moment("2027-01-01T00:00:00Z")));
    // A time that was moved in the file does not undo what recipients were told.
    let moved = Advisory { disclose_at: Some(moment("2026-10-30T10:00:00Z")), ..embargoed.clone() };
    assert_eq!(refused(&moved, &update(Some(Stage::Published), now)), early);
    assert!(matches!(refused(&moved, &update(None, now)), Refusal::Shortened { .. }));
    let none = Advisory { disclose_at: None, ..draft.clone() };
    assert_eq!(refused(&none, &update(Some(Stage::Embargoed), now)), Refusal::NoDisclosureTime);
    let open = Advisory { tlp: Tlp::Green, ..draft.clone() };
    assert_eq!(refused(&open, &update(Some(Stage::Embargoed), now)), Refusal::TooOpen(Tlp::Green));
    for (advisory, to) in [(&embargoed, Stage::Draft), (&published, Stage::Embargoed)] {
        let refusal = refused(advisory, &Update { force: Some(line("please")), ..update(Some(to), now) });
        assert_eq!(refusal, Refusal::Backwards { from: advisory.stage, to });
    }
    assert!(matches!(refused(&published, &update(None, now)), Refusal::NothingChanged(_)));
    let mut other = published.clone();
    other.program.fixed = List::default();
    assert!(matches!(
        refused(&other, &Update { editorial: true, ..update(None, now) }),
        Refusal::NotEditorial(_)
    ));
    let late = "2026-11-03T00:00:00Z";
    for empty in [
        Advisory { summary: None, ..embargoed.clone() },
        Advisory {
            hot_patch: List::default(),
            program: suture_advisory::model::Program {
                affected: List::default(),
                ..embargoed.program.clone()
            },
            ..embargoed.clone()
        },
    ] {
        assert!(matches!(refused(&empty, &update(Some(Stage::Published), late)), Refusal::Incomplete(_)));
    }
    let forced = Update { force: Some(line("why not")), ..update(Some(Stage::Published), late) };
    assert_eq!(refused(&embargoed, &forced), Refusal::NothingToForce);
}

#[test]
fn a_reason_overrules_the_time_and_stays_on_record() {
    let embargoed = in_stage(Stage::Embargoed);
    let force = Some(line("it is on the mailing list"));
    let update = Update { force: force.clone(), ..update(Some(Stage::Published), "2026-10-30T12:00:00Z") };
    let published = embargoed.revised(&update).unwrap();
    assert_eq!((published.tlp, published.stage), (Tlp::Clear, Stage::Published));
    assert_eq!(published.revision.last().unwrap().forced, force);
    assert!(Advisory::parse(&published.to_text().unwrap()).is_ok());
    assert!(!suture_advisory::html::html(&published).contains("mailing list"));
}

#[test]
fn an_edit_after_a_version_shows() {
    let mut advisory = in_stage(Stage::Published);
    assert!(!advisory.is_edited());
    advisory.workaround = None;
    assert!(advisory.is_edited());
    assert!(full().is_edited());
}

/// Comments of people stay when a version is made: the text is edited, not written anew.
#[test]
fn a_text_can_be_edited_into_its_next_version() {
    let draft = in_stage(Stage::Draft);
    let old = draft.to_text().unwrap().replacen("cwe = \"CWE-122\"", "cwe = \"CWE-122\"   # or 787?", 1);
    let next = Advisory { impact: None, ..draft }
        .revised(&update(Some(Stage::Embargoed), "2026-10-30T00:00:00Z"))
        .unwrap();
    let edited = suture_case::write::edited(&old, &next.to_text().unwrap()).unwrap();
    assert_eq!(Advisory::parse(&edited).as_ref(), Ok(&next), "{edited}");
    assert!(edited.contains("   # or 787?\n"), "{edited}");
}
