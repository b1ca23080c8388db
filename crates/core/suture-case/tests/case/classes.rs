//! The consensus class: computed from call paths, declared, and the stricter one.

use proptest::prelude::*;
use suture_case::consensus::{Class, DeltaFacts, Relation, Touch, class_of, compute, verdict};
use suture_case::values::Line;

fn line(text: &str) -> Line {
    text.parse().unwrap()
}

fn touch(group: &str, relation: Relation) -> Touch {
    Touch { group: line(group), function: line("fix"), relation, marked: line("vote") }
}

fn computed(touches: &[Touch]) -> Option<Class> {
    compute(DeltaFacts { groups: &[line("consensus")], touches }).map(|computed| computed.class)
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
        assert_eq!(computed(&[touch(group, relation)]), Some(class), "{group} {relation:?}");
    }
    assert_eq!(computed(&[]), Some(Class::Local));
}

/// Without marks there is no answer, rather than a harmless one.
#[test]
fn nothing_marked_means_nothing_computed() {
    assert_eq!(compute(DeltaFacts { groups: &[], touches: &[] }), None);
    let verdict = verdict(Some((Class::Local, "a bounds check".into())), None, Vec::new());
    assert_eq!((verdict.counts, verdict.is_laxer), (Some(Class::Local), false));
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
        prop_assert_eq!(computed(&all), Some(all.iter().map(class_of).max().unwrap_or(Class::Local)));
    }

    #[test]
    fn the_stricter_one_counts(touches in touches(), declared in proptest::option::of(class())) {
        let computed = compute(DeltaFacts { groups: &[line("consensus")], touches: &touches });
        let by_delta = computed.as_ref().map(|computed| computed.class);
        let verdict = verdict(declared.map(|class| (class, "so".to_owned())), computed, Vec::new());
        prop_assert!(verdict.counts >= declared && verdict.counts >= by_delta);
        prop_assert!(verdict.counts == declared || verdict.counts == by_delta);
        prop_assert_eq!(verdict.is_laxer, declared.is_some() && declared < by_delta);
    }
}
