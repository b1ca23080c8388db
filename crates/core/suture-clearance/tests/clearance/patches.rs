//! What a patch is: told by its deltas, whatever stands beside them.

use suture_clearance::{
    Authority, AuthorityError, AuthorityFiles, ClearError, Patch, PatchError, Use, class, clear, touches,
    unseen,
};
use suture_delta::format;
use suture_delta::report::{CriticalPath, Report, Unmatched, Way};
use suture_policy::{Class, Source, State};
use suture_trust::{Digest, Lines};

use crate::desk::{
    SIGNED, ask, authority, bundle, bundle_of, bundle_with, delta, everything, marked_delta, path, root,
    rules, time, with_report,
};

const RUN: Use = Use::Run { dark: false };

/// A dossier that has found nothing, in a bundle that has much.
const MODEST: &str = "schema = 1\n\
    [case]\nid = \"case-1\"\nconsensus_class = \"local\"\n\
    [[delta]]\nid = \"00\"\nprogram = \"true\"\nfunctions = []\nmemory_bytes = 0\n";

#[test]
fn facts_are_those_of_the_deltas_and_never_of_the_dossier() {
    let marked = path("consensus", &["decide", "parse"], "decide");
    let bytes = bundle("local", std::slice::from_ref(&marked));
    let patch = Patch::read(&bytes).unwrap();
    assert!(patch.is_bundle);
    assert_eq!((patch.digest, patch.bytes), (Digest::of(&bytes), bytes.len()));
    assert_eq!(patch.case.as_deref(), Some("answer to id"));
    let facts = ask(&authority(&[]), &patch, &[], &RUN, SIGNED).facts;
    assert_eq!((facts.functions, facts.data, facts.types, facts.critical), (2, 2, 2, 1), "of both deltas");
    assert_eq!((facts.computed, facts.declared), (Class::Replicated, Class::Local));
    assert_eq!((facts.digest, facts.bytes), (patch.digest.to_string(), bytes.len() as u64));
    assert!(facts.hooks);
    assert_eq!((facts.encrypted, facts.leaks), (false, 0));

    // One that states something else is read, so that the patch can be taken back, and used for nothing.
    let modest = Patch::read(&bundle_with(MODEST, delta(&[marked]))).unwrap();
    assert_eq!(modest.deltas.len(), 2);
    let told = modest.gaps.as_ref().unwrap().to_string();
    assert!(told.starts_with("its dossier has ") && told.contains(" gaps, first "), "{told}");
    let wanted = Use::Publish { by: "cora".to_owned(), encrypted: false, leaks: 0 };
    for wanted in [RUN, Use::Activate, wanted] {
        let asked = clear(&authority(&[]), &modest, &Lines::default(), &wanted, None, time(SIGNED));
        assert!(matches!(asked, Err(ClearError::Incomplete(_))), "{wanted:?}");
    }
}

/// What is marked calls the change, or is it; what it calls itself sees other values at most; texts go over the wire.
#[test]
fn the_class_follows_from_the_call_paths() {
    let is = path("consensus", &["parse"], "parse");
    let calls = path("consensus", &["parse", "hash"], "hash");
    let called = path("consensus", &["decide", "parse"], "decide");
    let wire = path("protocol", &["send", "parse"], "send");
    let rows = [
        (vec![], Class::Local),
        (vec![calls.clone()], Class::Wire),
        (vec![wire.clone()], Class::Wire),
        (vec![wire.clone(), called.clone()], Class::Replicated),
        (vec![calls.clone(), is.clone()], Class::Replicated),
        // The marked function is inlined into the change: its code is part of it.
        (vec![CriticalPath { inlined: true, ..calls.clone() }], Class::Replicated),
        // What refers to data that changes, changes.
        (vec![CriticalPath { reads: Some("limits".to_owned()), ..calls.clone() }], Class::Wire),
        (vec![CriticalPath { reads: Some("limits".to_owned()), ..is.clone() }], Class::Replicated),
    ];
    for (critical, expected) in rows {
        let patch = Patch::read(&delta(&critical)).unwrap();
        assert_eq!(class(&patch.deltas[0].0), expected, "{critical:?}");
    }
    // What decides comes first, and nothing is told twice.
    let patch = Patch::read(&delta(&[calls.clone(), is, calls])).unwrap();
    let marked: Vec<_> = touches(&patch.deltas[0].0).iter().map(|touch| touch.marked.to_string()).collect();
    assert_eq!(marked, ["parse", "hash"]);
}

/// What is done to a report.
type Change = fn(&mut Report);

/// What could not be followed to the marks is not taken for harmless, and a report that leaves it out neither.
#[test]
fn what_was_not_followed_is_of_the_strictest_class() {
    let whole = format::read(&delta(&[])).unwrap();
    assert_eq!((class(&whole), unseen(&whole).len()), (Class::Local, 0));
    let rows: [(&str, Change); 5] = [
        ("an earlier suture", |report| report.followed.clear()),
        ("an earlier suture", |report| report.followed.retain(|way| *way != Way::New)),
        ("debug information is missing", |report| report.followed.retain(|way| *way != Way::Inlined)),
        ("limits changes where it stands", |report| report.readers[0].complete = false),
        ("limits changes where it stands", |report| report.readers.clear()),
    ];
    for (why, change) in rows {
        let mut delta = whole.clone();
        change(&mut delta.meta.report);
        let patch = Patch::read(&with_report(delta)).unwrap();
        let delta = &patch.deltas[0].0;
        assert_eq!(class(delta), Class::Replicated, "{why}");
        assert!(unseen(delta)[0].as_str().contains(why), "{:?}", unseen(delta));
    }
    let mut none = whole;
    none.meta.report.readers.clear();
    none.meta.report.marked.clear();
    none.meta.report.none_critical = Some("a single server".to_owned());
    assert_eq!(
        (class(&none), unseen(&none).len()),
        (Class::Local, 0),
        "there is nothing to follow anything to"
    );
}

/// A bare delta has nobody who declares anything; what is computed counts.
#[test]
fn a_bare_delta_is_what_it_is() {
    let bytes = delta(&[path("consensus", &["decide", "parse"], "decide")]);
    let patch = Patch::read(&bytes).unwrap();
    assert!(!patch.is_bundle && patch.declared.is_none() && patch.case.is_none());
    assert_eq!(patch.digest, Digest::of(&bytes));
    let clearance = ask(&authority(&[]), &patch, &[], &RUN, SIGNED);
    assert_eq!((clearance.facts.declared, clearance.facts.functions), (Class::Replicated, 1));
    assert_eq!(clearance.decision.class, Class::Replicated);
}

/// Whatever the author declares: a delta that was made without marks, or with patterns that mark nothing, is of the strictest class
/// until somebody else accepts a laxer one.
#[test]
fn what_was_not_marked_is_not_taken_for_harmless() {
    let mut delta = format::read(&marked_delta(&[], &["consensus"])).unwrap();
    assert_eq!(class(&delta), Class::Local);
    delta.meta.report.unmatched =
        vec![Unmatched { mark: "consensus".to_owned(), pattern: "no_such_function".to_owned(), line: 2 }];
    let decoy = with_report(delta.clone());
    delta.meta.report.unmatched.clear();
    delta.meta.report.marked.clear();
    let unmarked = with_report(delta.clone());
    for (content, unmatched) in [(decoy, 1), (unmarked, 0)] {
        let bare = Patch::read(&content).unwrap();
        assert_eq!(class(&bare.deltas[0].0), Class::Replicated);
        for word in ["local", "wire", "replicated"] {
            let patch = Patch::read(&bundle_of(word, content.clone())).unwrap();
            let clearance = ask(&authority(&[]), &patch, &everything(&patch), &RUN, SIGNED);
            let facts = &clearance.facts;
            assert_eq!(
                (facts.computed, facts.declared.word(), facts.unmatched),
                (Class::Replicated, word, unmatched)
            );
            assert_eq!(clearance.decision.class, Class::Replicated);
            let missing = rules(&clearance, State::Missing).contains(&"laxer-class-is-accepted");
            assert_eq!(missing, word != "replicated", "{word}");
        }
    }
    // A project that says so has nothing that is critical.
    delta.meta.report.none_critical = Some("a single server".to_owned());
    assert_eq!(class(&delta), Class::Local);
}

#[test]
fn what_is_no_patch() {
    let read = |dossier: &str| Patch::read(&bundle_with(dossier, delta(&[]))).unwrap_err().to_string();
    let class = read("schema = 1\n[case]\nconsensus_class = \"harmless\"\n");
    assert!(
        class.contains("`harmless` is no consensus class; it is one of `local`, `wire` and `replicated`"),
        "{class}"
    );
    assert!(read("schema = 9\n").contains("format 9"));
    assert!(matches!(Patch::read(b"a letter"), Err(PatchError::Delta(_))));
    let mut bytes = bundle_with(MODEST, delta(&[]));
    bytes.push(0);
    assert!(matches!(Patch::read(&bytes), Err(PatchError::Bundle(_))));
}

#[test]
fn a_trust_directory_that_can_not_be_used() {
    let root = root();
    let read = |root: &str, rules: &[Source<'_>], node: Option<&str>| {
        Authority::read(&AuthorityFiles { root, rules, node, host: "here" })
    };
    let cut = [Source { name: "own.cedar", text: "permit (principal, action, resource" }];
    let long = "#".repeat(suture_clearance::NODE_BYTES_MAX + 1);
    assert!(matches!(read("schema = 2\n", &[], None), Err(AuthorityError::Root(_))));
    assert!(read(&root, &cut, None).unwrap_err().to_string().contains("own.cedar"));
    assert!(read(&root, &[], Some(&long)).unwrap_err().to_string().starts_with("node.toml: it is longer"));
    assert!(read(&root, &[], Some("nam = \"x\"")).unwrap_err().to_string().starts_with("node.toml: "));
    let named = read(&root, &[], Some("name = \"cache-1\"\nlabels = [\"canary\"]\n")).unwrap();
    assert_eq!((named.node.name.as_str(), named.principals(time(SIGNED)).len()), ("cache-1", 5));
    assert_eq!(read(&root, &[], None).unwrap().node.name, "here");
}
