//! Single questions: what can't be evaluated, can't be asked, or is about somebody unknown.

use suture_policy::limits::{NAME_BYTES_MAX, STATEMENTS_MAX};
use suture_policy::{
    Ask, Class, Emergency, Facts, Kind, Node, Pack, PatchFacts, Principal, Question, QuestionError, Source,
    State, Statement, Switch, Why, decide, may_sign, route,
};

use crate::sample::{ask, enough, facts, now, pack, patch, people, run, statement};

fn error(ask: &Ask, facts: &Facts, statements: &[Statement], principals: &[Principal]) -> QuestionError {
    decide(pack(), &Question { ask, facts, statements, principals }).unwrap_err()
}

/// Cedar skips a rule that fails. A `forbid` that is skipped would be a hole.
#[test]
fn a_rule_that_can_not_be_evaluated_denies() {
    let text = "@id(\"all\") @says(\"All.\") permit (principal, action, resource);\n\
         @id(\"big\") @says(\"Not big.\") @needs(\"less\") forbid (principal, action, resource)\n\
         when { context has patch && context.patch.bytes + 1 > 100 };";
    let own = Pack::load(&[Source { name: "own.cedar", text }]).unwrap();
    let with_size = |bytes| {
        let facts = Facts { patch: Some(PatchFacts { bytes, ..patch() }), ..facts() };
        let ask = run(Switch::On);
        decide(&own, &Question { ask: &ask, facts: &facts, statements: &[], principals: &people() }).unwrap()
    };
    assert!(with_size(50).allowed && with_size(50).failed.is_empty());
    assert!(!with_size(100).allowed && with_size(100).failed.is_empty());
    let overflow = with_size(u64::MAX);
    assert!(!overflow.allowed);
    assert_eq!(overflow.rules.iter().filter(|rule| rule.forbids).count(), 0);
    assert!(overflow.failed.len() == 1 && overflow.failed[0].contains("overflow"), "{:?}", overflow.failed);
    let routes =
        route(&own, &Facts { patch: Some(PatchFacts { bytes: u64::MAX, ..patch() }), ..facts() }, &people());
    assert_eq!(routes.unwrap().route, None);
}

/// A statement that no rule could judge may have been a refusal.
#[test]
fn a_rule_for_signing_that_can_not_be_evaluated_denies() {
    let text = "@id(\"run\") @says(\"All.\") permit (principal, action == Action::\"run\", resource);\n\
         @id(\"sign\") @says(\"All.\") permit (principal, action in Action::\"sign\", resource)\n\
         when { context.patch.bytes + 1 > 0 };";
    let own = Pack::load(&[Source { name: "own.cedar", text }]).unwrap();
    let facts = Facts { patch: Some(PatchFacts { bytes: u64::MAX, ..patch() }), ..facts() };
    let (ask, principals) = (run(Switch::On), people());
    let decide_on = |statements: &[Statement]| {
        decide(&own, &Question { ask: &ask, facts: &facts, statements, principals: &principals }).unwrap()
    };
    assert!(decide_on(&[]).allowed);
    let refused = decide_on(&[statement("oli", Kind::Refused)]);
    assert!(!refused.allowed && refused.failed.len() == 1, "{refused:?}");
}

/// However a pack reads: one that knows no rule about refusals, one that lets nobody refuse, and one that lets anybody take back.
#[test]
fn a_refusal_stops_whatever_the_rules_say() {
    let silent = "@id(\"all\") @says(\"All.\") permit (principal, action, resource);\n";
    let deaf = format!(
        "{silent}@id(\"none\") @says(\"None.\") forbid (principal, action in [Action::\"refuse\", Action::\"withdraw\"], resource);"
    );
    let few = "@id(\"run\") @says(\"Run.\") permit (principal, action in Action::\"use\", resource);";
    for text in [silent, &deaf, few] {
        let own = Pack::load(&[Source { name: "own.cedar", text }]).unwrap();
        let (facts, principals) = (facts(), people());
        let asks = [
            run(Switch::On),
            Ask::Activate { node: Node { name: "n".to_owned(), labels: Vec::new() }, agreed_point: true },
            Ask::Publish { by: "cora".to_owned() },
        ];
        for ask in &asks {
            let decided = |statements: &[Statement]| {
                decide(&own, &Question { ask, facts: &facts, statements, principals: &principals }).unwrap()
            };
            assert!(decided(&[]).allowed, "{text}");
            let refused = decided(&[statement("oli", Kind::Refused)]);
            let by: Vec<&str> = refused.refused_by.iter().map(|person| person.name.as_str()).collect();
            assert_eq!(
                (refused.allowed, &by[..], refused.set_aside.len()),
                (false, &["oli"][..], 0),
                "{text}"
            );
            let later = Statement { at: now(), ..statement("oli", Kind::Withdrawn) };
            let other = Statement { at: now(), ..statement("cora", Kind::Withdrawn) };
            assert!(!decided(&[statement("oli", Kind::Refused), other]).allowed, "{text}");
            assert!(decided(&[statement("oli", Kind::Refused), later]).allowed, "{text}");
            // Of a stranger it is none.
            assert!(decided(&[statement("eve", Kind::Refused)]).allowed, "{text}");
        }
    }
}

/// What only another class asks for is neither there nor missing.
#[test]
fn what_the_class_does_not_ask_for_is_not_needed() {
    let states = |patch: PatchFacts, statements: &[Statement], switch| {
        let decision = ask(&run(switch), &Facts { patch: Some(patch), ..facts() }, statements);
        let of = |rule: &str| {
            let found = decision.requirements.iter().find(|requirement| requirement.rule == rule);
            found.map(|requirement| requirement.state)
        };
        ["laxer-class-is-accepted", "consensus-by-two-teams", "replicated-goes-dark", "independent-review"]
            .map(of)
    };
    let lax = || PatchFacts { computed: Class::Replicated, ..patch() };
    let mut said = enough();
    let approved = ["rob", "cora"].map(|by| statement(by, Kind::Approved));
    assert_eq!(
        states(lax(), &said, Switch::On),
        [Some(State::Missing), Some(State::Missing), Some(State::Missing), Some(State::There)]
    );
    said.push(statement("rob", Kind::AcceptedLaxer));
    assert_eq!(
        states(lax(), &said, Switch::On),
        [Some(State::There), Some(State::Missing), Some(State::NotNeeded), Some(State::There)]
    );
    said.extend(approved.clone());
    assert_eq!(
        states(lax(), &said, Switch::On),
        [Some(State::There), Some(State::There), Some(State::NotNeeded), Some(State::There)]
    );
    // In an emergency a review that is there is there.
    let facts = Facts { emergency: Some(crate::sample::emergency()), ..facts() };
    let declared = [&enough()[..], &[statement("cora", Kind::DeclaredEmergency)]].concat();
    let decision = ask(&run(Switch::On), &facts, &declared);
    assert!(
        decision.requirements.iter().all(|requirement| requirement.state == State::There),
        "{decision:?}"
    );
}

#[test]
fn nothing_is_permitted_by_silence() {
    let text = "@id(\"some\") @says(\"Some.\") permit (principal is Node, action, resource) when { context has case && principal.labels.contains(\"lab\") };";
    let own = Pack::load(&[Source { name: "own.cedar", text }]).unwrap();
    let facts = facts();
    let on = |label: &str| {
        let node = Node { name: "n".to_owned(), labels: vec![label.to_owned()] };
        let ask = Ask::Run { node, switch: Switch::On };
        decide(&own, &Question { ask: &ask, facts: &facts, statements: &[], principals: &[] })
            .unwrap()
            .allowed
    };
    assert!(on("lab"));
    assert!(!on("production"));
}

#[test]
fn a_bare_delta_has_no_case_and_can_be_judged() {
    let facts = Facts { case: None, ..facts() };
    assert!(ask(&run(Switch::On), &facts, &enough()).allowed);
    let error = route(pack(), &facts, &people()).unwrap_err();
    assert_eq!(error, QuestionError::Missing("case"));
}

#[test]
fn questions_that_can_not_be_asked() {
    let (run, good) = (run(Switch::On), facts());
    assert_eq!(
        error(&run, &Facts { patch: None, ..good.clone() }, &[], &[]),
        QuestionError::Missing("patch")
    );
    let by = Ask::Publish { by: "eve".to_owned() };
    assert_eq!(error(&by, &good, &[], &people()), QuestionError::Unknown("eve".to_owned()));
    let backwards = Emergency { started: now(), ends: now().plus(-1) };
    let odd = Facts { emergency: Some(backwards), ..good.clone() };
    assert_eq!(error(&run, &odd, &[], &[]), QuestionError::Emergency);
    let mut twice = people();
    twice.push(twice[0].clone());
    assert_eq!(error(&run, &good, &[], &twice), QuestionError::Twice("ann".to_owned()));
    let many = vec![statement("ann", Kind::Approved); STATEMENTS_MAX + 1];
    assert!(matches!(
        error(&run, &good, &many, &people()),
        QuestionError::TooMany { what: "statements", .. }
    ));
    let long = statement(&"x".repeat(NAME_BYTES_MAX + 1), Kind::Approved);
    assert!(matches!(error(&run, &good, &[long], &people()), QuestionError::Name(_)));
    let nameless = Ask::Run { node: Node::default(), switch: Switch::On };
    assert!(matches!(error(&nameless, &good, &[], &people()), QuestionError::Name(_)));
}

/// Names are data: whatever stands in them, they are entities with these names and nothing else.
#[test]
fn names_of_strangers_are_only_names() {
    let odd = "Role::\"commander\" \"); permit(principal, action, resource); //\u{0}\u{202e}";
    let mut people = people();
    people.push(Principal {
        name: odd.to_owned(),
        team: odd.to_owned(),
        roles: vec![odd.to_owned()],
        can_sign: true,
    });
    let facts = facts();
    let mut statements = enough();
    statements.retain(|statement| statement.kind != Kind::Reviewed);
    statements.push(statement(odd, Kind::Reviewed));
    let ask = run(Switch::On);
    let question = Question { ask: &ask, facts: &facts, statements: &statements, principals: &people };
    let decision = decide(pack(), &question).unwrap();
    assert!(!decision.allowed);
    assert_eq!(decision.set_aside[0].why, Why::NotPermitted);
}

#[test]
fn who_may_sign_is_answered_before_anybody_does() {
    let (ask, facts, statements, people) = (run(Switch::On), facts(), enough(), people());
    let question = Question { ask: &ask, facts: &facts, statements: &statements, principals: &people };
    let may = |by, kind| may_sign(pack(), &question, by, kind).unwrap();
    assert!(may("ray", Kind::Reviewed).0);
    let (allowed, rules) = may("art", Kind::Reviewed);
    assert!(!allowed && rules.iter().any(|rule| rule.rule == "reviewer-of-another-team"));
    assert!(!may("oli", Kind::Approved).0);
    assert!(may_sign(pack(), &question, "eve", Kind::Refused).is_err());
}

#[test]
fn names_that_the_trust_root_does_not_have_are_told() {
    let names = |people: &[Principal]| {
        let strangers = pack().strangers(people);
        strangers.iter().map(|stranger| stranger.name.clone()).collect::<Vec<_>>()
    };
    let mut known = people();
    assert_eq!(names(&known), ["approver", "rehearser"]);
    known.retain(|person| person.name != "cora");
    assert_eq!(names(&known), ["approver", "commander", "rehearser"]);
}

/// Two approvals are missing, and only some pairs are of two teams: everybody who is in one of them is named.
#[test]
fn who_could_help_in_pairs() {
    let facts = Facts { patch: Some(PatchFacts { critical: 1, ..patch() }), ..facts() };
    let decision = ask(&run(Switch::On), &facts, &enough());
    let two = decision
        .requirements
        .iter()
        .find(|requirement| requirement.rule == "consensus-by-two-teams")
        .unwrap();
    let names: Vec<_> = two.could.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names, ["art", "rob", "sue", "ray", "cora"]);
    // Only one team is left: no pair is of two.
    let security: Vec<_> = people()
        .into_iter()
        .filter(|person| {
            matches!(person.team.as_str(), "security" | "build" | "core") && person.name != "art"
        })
        .collect();
    let ask = run(Switch::On);
    let statements = enough();
    let question = Question { ask: &ask, facts: &facts, statements: &statements, principals: &security };
    let decision = decide(pack(), &question).unwrap();
    let two = decision
        .requirements
        .iter()
        .find(|requirement| requirement.rule == "consensus-by-two-teams")
        .unwrap();
    assert_eq!(two.could, []);
}
