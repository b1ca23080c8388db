//! `suture policy test`: example cases, and whether the answers are as expected.

use serde::Serialize;
use suture_delta::page::{Column, Look, Page, Tone, counted};
use suture_policy::example::{Answer, Checked, Coverage, Example, coverage};

use super::pack::{self, Examples};
use crate::args::PolicyTestArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    passed: usize,
    failed: usize,
    cases: Vec<Case<'a>>,
    /// Rules that no case makes speak.
    never_spoke: &'a [String],
    /// Rules with conditions that no case about them lets be silent.
    never_silent: &'a [String],
}

#[derive(Serialize)]
struct Case<'a> {
    file: &'a str,
    line: usize,
    name: &'a str,
    passed: bool,
    /// The answer; `null` if the question can't be asked.
    answer: Option<&'static str>,
    mismatches: &'a [String],
}

/// One case with its answer.
struct Row<'a> {
    file: &'a str,
    example: &'a Example,
    checked: Checked,
}

pub(super) fn run(args: &PolicyTestArgs, console: &Console) -> Result<Exit, Failure> {
    let directory = args.pack.directory.as_deref();
    let loaded = pack::load(directory)?;
    let examples = pack::examples(directory)?;
    let rows: Vec<Row<'_>> = examples.iter().flat_map(|file| rows(file, &loaded.pack)).collect();
    let answers = rows.iter().filter_map(|row| Some((row.example, row.checked.answer.as_ref().ok()?)));
    let left = coverage(&loaded.pack, answers);
    let failed = rows.iter().filter(|row| !row.checked.mismatches.is_empty()).count();
    let document = Document {
        schema: 1,
        passed: rows.len() - failed,
        failed,
        cases: rows.iter().map(case).collect(),
        never_spoke: &left.never_spoke,
        never_silent: &left.never_silent,
    };
    console.answer(&document, |look| text(&rows, &left, failed, look))?;
    let untried = !left.never_spoke.is_empty() || !left.never_silent.is_empty();
    Ok(if failed > 0 || (args.strict && untried) { Exit::PolicyRefused } else { Exit::Done })
}

fn rows<'a>(file: &'a Examples, pack: &suture_policy::Pack) -> Vec<Row<'a>> {
    let check = |example: &'a Example| Row { file: &file.file, example, checked: example.check(pack) };
    file.examples.iter().map(check).collect()
}

fn case<'a>(row: &'a Row<'_>) -> Case<'a> {
    Case {
        file: row.file,
        line: row.example.line,
        name: &row.example.name,
        passed: row.checked.mismatches.is_empty(),
        answer: row.checked.answer.as_ref().ok().map(Answer::word),
        mismatches: &row.checked.mismatches,
    }
}

fn text(rows: &[Row<'_>], left: &Coverage, failed: usize, look: &Look) -> String {
    const BELOW: usize = 4;
    let mut page = Page::new(*look);
    let mut table = Vec::new();
    for row in rows {
        let passed = row.checked.mismatches.is_empty();
        let answer = row.checked.answer.as_ref().map_or("can't be asked", Answer::word);
        table.push(vec![
            if passed { ("ok".to_owned(), Tone::Good) } else { ("WRONG".to_owned(), Tone::Bad) },
            (answer.to_owned(), Tone::Plain),
            (row.example.name.clone(), Tone::Plain),
            (format!("{}:{}", row.file, row.example.line), Tone::Faint),
        ]);
    }
    page.table(&[Column::Left, Column::Left, Column::Name, Column::Left], table);
    for row in rows.iter().filter(|row| !row.checked.mismatches.is_empty()) {
        page.heading(&format!("{} ({}:{})", row.example.name, row.file, row.example.line));
        for mismatch in &row.checked.mismatches {
            page.prose(BELOW, "", Tone::Plain, mismatch);
        }
    }
    page.gap();
    for (what, rules) in [
        ("never spoke in a case", &left.never_spoke),
        ("never silent in a case about them", &left.never_silent),
    ] {
        if !rules.is_empty() {
            page.prose(2, &format!("{what}:"), Tone::Warn, &rules.join(", "));
        }
    }
    let verdict =
        if failed == 0 { "all as expected".to_owned() } else { format!("{failed} not as expected") };
    page.line(&format!("{}: {verdict}", counted(rows.len(), "case")));
    page.finish()
}
