//! How an operation on processes ended: one row for each, for people and for scripts.

use serde::Serialize;
use suture_delta::page::{Column, Look, Page, Tone, grouped};
use suture_surgery::outcome::{End, FrameText, Outcome, Refusal};

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

/// One process that was operated on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) pid: i32,
    /// Name of the process, empty if it is not known.
    pub(super) name: String,
    /// Id of the delta, or the beginning of it.
    pub(super) patch: String,
    pub(super) outcome: Outcome,
}

/// Processes of which nobody can say whether they should have been operated on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unexamined {
    count: usize,
    /// What was in the way of looking into the first.
    why: Option<Refusal>,
}

impl Extend<Refusal> for Unexamined {
    fn extend<T: IntoIterator<Item = Refusal>>(&mut self, reasons: T) {
        for why in reasons {
            self.count += 1;
            self.why.get_or_insert(why);
        }
    }
}

/// The document of `apply`, `toggle` and `revert` (DESIGN §8).
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    results: Vec<Line<'a>>,
    /// How many processes could not be looked into when all were asked for.
    unexamined: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    pid: i32,
    name: &'a str,
    outcome: &'static str,
    /// Code of the refusal, otherwise `null`.
    code: Option<&'static str>,
    reason: Option<String>,
    help: Option<&'static str>,
    pause_us: u64,
    attempts: u32,
    /// Where the thread in the way is, innermost frame first.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stack: &'a [FrameText],
}

const NOBODY: &str = "no process has the build mapped or the patch in it";
const NOBODY_SEEN: &str = "no process that could be looked into has the build mapped or the patch in it";

/// Prints the rows, and says with which code to end: the worst of all processes counts. That nobody is concerned is success only
/// if everybody could be looked into.
pub(super) fn answer(rows: &[Row], unexamined: &Unexamined, console: &Console) -> Result<Exit, Failure> {
    console.answer(&document(rows, unexamined), |look| text(rows, unexamined, look))?;
    let Some(why) = &unexamined.why else {
        if rows.is_empty() && console.is_json() {
            console.note(NOBODY);
        }
        return Ok(exit(rows));
    };
    let many = if unexamined.count == 1 {
        "1 process".to_owned()
    } else {
        format!("{} processes", unexamined.count)
    };
    let why_not = format!("{many} could not be looked into: {why}");
    if rows.is_empty() {
        return Ok(console.explain(&Failure::by_target(NOBODY_SEEN).why(&why_not).help(why.help())));
    }
    console.note(&why_not);
    Ok(exit(rows))
}

fn document<'a>(rows: &'a [Row], unexamined: &Unexamined) -> Document<'a> {
    Document { schema: 1, results: rows.iter().map(line).collect(), unexamined: unexamined.count }
}

fn exit(rows: &[Row]) -> Exit {
    let codes = rows.iter().map(|row| match row.outcome.end {
        End::Failed(_) => (2, Exit::Failed),
        End::Refused(_) => (1, Exit::TargetRefused),
        End::Done | End::Already => (0, Exit::Done),
    });
    codes.max_by_key(|(weight, _)| *weight).map_or(Exit::Done, |(_, exit)| exit)
}

fn line(row: &Row) -> Line<'_> {
    let refusal = match &row.outcome.end {
        End::Refused(refusal) => Some(refusal),
        _ => None,
    };
    let reason = match &row.outcome.end {
        End::Refused(refusal) => Some(refusal.to_string()),
        End::Failed(why) => Some(why.clone()),
        End::Done | End::Already => None,
    };
    Line {
        pid: row.pid,
        name: &row.name,
        outcome: word(&row.outcome.end).0,
        code: refusal.map(Refusal::code),
        reason,
        help: refusal.map(Refusal::help),
        pause_us: row.outcome.pause_us,
        attempts: row.outcome.attempts,
        stack: refusal.map_or(&[], stack),
    }
}

fn text(rows: &[Row], unexamined: &Unexamined, look: &Look) -> String {
    let mut page = Page::new(*look);
    if rows.is_empty() && unexamined.why.is_none() {
        page.line(NOBODY);
    }
    let columns = [Column::Right, Column::Name, Column::Left, Column::Left];
    let cells = rows.iter().map(|row| {
        let (word, tone) = word(&row.outcome.end);
        let cell = |text: &str, tone| (text.to_owned(), tone);
        vec![
            cell(&row.pid.to_string(), Tone::Strong),
            cell(&row.name, Tone::Plain),
            cell(word, tone),
            cell(&pause(&row.outcome), Tone::Faint),
        ]
    });
    page.table(&columns, cells.collect());
    for row in rows {
        explain(row, &mut page);
    }
    page.finish()
}

/// Why a process is as it was before.
fn explain(row: &Row, page: &mut Page) {
    const INDENT: usize = 4;
    match &row.outcome.end {
        End::Done | End::Already => {}
        End::Failed(why) => {
            page.heading(&format!("{} failed", row.pid));
            page.prose(INDENT, "", Tone::Plain, why);
        }
        End::Refused(refusal) => {
            page.heading(&format!("{} refused: {}", row.pid, refusal.code()));
            page.prose(INDENT, "", Tone::Plain, &refusal.to_string());
            for (index, frame) in stack(refusal).iter().enumerate() {
                page.prose(
                    INDENT,
                    &format!("#{index:<2}"),
                    Tone::Faint,
                    &format!("{:#x} {}", frame.pc, frame.place),
                );
            }
            page.prose(INDENT, "help:", Tone::Good, refusal.help());
        }
    }
}

fn stack(refusal: &Refusal) -> &[FrameText] {
    match refusal {
        Refusal::Busy { stack, .. } => stack,
        _ => &[],
    }
}

fn word(end: &End) -> (&'static str, Tone) {
    match end {
        End::Done => ("done", Tone::Good),
        End::Already => ("already", Tone::Good),
        End::Refused(_) => ("refused", Tone::Bad),
        End::Failed(_) => ("failed", Tone::Bad),
    }
}

fn pause(outcome: &Outcome) -> String {
    match outcome.attempts {
        0 => String::new(),
        1 => format!("stopped for {} µs", grouped(outcome.pause_us)),
        attempts => format!("stopped {attempts} times, longest {} µs", grouped(outcome.pause_us)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |pid, end, pause_us, attempts| Row {
            pid,
            name: "server".to_owned(),
            patch: String::new(),
            outcome: Outcome { end, pause_us, attempts },
        };
        let busy = Refusal::Busy {
            thread: 4713,
            thread_name: "worker".to_owned(),
            function: "parse".to_owned(),
            stack: vec![
                FrameText { pc: 0x40_1010, place: "parse+0x10 (server)".to_owned() },
                FrameText { pc: 0x40_2000, place: "main+0x20 (server)".to_owned() },
            ],
        };
        vec![
            row(4711, End::Done, 1_312, 1),
            row(17, End::Already, 0, 0),
            row(4712, End::Refused(busy), 410, 23),
            row(4714, End::Failed("the journal is full".to_owned()), 0, 0),
        ]
    }

    #[test]
    fn people_see_each_process_and_why_not() {
        insta::assert_snapshot!(text(&rows(), &Unexamined::default(), &Look::default()));
    }

    #[test]
    fn scripts_see_the_documented_keys() {
        let rows = rows();
        let mut unexamined = Unexamined::default();
        unexamined.extend([Refusal::Gone, Refusal::NotApplied]);
        let document = document(&rows, &unexamined);
        insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
    }

    #[test]
    fn the_worst_end_decides() {
        let rows = rows();
        assert_eq!(exit(&rows[..2]), Exit::Done);
        assert_eq!(exit(&rows[..3]), Exit::TargetRefused);
        assert_eq!(exit(&rows), Exit::Failed);
        assert_eq!(exit(&[]), Exit::Done);
    }
}
