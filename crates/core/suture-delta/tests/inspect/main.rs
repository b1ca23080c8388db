//! What people read: snapshots of reports, deltas and code.

mod code;
#[path = "../format/sample.rs"]
mod sample;

use suture_delta::format::{id, write};
use suture_delta::inspect;
use suture_delta::page::Look;
use suture_delta::refusal::{Refusal, RefusalCode};
use suture_delta::report::{
    ChangedFunction, CriticalPath, DataChange, FunctionRef, Impact, Readers, Report, Verdict, Way,
};

const FILE: Look = Look { width: None, colour: false };

fn hot() -> Report {
    let changed = |name: &str, file: &str, line, old_size, new_size, why: &str| ChangedFunction {
        name: name.into(),
        symbol: name.into(),
        file: file.into(),
        line,
        old_size,
        new_size,
        why: why.into(),
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Report {
        verdict: Verdict::Hot,
        reasons: names(&["every reference of the changed code is resolved in the old build"]),
        changed: vec![
            changed("lpNext", "src/listpack.c", 412, 96, 112, "code"),
            changed(
                "std::vector<Entry, Allocator<Entry> >::grow(unsigned long)",
                "src/entry.h",
                7,
                1204,
                1220,
                "constant it refers to",
            ),
        ],
        new: vec![FunctionRef {
            name: "lpCheckBounds".into(),
            symbol: "lpCheckBounds".into(),
            file: "src/listpack.c".into(),
            line: 400,
            size: 48,
        }],
        data: vec![
            DataChange {
                name: "limits".into(),
                symbol: "limits".into(),
                change: "changed".into(),
                writable: false,
                action: "in-place".into(),
                old_size: 16,
                new_size: 16,
            },
            DataChange {
                name: "rejected".into(),
                symbol: "rejected".into(),
                change: "new".into(),
                writable: true,
                action: "carried".into(),
                old_size: 0,
                new_size: 8,
            },
        ],
        critical: vec![CriticalPath {
            function: "lpNext".into(),
            marked: "rdbSaveObject".into(),
            mark: "serialisation".into(),
            pattern: "rdb*".into(),
            path: names(&["rdbSaveObject", "streamIterate", "lpNext"]),
            reads: None,
            inlined: false,
        }],
        readers: vec![Readers {
            object: "limits".into(),
            functions: names(&["lpNext", "streamIterate"]),
            complete: false,
        }],
        followed: vec![Way::Calls, Way::New, Way::Data, Way::Inlined],
        impact: vec![Impact {
            function: "lpNext".into(),
            callers: names(&["a", "b", "c", "d", "e", "f", "g", "h"]),
            roots: names(&["main", "bioProcessBackgroundJobs"]),
            reached_from: 312,
            address_taken: true,
            only_by_pointer: false,
        }],
        notes: names(&["what the old code has written stays"]),
        ..Report::default()
    }
}

fn full_update() -> Report {
    let refusal = |code, symbol: &str, file: &str, line, message: &str, help: &str| Refusal {
        code,
        symbol: symbol.into(),
        file: file.into(),
        line,
        message: message.into(),
        help: help.into(),
    };
    Report {
        verdict: Verdict::FullUpdate,
        reasons: vec!["a type that lives in the process has another layout".into()],
        refusals: vec![
            refusal(
                RefusalCode::TypeLayoutChanged,
                "struct client",
                "src/server.h",
                120,
                "member `flags` is new at offset 24, and 14 members behind it have moved by 4 bytes",
                "keep the layout and use a shadow variable (suture.h) for the new member",
            ),
            refusal(
                RefusalCode::UnlikeBuilds,
                "",
                "",
                0,
                "only one build has -fcf-protection",
                "build both alike",
            ),
        ],
        ..hot()
    }
}

#[test]
fn a_hot_report() {
    insta::assert_snapshot!(inspect::report(&hot(), &FILE));
}

#[test]
fn a_hot_report_on_a_narrow_terminal_with_colours() {
    insta::assert_snapshot!(inspect::report(&hot(), &Look { width: Some(60), colour: true }));
}

#[test]
fn a_full_update_names_each_refusal() {
    insta::assert_snapshot!(inspect::report(&full_update(), &FILE));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for report in [hot(), full_update()] {
        let text = inspect::report(&report, &Look { width: Some(72), colour: false });
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(72), "{text}");
    }
}

#[test]
fn a_delta() {
    let delta = sample::everything();
    let bytes = write(&delta).unwrap();
    insta::assert_snapshot!(inspect::delta(&delta, &id(&bytes), bytes.len(), &FILE));
    let document = inspect::document(&delta, &id(&bytes), bytes.len());
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

/// A delta from a stranger can't move the cursor or hide a line of the report.
#[test]
fn foreign_text_is_shown_and_not_obeyed() {
    let mut delta = sample::everything();
    delta.meta.report.notes = vec!["harmless\x1b[2K\r\u{202e}gnihton".into()];
    delta.meta.report.changed[0].why = "\x1b[8m".into();
    let bytes = write(&delta).unwrap();
    let text = inspect::delta(&delta, &id(&bytes), bytes.len(), &FILE);
    assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
}
