//! Facts by hand, and a dossier whose every question is answered.

use std::collections::BTreeMap;

use suture_bundle::{Facts, FunctionFact, HookFact, OverwriteFact};
use suture_delta::model::BuildKind;
use suture_delta::report::{CriticalPath, DataChange, Verdict};
use suture_dossier::{CaseFacts, Dossier, Draft, Origin, draft};

/// A delta with everything in it that a dossier speaks of.
pub(crate) fn facts() -> Facts {
    Facts {
        id: "ab".repeat(32),
        bytes: 4096,
        tool: "suture 0.1.0".into(),
        program: "server".into(),
        kind: BuildKind::Pie,
        old_build_id: "0123456789abcdef0123".into(),
        new_build_id: "fedcba9876543210fedc".into(),
        on: vec![],
        verdict: Verdict::Hot,
        reasons: vec![],
        functions: vec![FunctionFact {
            name: "parse".into(),
            symbol: "parse".into(),
            address: 0x40_1000,
            file: "src/parse.c".into(),
            line: 12,
            old_size: 40,
            new_size: 60,
            why: "code".into(),
        }],
        new: vec![],
        removed: vec![],
        data: vec![DataChange {
            name: "limit".into(),
            symbol: "limit".into(),
            change: "changed".into(),
            writable: true,
            action: "overwrite".into(),
            old_size: 4,
            new_size: 4,
        }],
        overwrites: vec![OverwriteFact {
            name: "limit".into(),
            address: 0x60_0000,
            bytes: 4,
            writable: true,
        }],
        types: vec!["struct conn".into()],
        critical: vec![CriticalPath {
            function: "parse".into(),
            marked: "raft_append".into(),
            mark: "consensus".into(),
            pattern: "raft_*".into(),
            path: vec!["raft_append".into(), "parse".into()],
            reads: None,
            inlined: false,
        }],
        hooks: vec![HookFact { when: "pre-apply", bytes: 80 }],
        code_bytes: 64,
        memory_bytes: 4096,
        notes: vec![],
    }
}

/// The record of a build.
pub(crate) fn origin() -> Origin {
    Origin {
        source_sha256: "11".repeat(32),
        patch_sha256: "22".repeat(32),
        old_sha256: "33".repeat(32),
        new_sha256: "44".repeat(32),
        directory: "/home/ann/server".into(),
        critical_sha256: "55".repeat(32),
        choices: vec!["--data table[\"x\"]=keep".into()],
        command: "make -j2".into(),
        artifact: "src/server".into(),
        flags: vec!["-g".into()],
        tools: vec!["cc: gcc 12.2.0".into()],
        environment: BTreeMap::from([("CFLAGS".to_owned(), "-O2 \"x\"".to_owned())]),
        ..Origin::default()
    }
}

/// A case.
pub(crate) fn case() -> CaseFacts {
    CaseFacts {
        id: "2026-0042".into(),
        title: "Heap overflow in the parser".into(),
        severity: "critical".into(),
        due: "3 days".into(),
        consensus_class: "local".into(),
        forensics: true,
    }
}

/// The text of a dossier in which everything is answered: the draft, each open answer replaced.
pub(crate) fn complete(facts: &[Facts]) -> String {
    let case = case();
    let deltas = facts.iter().map(|facts| (facts, Some(origin()))).collect();
    answered(&draft(&Draft { deltas, case: Some(&case), earlier: None }))
}

/// `text` with an answer in the place of each that is open.
pub(crate) fn answered(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some((key @ "mixed_versions", _)) => format!("{key} = \"yes\""),
        Some((key @ "builder", _)) => format!("{key} = \"urn:example:answer-to-builder\""),
        Some((key, value)) if value.starts_with("\"??") => format!("{key} = \"answer to {key}\""),
        Some((key, value)) if value.starts_with("[\"??") => {
            format!("{key} = [\"answer to {key}\", \"and more\"]")
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// The same as a value.
pub(crate) fn dossier(facts: &[Facts]) -> Dossier {
    Dossier::parse(&complete(facts)).unwrap()
}
