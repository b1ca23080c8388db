//! `suture case list`: the most pressing first.

use serde::Serialize;
use suture_case::Case;
use suture_case::consensus::Class;
use suture_case::names::{CaseId, Role};
use suture_case::severity::Rating;
use suture_case::values::{Day, Line};
use suture_delta::page::{Column, Look, Page, Tone};
use suture_policy::Route;

use super::judge::Judge;
use super::page::rating_tone;
use super::store::Store;
use crate::args::case::ListArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document {
    schema: u32,
    cases: Vec<CaseLine>,
    /// Those that can't be read, and why.
    unreadable: Vec<Unreadable>,
}

#[derive(Serialize)]
struct CaseLine {
    id: CaseId,
    title: Line,
    program: Line,
    due: Option<Day>,
    /// Whether all answers are there that the due day depends on.
    decided: bool,
    rating: Option<Rating>,
    class: Option<Class>,
    /// By the rules; `null` if they leave none open.
    route: Option<Route>,
    missing: Vec<Role>,
}

#[derive(Serialize)]
struct Unreadable {
    id: CaseId,
    why: String,
}

pub(super) fn run(args: &ListArgs, console: &Console) -> Result<Exit, Failure> {
    let store = Store::at(&args.place.cases);
    let judge = Judge::new(&args.rules)?;
    let (mut cases, mut unreadable) = (Vec::new(), Vec::new());
    for id in store.ids()? {
        match store.open(&id).and_then(|stored| line(stored.case, &judge)) {
            Ok(line) => cases.push(line),
            Err(failure) => unreadable.push(Unreadable { id, why: failure.in_one_line() }),
        }
    }
    cases.sort_by_key(|case| (case.due.is_none(), case.due, std::cmp::Reverse(case.rating), case.id.clone()));
    let document = Document { schema: 1, cases, unreadable };
    console.answer(&document, |look| text(&document, look))?;
    Ok(if document.unreadable.is_empty() { Exit::Done } else { Exit::Usage })
}

fn line(case: Case, judge: &Judge) -> Result<CaseLine, Failure> {
    let found = judge.classify(&case);
    let route = judge.route(&case)?.decision.route;
    Ok(CaseLine {
        id: case.id,
        title: case.title,
        program: case.program.name,
        due: found.due.as_ref().map(|due| due.day),
        decided: found.urgency.iter().all(|urgency| urgency.due.is_none() || urgency.decided),
        rating: found.severity.rating,
        class: found.class.counts,
        route,
        missing: found.missing,
    })
}

fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    let rows = document.cases.iter().map(|case| {
        let due = match (case.due, case.decided) {
            (Some(day), true) => (day.to_string(), Tone::Strong),
            (Some(day), false) => (format!("{day} at worst"), Tone::Warn),
            (None, _) => ("no date".to_owned(), Tone::Plain),
        };
        let missing: Vec<&str> = case.missing.iter().map(|role| role.name()).collect();
        let missing =
            if missing.is_empty() { String::new() } else { format!("no {}", missing.join(", no ")) };
        vec![
            due,
            (case.id.to_string(), Tone::Strong),
            (case.rating.map_or("unrated", Rating::name).to_owned(), rating_tone(case.rating)),
            (case.class.map_or("no class", Class::name).to_owned(), Tone::Plain),
            (case.route.map_or("no route", Route::word).to_owned(), Tone::Plain),
            (case.program.to_string(), Tone::Plain),
            (case.title.to_string(), Tone::Plain),
            (missing, Tone::Faint),
        ]
    });
    let left = [Column::Left; 6];
    let columns = left.into_iter().chain([Column::Name, Column::Left]);
    page.table(&columns.collect::<Vec<_>>(), rows.collect());
    for unreadable in &document.unreadable {
        page.prose(2, "!", Tone::Bad, &format!("{}: {}", unreadable.id, unreadable.why));
    }
    page.finish()
}
