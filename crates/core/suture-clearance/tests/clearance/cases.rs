//! What a case is for the rules, which way it goes, and what it keeps from being published.

use suture_case::table::built_in;
use suture_case::{Case, classify};
use suture_clearance::{CaseView, Patch, Rules, Use, route_of, view};
use suture_policy::{CaseFacts, Impact, Pack, Route, Severity, Source, State, default_pack};

use crate::desk::{SIGNED, ask_about, authority, bundle, everything, rules, time};

/// The least that a case says, with more.
fn case(more: &str) -> Case {
    let text = format!(
        "schema = 1\nid = \"case-1\"\ntitle = \"t\"\nopened = \"2030-05-01T00:00:00Z\"\n\
         detected = \"2030-05-01T00:00:00Z\"\ntlp = \"red\"\n{more}"
    );
    Case::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn seen(case: &Case) -> CaseView {
    view(case, &classify(case, &built_in().unwrap()))
}

const KNOWN: &str = "embargo_until = \"2030-07-01T00:00:00Z\"\ntoggle = \"CONFIG SET x\"\n[program]\nname = \"p\"\n\
    [severity]\ncvss_v3 = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N\"\n\
    [inputs]\nexposed = \"no\"\nexploitation = \"active\"\n\
    [axes.consensus]\nimpact = \"none\"\nreason = \"r\"\n[axes.state]\nimpact = \"indirect\"\nreason = \"r\"\n\
    [axes.client]\nimpact = \"direct\"\nreason = \"r\"\n\
    [people.author]\nname = \"ann\"\nteam = \"core\"\n[people.commander]\nname = \"cora\"\n";

#[test]
fn what_is_known_is_told_and_nothing_is_assumed() {
    let CaseView { facts, assumed } = seen(&case(KNOWN));
    assert_eq!(assumed, Vec::<String>::new());
    assert_eq!((facts.severity, facts.score.to_string().as_str()), (Severity::High, "7.5"));
    assert!(facts.exploited && !facts.exposed && facts.toggle);
    assert_eq!(
        (facts.impact.consensus, facts.impact.state, facts.impact.client),
        (Impact::None, Impact::Indirect, Impact::Direct)
    );
    // The commander has no team that is known.
    assert_eq!(facts.owner, "core");
    assert_eq!(facts.embargo.unwrap().to_string(), "2030-07-01T00:00:00Z");
}

#[test]
fn what_nobody_has_said_is_the_worst_but_for_exploitation() {
    let CaseView { facts, assumed } = seen(&case("[program]\nname = \"p\"\n"));
    assert_eq!((facts.severity, facts.score.to_string().as_str()), (Severity::Critical, "10.0"));
    assert!(facts.exposed && !facts.exploited && !facts.toggle);
    assert_eq!(facts.impact.consensus, Impact::Direct);
    assert_eq!((facts.owner.as_str(), facts.embargo), ("nobody", None));
    assert_eq!(assumed.len(), 6);
}

/// Rules see the author of the case: whom they forbid to review is not offered as a reviewer.
#[test]
fn a_route_names_those_who_could_fill_its_roles() {
    let authority = authority(&[]);
    let pack = default_pack().unwrap();
    let principals = authority.principals(time(SIGNED));
    let people = Rules { pack: &pack, principals: &principals };
    let delta = format!(
        "{KNOWN}[delta]\nid = \"{}\"\nprogram = \"p\"\nbuild_id = \"00\"\nbytes = 9\nfunctions = 1\ndata = 0\n\
         layouts = 0\nhooks = false\npaths = 0\ngroups = [\"consensus\"]\n",
        "ab".repeat(32)
    );
    let case = case(&delta);
    let routed = route_of(&case, &classify(&case, &built_in().unwrap()), people, time(SIGNED)).unwrap();
    assert_eq!((routed.decision.route, routed.decision.with_delta), (Some(Route::HotPatch), true));
    let reviewer = routed.decision.roles.iter().find(|role| role.role == "reviewer").unwrap();
    assert_eq!(reviewer.could, ["rob", "ray"]);
    assert_eq!(routed.facts.authors, ["ann"]);
    // The layout of a type changes and no hook converts it: the fact comes from the case's record of the delta.
    let text = delta.replace("layouts = 0", "layouts = 1");
    let case = self::case(&text);
    let routed = route_of(&case, &classify(&case, &built_in().unwrap()), people, time(SIGNED)).unwrap();
    assert_eq!(routed.decision.route, Some(Route::MitigateByToggle));
}

#[test]
fn a_pack_without_rules_for_routes_leaves_none_open() {
    let text = "@id(\"one\") @says(\"x\") permit (principal, action == Action::\"run\", resource);";
    let pack = Pack::load(&[Source { name: "own.cedar", text }]).unwrap();
    let case = case(KNOWN);
    let rules = Rules { pack: &pack, principals: &[] };
    let routed = route_of(&case, &classify(&case, &built_in().unwrap()), rules, time(SIGNED)).unwrap();
    assert_eq!((routed.decision.route, routed.decision.due), (None, None));
}

/// By the default rules: what is under embargo is published encrypted, and only if nothing that is public gives it away.
#[test]
fn an_embargo_of_the_case_holds_for_publications() {
    let authority = authority(&[]);
    let patch = Patch::read(&bundle("local", &[])).unwrap();
    let said = everything(&patch);
    let facts = seen(&case(KNOWN)).facts;
    let publish = |encrypted, leaks| Use::Publish { by: "cora".to_owned(), encrypted, leaks };
    let missing = |wanted: &Use, case: Option<&CaseFacts>, now: &str| {
        let clearance = ask_about(&authority, &patch, &said, wanted, case, now);
        rules(&clearance, State::Missing).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let during = "2030-06-02T00:00:00Z";
    assert_eq!(missing(&publish(false, 0), Some(&facts), during), ["embargo-is-encrypted"]);
    assert_eq!(missing(&publish(true, 2), Some(&facts), during), ["nothing-leaks"]);
    assert_eq!(missing(&publish(true, 0), Some(&facts), during), Vec::<String>::new());
    // When it has ended, and for those who know of no case.
    assert_eq!(missing(&publish(false, 2), Some(&facts), "2030-07-01T00:00:00Z"), Vec::<String>::new());
    assert_eq!(missing(&publish(false, 2), None, during), Vec::<String>::new());
}
