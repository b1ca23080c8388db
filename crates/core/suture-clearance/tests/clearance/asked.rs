//! What was said, in the words of rules, and what they answer.

use suture_clearance::{Authority, AuthorityFiles, Patch, Use};
use suture_policy::{Class, Source, State};
use suture_trust::Role;

use crate::desk::{
    SIGNED, ask, authority, bundle, emergency, everything, laxer, path, refusal, root, rules, sign,
    statement, withdrawal,
};

const RUN: Use = Use::Run { dark: false };
const LATER: &str = "2030-06-01T01:00:00Z";

fn patch(class: &str, mark: Option<&str>) -> Patch {
    let critical = mark.map(|mark| path(mark, &["decide", "parse"], "decide"));
    Patch::read(&bundle(class, critical.as_slice())).unwrap()
}

#[test]
fn a_patch_runs_when_all_of_it_is_signed() {
    let (authority, patch) = (authority(&[]), patch("local", None));
    let mut said = everything(&patch);
    assert!(ask(&authority, &patch, &said, &RUN, LATER).decision.allowed);
    // The order makes no difference, and each is needed.
    said.reverse();
    assert!(ask(&authority, &patch, &said, &RUN, LATER).decision.allowed);
    for missing in 0..said.len() {
        let mut less = said.clone();
        less.remove(missing);
        let clearance = ask(&authority, &patch, &less, &RUN, LATER);
        assert!(!clearance.decision.allowed);
        assert_eq!(rules(&clearance, State::Missing).len(), 1);
    }
    // What is signed about another patch is worth nothing.
    let other = self::patch("wire", None);
    let clearance = ask(&authority, &other, &said, &RUN, LATER);
    assert_eq!((clearance.verified.accepted.len(), clearance.verified.rejected.len()), (0, 3));
    assert!(!clearance.decision.allowed);
}

#[test]
fn a_class_laxer_than_the_computed_one_is_accepted_by_another_team_or_it_stops() {
    let authority = authority(&[]);
    let patch = patch("local", Some("consensus"));
    let mut said = everything(&patch);
    let clearance = ask(&authority, &patch, &said, &RUN, LATER);
    assert_eq!(
        clearance.decision.class,
        Class::Replicated,
        "until somebody accepts it, what is computed counts"
    );
    assert!(rules(&clearance, State::Missing).contains(&"laxer-class-is-accepted"));
    said.push(sign(&patch, "ray", laxer()));
    let clearance = ask(&authority, &patch, &said, &RUN, LATER);
    assert_eq!(clearance.decision.class, Class::Local);
    assert!(rules(&clearance, State::There).contains(&"laxer-class-is-accepted"));
}

#[test]
fn a_stricter_class_counts_as_it_is_declared() {
    let (authority, patch) = (authority(&[]), patch("replicated", None));
    let clearance = ask(&authority, &patch, &everything(&patch), &RUN, LATER);
    assert_eq!((clearance.facts.declared, clearance.decision.class), (Class::Replicated, Class::Replicated));
    assert!(rules(&clearance, State::Missing).contains(&"replicated-goes-dark"));
    assert!(!rules(&clearance, State::Missing).contains(&"laxer-class-is-accepted"));
    let dark = ask(&authority, &patch, &everything(&patch), &Use::Run { dark: true }, LATER);
    assert!(!rules(&dark, State::Missing).contains(&"replicated-goes-dark"));
    let switched = ask(&authority, &patch, &everything(&patch), &Use::Activate, LATER);
    assert!(rules(&switched, State::Missing).contains(&"replicated-at-agreed-point"));
}

#[test]
fn a_refusal_stops_until_its_signer_withdraws_it() {
    let (authority, patch) = (authority(&[]), patch("local", None));
    let mut said = everything(&patch);
    said.push(sign(&patch, "ray", refusal(Role::Reviewer)));
    let refused = |said: &[_]| {
        let clearance = ask(&authority, &patch, said, &RUN, LATER);
        assert_ne!(clearance.decision.allowed, rules(&clearance, State::Missing) == ["refusal-blocks"]);
        !clearance.decision.allowed
    };
    assert!(refused(&said));
    let named = statement(&patch, refusal(Role::Reviewer));
    said.push(sign(&patch, "cora", withdrawal(Role::Commander, &named)));
    assert!(refused(&said), "another can't withdraw it");
    said.push(sign(&patch, "ray", withdrawal(Role::Reviewer, &named)));
    assert!(!refused(&said));
    said.reverse();
    assert!(!refused(&said), "in whatever order they come");
}

/// The operator's own rules may know nothing of refusals, or let nobody refuse: a refusal stops all the same.
#[test]
fn no_pack_lets_run_what_is_refused() {
    let silent = "@id(\"open\") @says(\"x\") permit (principal, action, resource);\n";
    let deaf = format!(
        "{silent}@id(\"deaf\") @says(\"x\") forbid (principal, action in [Action::\"refuse\", Action::\"withdraw\"], resource);\n"
    );
    let patch = patch("local", None);
    for text in [silent, &deaf] {
        let authority = authority(&[Source { name: "own.cedar", text }]);
        let mut said = everything(&patch);
        assert!(ask(&authority, &patch, &said, &RUN, LATER).decision.allowed);
        said.push(sign(&patch, "ray", refusal(Role::Reviewer)));
        for wanted in [RUN, Use::Activate, Use::Publish { by: "cora".to_owned(), encrypted: true, leaks: 0 }]
        {
            let clearance = ask(&authority, &patch, &said, &wanted, LATER);
            assert!(!clearance.decision.allowed && clearance.refusals.len() == 1, "{text}");
        }
        let named = statement(&patch, refusal(Role::Reviewer));
        said.push(sign(&patch, "ray", withdrawal(Role::Reviewer, &named)));
        assert!(ask(&authority, &patch, &said, &RUN, LATER).decision.allowed);
    }
}

/// What is found by the leak check, and whether the patch is encrypted, is asked of publications alone.
#[test]
fn leaks_are_asked_about_when_it_is_published() {
    let rules_text = "@id(\"open\") @says(\"x\") permit (principal, action in Action::\"use\", resource);\n\
        @id(\"no-leaks\") @says(\"x\") @needs(\"no leaks\") forbid (principal, action in Action::\"use\", resource)\n\
        when { context.patch.leaks > 0 && !context.patch.encrypted };\n";
    let authority = authority(&[Source { name: "own.cedar", text: rules_text }]);
    let patch = patch("local", None);
    let publish = |encrypted, leaks| Use::Publish { by: "cora".to_owned(), encrypted, leaks };
    let asked = |wanted| {
        let clearance = ask(&authority, &patch, &[], &wanted, LATER);
        (clearance.decision.allowed, clearance.facts.encrypted, clearance.facts.leaks)
    };
    assert_eq!(asked(publish(false, 3)), (false, false, 3));
    assert_eq!(asked(publish(true, 3)), (true, true, 3));
    assert_eq!(asked(publish(false, 0)), (true, false, 0));
    assert_eq!(asked(RUN), (true, false, 0));
}

/// Declared again, an emergency does not last any longer: the first declaration counts.
#[test]
fn the_first_declaration_of_an_emergency_counts() {
    let (authority, patch) = (authority(&[]), patch("local", None));
    let mut said = everything(&patch);
    said.pop();
    let state = |said: &[_], at| {
        let clearance = ask(&authority, &patch, said, &RUN, at);
        (clearance.decision.allowed, rules(&clearance, State::Owed).contains(&"independent-review"))
    };
    assert_eq!(state(&said, LATER), (false, false));
    said.push(sign(&patch, "cora", emergency(SIGNED, "2030-06-01T10:00:00Z")));
    said.push(sign(&patch, "cora", emergency("2030-06-01T00:30:00Z", "2030-06-02T10:00:00Z")));
    for said in [said.clone(), said.into_iter().rev().collect()] {
        assert_eq!(state(&said, LATER), (true, true));
        assert_eq!(state(&said, "2030-06-01T11:00:00Z"), (false, false), "the second is still going on");
    }
}

/// Who is not in the trust root has said nothing.
#[test]
fn only_people_of_the_trust_root_are_heard() {
    let patch = patch("local", None);
    let root = root();
    let (before, rest) = root.split_once("[[principal]]\nname = \"bot\"").unwrap();
    let (_, after) = rest.split_once("[[principal]]\n").unwrap();
    let without_bot = format!("{before}[[principal]]\n{after}");
    let files = AuthorityFiles { root: &without_bot, rules: &[], node: None, host: "here" };
    let clearance = ask(&Authority::read(&files).unwrap(), &patch, &everything(&patch), &RUN, LATER);
    assert_eq!(clearance.verified.rejected[0].reason.code(), "unknown-key");
    assert_eq!(rules(&clearance, State::Missing), ["rehearsal-passed"]);
}
