//! What holds for any facts and any statements.

use proptest::prelude::*;
use suture_policy::{Class, Decision, Emergency, Facts, Kind, PatchFacts, State, Statement, Switch, Verdict};

use crate::sample::{ask, case, emergency, now, patch, people, run, statement};

/// A statement that speaks for a patch, or at least not against it.
fn positive() -> impl Strategy<Value = Statement> {
    let kinds = prop::sample::select(vec![
        Kind::Built,
        Kind::Reproduced,
        Kind::Rehearsed,
        Kind::Reviewed,
        Kind::Approved,
        Kind::Withdrawn,
        Kind::AcceptedLaxer,
        Kind::DeclaredEmergency,
    ]);
    any_statement(kinds)
}

fn any_statement(kinds: impl Strategy<Value = Kind>) -> impl Strategy<Value = Statement> {
    let names: Vec<String> =
        people().into_iter().map(|person| person.name).chain(["eve".to_owned()]).collect();
    (prop::sample::select(names), kinds, 60i64..7_200)
        .prop_map(|(by, kind, ago)| Statement { at: now().plus(-ago), ..statement(&by, kind) })
}

/// Any statements, negative ones among them, but enough of the positive that something is allowed now and then.
fn statements() -> impl Strategy<Value = Vec<Statement>> {
    let any = any_statement(prop::sample::select(Kind::ALL)).prop_flat_map(|statement| {
        let passed = if statement.kind == Kind::Rehearsed {
            any::<bool>().prop_map(Some).boxed()
        } else {
            Just(None).boxed()
        };
        passed.prop_map(move |passed| Statement { passed, ..statement.clone() })
    });
    let enough = vec![
        statement("ann", Kind::Authored),
        statement("bot", Kind::Rehearsed),
        statement("rob", Kind::Reviewed),
        statement("ray", Kind::Approved),
        statement("cora", Kind::Approved),
        statement("cora", Kind::DeclaredEmergency),
    ];
    let len = enough.len();
    (prop::sample::subsequence(enough, 0..=len), prop::collection::vec(any, 0..4)).prop_map(
        |(mut statements, more)| {
            statements.extend(more);
            statements
        },
    )
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(Class::ALL)
}

fn patches() -> impl Strategy<Value = PatchFacts> {
    (class(), class(), 0u64..2, prop::bool::weighted(0.1), any::<bool>()).prop_map(
        |(computed, declared, critical, is_layout, hooks)| PatchFacts {
            computed,
            declared,
            critical,
            layouts: u64::from(is_layout),
            hooks,
            ..patch()
        },
    )
}

fn emergencies() -> impl Strategy<Value = Option<Emergency>> {
    let ended = Emergency { started: now().plus(-80 * 3_600), ends: now().plus(-8 * 3_600) };
    prop::sample::select(vec![None, Some(emergency()), Some(ended)])
}

fn facts() -> impl Strategy<Value = Facts> {
    (patches(), emergencies()).prop_map(|(patch, emergency)| Facts {
        now: now(),
        case: Some(case()),
        patch: Some(patch),
        emergency,
        authors: Vec::new(),
    })
}

fn switch() -> impl Strategy<Value = Switch> {
    prop::sample::select(Switch::ALL)
}

fn stops(decision: &Decision) -> Vec<&str> {
    decision.rules.iter().filter(|rule| rule.forbids).map(|rule| rule.rule.as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_statement_for_a_patch_never_stops_it(
        facts in facts(), statements in statements(), more in positive(), switch in switch()
    ) {
        let before = ask(&run(switch), &facts, &statements);
        let mut with_more = statements;
        with_more.push(more);
        let after = ask(&run(switch), &facts, &with_more);
        for rule in stops(&after) {
            prop_assert!(stops(&before).contains(&rule), "{rule} is new");
        }
        prop_assert!(after.allowed || !before.allowed);
    }

    #[test]
    fn a_refusal_never_lets_it_run(facts in facts(), statements in statements(), switch in switch()) {
        let mut refused = statements;
        let later = Statement { at: now(), ..statement("oli", Kind::Refused) };
        refused.push(later);
        prop_assert!(!ask(&run(switch), &facts, &refused).allowed);
    }

    #[test]
    fn without_what_is_required_it_does_not_run(
        facts in facts(), statements in statements(), switch in switch(),
        kind in prop::sample::select(vec![Kind::Authored, Kind::Rehearsed, Kind::Reviewed]),
    ) {
        let facts = Facts { emergency: None, ..facts };
        let without: Vec<_> = statements.into_iter().filter(|statement| statement.kind != kind).collect();
        prop_assert!(!ask(&run(switch), &facts, &without).allowed);
    }

    #[test]
    fn a_stricter_class_never_allows_more(
        facts in facts(), statements in statements(), switch in switch(), classes in (class(), class())
    ) {
        let patch = facts.patch.clone().unwrap();
        let with = |class| {
            let patch = PatchFacts { computed: class, declared: class, ..patch.clone() };
            ask(&run(switch), &Facts { patch: Some(patch), ..facts.clone() }, &statements)
        };
        let (lax, strict) = (classes.0.min(classes.1), classes.0.max(classes.1));
        prop_assert!(with(lax).allowed || !with(strict).allowed);
    }

    #[test]
    fn a_laxer_declaration_alone_changes_nothing_for_the_better(
        facts in facts(), statements in statements(), switch in switch(), declared in class()
    ) {
        let patch = facts.patch.clone().unwrap();
        let with = |declared| {
            let patch = PatchFacts { declared, ..patch.clone() };
            ask(&run(switch), &Facts { patch: Some(patch), ..facts.clone() }, &statements)
        };
        let nobody_accepts = !statements.iter().any(|statement| statement.kind == Kind::AcceptedLaxer);
        prop_assume!(nobody_accepts && declared < patch.computed);
        let lax = with(declared);
        prop_assert!(!lax.allowed);
        prop_assert_eq!(lax.class, patch.computed);
    }

    #[test]
    fn what_the_analysis_refuses_never_runs(facts in facts(), statements in statements(), switch in switch()) {
        let patch = PatchFacts { verdict: Verdict::FullUpdate, ..facts.patch.clone().unwrap() };
        let facts = Facts { patch: Some(patch), ..facts };
        prop_assert!(!ask(&run(switch), &facts, &statements).allowed);
    }

    #[test]
    fn replicated_never_runs_live(facts in facts(), statements in statements()) {
        let patch = facts.patch.clone().unwrap();
        let patch = PatchFacts { computed: Class::Replicated, declared: Class::Replicated, ..patch };
        let facts = Facts { patch: Some(patch), ..facts };
        prop_assert!(!ask(&run(Switch::On), &facts, &statements).allowed);
    }

    #[test]
    fn the_order_of_statements_does_not_matter(
        facts in facts(), (statements, shuffled) in statements().prop_flat_map(|statements| {
            (Just(statements.clone()), Just(statements).prop_shuffle())
        })
    ) {
        let (one, other) = (ask(&run(Switch::Dark), &facts, &statements), ask(&run(Switch::Dark), &facts, &shuffled));
        prop_assert_eq!(one.allowed, other.allowed);
        prop_assert_eq!(one.rules, other.rules);
        prop_assert_eq!(one.requirements, other.requirements);
    }

    /// A decision is the same as its table: it may if nothing is missing or overdue, and what is owed was let through.
    #[test]
    fn the_table_agrees_with_the_decision(facts in facts(), statements in statements(), switch in switch()) {
        let decision = ask(&run(switch), &facts, &statements);
        let open = |state| decision.requirements.iter().any(|requirement| requirement.state == state);
        prop_assert_eq!(decision.allowed, !open(State::Missing) && !open(State::Overdue));
        prop_assert!(facts.emergency.is_some() || !(open(State::Owed) || open(State::Overdue)));
        for requirement in &decision.requirements {
            prop_assert_eq!(requirement.state == State::Owed, requirement.until.is_some());
            let is_stopping = matches!(requirement.state, State::Missing | State::Overdue);
            prop_assert_eq!(is_stopping, stops(&decision).contains(&requirement.rule.as_str()));
        }
    }
}

proptest! {
    // Each case asks some fifty questions.
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whoever is named as able to help can, and nobody else could alone.
    #[test]
    fn those_who_could_help_are_those_who_can(facts in facts(), statements in statements(), switch in switch()) {
        let decision = ask(&run(switch), &facts, &statements);
        let missing = decision.requirements.iter().filter(|requirement| requirement.state == State::Missing);
        for requirement in missing {
            let Some(kind) = requirement.kind else { continue };
            let made_by = |names: &[&str]| {
                let now = names.iter().map(|name| Statement { at: now(), ..statement(name, kind) });
                let all: Vec<_> = statements.iter().cloned().chain(now).collect();
                !stops(&ask(&run(switch), &facts, &all)).contains(&requirement.rule.as_str())
            };
            let could: Vec<&str> = requirement.could.iter().map(|person| person.name.as_str()).collect();
            prop_assert!(could.is_empty() || made_by(&could), "{} {could:?}", requirement.rule);
            for person in people().iter().filter(|person| !could.contains(&person.name.as_str())) {
                prop_assert!(!made_by(&[&person.name]), "{} {}", requirement.rule, person.name);
            }
        }
    }
}
