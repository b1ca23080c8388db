//! People, facts and statements that are as they should be, for tests to change one thing of.

use suture_policy::{
    Ask, CaseFacts, Class, Decision, Emergency, Facts, Impact, Impacts, Kind, Moment, Node, Pack, PatchFacts,
    Principal, Question, Score, Severity, Statement, Switch, Verdict, decide, default_pack,
};

pub(crate) const DIGEST: &str = "6a1c";

pub(crate) fn pack() -> &'static Pack {
    static PACK: std::sync::OnceLock<Pack> = std::sync::OnceLock::new();
    PACK.get_or_init(|| default_pack().unwrap())
}

pub(crate) fn now() -> Moment {
    Moment::from_unix(1_772_366_400).unwrap()
}

pub(crate) fn people() -> Vec<Principal> {
    let rows: [(&str, &str, &[&str]); 8] = [
        ("ann", "core", &["author"]),
        ("art", "core", &["author", "reviewer"]),
        ("rob", "security", &["reviewer"]),
        ("sue", "security", &["reviewer"]),
        ("ray", "storage", &["reviewer"]),
        ("cora", "ops", &["commander"]),
        ("oli", "ops", &["operator"]),
        ("bot", "build", &["builder"]),
    ];
    let person = |(name, team, roles): (&str, &str, &[&str])| Principal {
        name: name.to_owned(),
        team: team.to_owned(),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        can_sign: true,
    };
    rows.into_iter().map(person).collect()
}

pub(crate) fn case() -> CaseFacts {
    CaseFacts {
        id: "SUT-2026-001".to_owned(),
        owner: "core".to_owned(),
        severity: Severity::High,
        score: Score::try_from(8.1).unwrap(),
        exploited: false,
        exposed: true,
        impact: Impacts { consensus: Impact::None, state: Impact::None, client: Impact::Direct },
        toggle: false,
        opened: now(),
        due: None,
        embargo: None,
    }
}

pub(crate) fn patch() -> PatchFacts {
    PatchFacts {
        digest: DIGEST.to_owned(),
        verdict: Verdict::Hot,
        computed: Class::Local,
        declared: Class::Local,
        bytes: 9_000,
        functions: 2,
        data: 0,
        types: 3,
        critical: 0,
        unmatched: 0,
        layouts: 0,
        hooks: false,
        encrypted: false,
        leaks: 0,
    }
}

pub(crate) fn facts() -> Facts {
    Facts { now: now(), case: Some(case()), patch: Some(patch()), emergency: None, authors: Vec::new() }
}

/// One that began six hours ago and lasts three days.
pub(crate) fn emergency() -> Emergency {
    Emergency { started: now().plus(-6 * 3_600), ends: now().plus(66 * 3_600) }
}

/// Signed an hour ago.
pub(crate) fn statement(by: &str, kind: Kind) -> Statement {
    Statement {
        by: by.to_owned(),
        team: None,
        role: None,
        kind,
        at: now().plus(-3_600),
        key: format!("key of {by}"),
        digest: DIGEST.to_owned(),
        reason: Some("because".to_owned()),
        passed: (kind == Kind::Rehearsed).then_some(true),
    }
}

/// What a patch that touches no consensus needs.
pub(crate) fn enough() -> Vec<Statement> {
    vec![
        statement("ann", Kind::Authored),
        statement("bot", Kind::Built),
        statement("bot", Kind::Rehearsed),
        statement("rob", Kind::Reviewed),
    ]
}

pub(crate) fn run(switch: Switch) -> Ask {
    Ask::Run { node: Node { name: "cache-1".to_owned(), labels: vec!["canary".to_owned()] }, switch }
}

pub(crate) fn ask(ask: &Ask, facts: &Facts, statements: &[Statement]) -> Decision {
    decide(pack(), &Question { ask, facts, statements, principals: &people() }).unwrap()
}
