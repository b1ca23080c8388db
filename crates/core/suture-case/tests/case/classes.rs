//! The consensus class: computed from call paths, declared, and the stricter one.

use proptest::prelude::*;
use suture_case::consensus::{Class, Computed, DeltaFacts, Relation, Touch, class_of, compute, verdict};
use suture_case::values::Line;

fn line(text: &str) -> Line {
    text.parse().unwrap()
}

fn touch(group: &str, relation: Relation) -> Touch {
    Touch { group: line(group), function: line("fix"), relation, marked: line("vote"), reads: None }
}

fn found(touches: &[Touch]) -> Computed {
    compute(DeltaFacts {
        groups: &[line("consensus")],
        unmatched: &[],
        none_critical: None,
        unseen: &[],
        touches,
    })
}

fn computed(touches: &[Touch]) -> Class {
    found(touches).class
}

#[test]
fn what_a_change_is_to_a_mark_decides() {
    let rows = [
        ("consensus", Relation::Is, Class::Replicated),
        ("consensus", Relation::CalledBy, Class::Replicated),
        ("consensus", Relation::Calls, Class::Wire),
        ("serialisation", Relation::CalledBy, Class::Replicated),
        ("our own words", Relation::Is, Class::Replicated),
        ("protocol", Relation::Is, Class::Wire),
        ("protocol", Relation::CalledBy, Class::Wire),
        ("network", Relation::Calls, Class::Wire),
    ];
    for (group, relation, class) in rows {
        assert_eq!(computed(&[touch(group, relation)]), class, "{group} {relation:?}");
    }
    assert_eq!(computed(&[]), Class::Local);
}

/// What nobody has looked for is not taken for harmless: without marks, or where a pattern has lost what it was to mark.
#[test]
fn what_was_not_looked_for_is_the_strictest() {
    let nothing = DeltaFacts { groups: &[], unmatched: &[], none_critical: None, unseen: &[], touches: &[] };
    let computed = compute(nothing);
    assert_eq!(computed.class, Class::Replicated);
    assert_eq!(computed.because, ["nothing was marked as critical when the delta was made"]);
    let verdict = verdict(Some((Class::Local, "a bounds check".into())), Some(computed), Vec::new());
    assert_eq!((verdict.counts, verdict.is_laxer), (Some(Class::Replicated), true));

    let (groups, lost) = ([line("consensus")], [line("no_such_function")]);
    let decoy = compute(DeltaFacts { groups: &groups, unmatched: &lost, ..nothing });
    assert_eq!(decoy.class, Class::Replicated);
    assert!(decoy.because[0].contains("`no_such_function`"), "{decoy:?}");
    // A call path that is there does not speak for those that were not looked for.
    let touches = [touch("protocol", Relation::Is)];
    assert_eq!(
        compute(DeltaFacts { unmatched: &lost, touches: &touches, ..nothing }).class,
        Class::Replicated
    );

    // What was not followed may lead anywhere.
    let unseen = [line("who uses the table can't be computed")];
    let blind = compute(DeltaFacts { groups: &groups, unseen: &unseen, ..nothing });
    assert_eq!(
        (blind.class, blind.because),
        (Class::Replicated, vec!["who uses the table can't be computed".to_owned()])
    );

    let why = line("a single server");
    let told = compute(DeltaFacts { none_critical: Some(&why), ..nothing });
    assert_eq!(told.class, Class::Local);
    assert!(told.because[0].ends_with("a single server"), "{told:?}");
    assert_eq!(
        compute(DeltaFacts { none_critical: Some(&why), unmatched: &lost, ..nothing }).class,
        Class::Replicated
    );
}

#[test]
fn the_reason_says_why_a_function_counts_as_changed() {
    let because = |touch: Touch| {
        let facts =
            DeltaFacts { groups: &[], unmatched: &[], none_critical: None, unseen: &[], touches: &[touch] };
        compute(facts).because.remove(0)
    };
    let is = Touch { function: line("vote"), ..touch("consensus", Relation::Is) };
    assert_eq!(because(is.clone()), "vote changes and is marked as consensus");
    let reads = Touch { reads: Some(line("limits")), ..is };
    assert_eq!(because(reads), "vote refers to limits, which changes, and is marked as consensus");
    let inlined = touch("consensus", Relation::Is);
    assert_eq!(because(inlined), "fix changes and has vote inlined, which is marked as consensus");
}

fn relation() -> impl Strategy<Value = Relation> {
    prop_oneof![Just(Relation::Is), Just(Relation::CalledBy), Just(Relation::Calls)]
}

fn touches() -> impl Strategy<Value = Vec<Touch>> {
    let group = prop_oneof![Just("consensus"), Just("protocol"), Just("serialisation"), Just("other")];
    proptest::collection::vec((group, relation()).prop_map(|(group, relation)| touch(group, relation)), 0..8)
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Local), Just(Class::Wire), Just(Class::Replicated)]
}

proptest! {
    #[test]
    fn one_more_path_is_never_laxer(touches in touches(), more in touches()) {
        let all: Vec<Touch> = touches.iter().chain(&more).cloned().collect();
        prop_assert!(computed(&touches) <= computed(&all));
        prop_assert_eq!(computed(&all), all.iter().map(class_of).max().unwrap_or(Class::Local));
    }

    #[test]
    fn the_stricter_one_counts(touches in touches(), declared in proptest::option::of(class())) {
        let computed = found(&touches);
        let by_delta = Some(computed.class);
        let verdict = verdict(declared.map(|class| (class, "so".to_owned())), Some(computed), Vec::new());
        prop_assert!(verdict.counts >= declared && verdict.counts >= by_delta);
        prop_assert!(verdict.counts == declared || verdict.counts == by_delta);
        prop_assert_eq!(verdict.is_laxer, declared.is_some() && declared < by_delta);
    }
}
