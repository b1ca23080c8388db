//! The writer ends at every operation on the file system in turn: behind it, in the middle of a write, or with an error.
//! What it had acknowledged is in the log, nothing else but a whole batch is, and the log goes on.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use suture_tiles::{Log, Reader};

use crate::support::{Key, append, check_files, check_whole};

/// Says where a child is to write its log.
const CHILD_VARIABLE: &str = "SUTURE_TILES_CHILD";
/// Over the edges of tiles, and within.
const BATCHES: [u64; 7] = [1, 3, 250, 1, 1, 300, 2];

/// Not a test of its own: the writer that the others end. Says `acknowledged SIZE` after each batch.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(CHILD_VARIABLE) else { return };
    let directory = Path::new(&directory);
    let mut log = open_or_create(directory);
    for (batch, size_after) in BATCHES.iter().zip(sizes()) {
        while log.size() < size_after {
            if append(&mut log, *batch).is_err() {
                drop(log);
                log = open_or_create(directory);
            }
        }
        println!("acknowledged {}", log.size());
        std::io::stdout().flush().unwrap();
    }
    println!("operations {}", suture_tiles::operations_made());
}

/// A log whose making has failed is there, or can be made again.
fn open_or_create(directory: &Path) -> Log {
    let settings = suture_tiles::Settings::new(crate::support::vkey(), None);
    let attempt = || {
        let open = Log::open(directory, &Key::new()).ok();
        open.or_else(|| Log::create(directory, &settings, &Key::new()).ok())
    };
    attempt().or_else(attempt).expect("one operation fails, not two")
}

fn sizes() -> impl Iterator<Item = u64> {
    BATCHES.iter().scan(0, |size, batch| {
        *size += batch;
        Some(*size)
    })
}

fn run(directory: &Path, fault: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["crash::child", "--exact", "--nocapture"]).env(CHILD_VARIABLE, directory);
    command.env("SUTURE_TILES_FAULT", fault).output().unwrap()
}

fn number_after(output: &Output, word: &str) -> Option<u64> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter_map(|line| line.split_once(word))
        .filter_map(|(_, number)| number.trim().parse().ok())
        .next_back()
}

fn check_after(directory: &Path, acknowledged: u64, what: &str) {
    let Ok(before) = Reader::open(directory) else {
        assert_eq!(acknowledged, 0, "{what}");
        // It was killed before there was a log; it can be made now.
        append(&mut open_or_create(directory), 5).unwrap();
        return check_whole(directory, 5);
    };
    let size = before.size();
    // A batch that is in the log may have ended before its acknowledgement; half a batch is none.
    let next = sizes().find(|size| *size > acknowledged);
    assert!(size == acknowledged || Some(size) == next, "{what}: {acknowledged} acknowledged, {size} there");
    // An auditor needs no recovery.
    suture_tiles::audit(&before, &crate::support::policy(), Vec::new()).unwrap();
    let mut log = open_or_create(directory);
    assert_eq!(log.size(), size, "{what}");
    check_files(directory, size);
    append(&mut log, 260).unwrap();
    append(&mut log, 1).unwrap();
    check_whole(directory, size + 261);
}

/// Ends the writer at the first operation, the second, and so on until it comes through.
fn end_at_each(kind: &str, count_min: u64) {
    for number in 1.. {
        let here = tempfile::tempdir().unwrap();
        let what = format!("{kind}:{number}");
        let output = run(here.path(), &what);
        check_after(here.path(), number_after(&output, "acknowledged").unwrap_or(0), &what);
        if output.status.success() {
            assert!(number > count_min, "only {number}");
            break;
        }
    }
}

#[test]
fn killed_behind_any_operation_nothing_is_lost() {
    end_at_each("kill-after", 100);
}

#[test]
fn killed_within_any_write_nothing_is_half_there() {
    end_at_each("kill-within", 25);
}

/// A full disk is told, and the log goes on when it is opened again.
#[test]
fn an_operation_that_fails_loses_nothing() {
    for number in 1.. {
        let here = tempfile::tempdir().unwrap();
        let what = format!("fail:{number}");
        let output = run(here.path(), &what);
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        let size = number_after(&output, "acknowledged").unwrap();
        // What could not be removed is removed by the next one who opens the log.
        drop(open_or_create(here.path()));
        check_whole(here.path(), size);
        if number_after(&output, "operations").unwrap() < number {
            assert!(number > 100, "only {number}");
            break;
        }
    }
}
