//! `suture case …`: the record of a vulnerability.
//!
//! ```text
//!  options ─┐
//!  prompts ─┴► changes ─► Case ─► store (case.toml, timeline.jsonl)
//!                          └────► Judge: tables, rules ─► page, documents
//! ```

pub(super) mod changes;
mod delta;
mod documents;
mod judge;
mod list;
mod page;
mod prompts;
pub(super) mod store;

use std::io::IsTerminal as _;
use std::path::Path;

use suture_case::names::{CaseId, VulnerabilityId};
use suture_case::table::{Table, built_in};
use suture_case::values::{Line, Moment};
use suture_case::{Case, CaseError, Classification, epss, kev};
use suture_log::Subject;

use crate::act::Act;
use crate::args::case::{CaseArgs, CaseCommand, ClassifyArgs, NewArgs, PlaceArgs, RulesArgs, ShowArgs};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use changes::Changes;
use judge::Judge;
use store::Store;

pub(super) fn run(args: &CaseArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        CaseCommand::New(args) => new(args, act, console),
        CaseCommand::Classify(args) => classify(args, act, console),
        CaseCommand::Show(args) => show(args, console),
        CaseCommand::List(args) => list::run(args, console),
    }
}

/// A case and what follows from it, for other commands.
pub(super) fn classified(cases: &Path, id: &CaseId) -> Result<(Case, Classification), Failure> {
    let case = Store::at(cases).open(id)?.case;
    let found = suture_case::classify(&case, &tables()?);
    Ok((case, found))
}

/// What the rules are told of a case.
pub(crate) fn for_rules(cases: &Path, id: &CaseId) -> Result<suture_policy::CaseFacts, Failure> {
    let (case, found) = classified(cases, id)?;
    Ok(suture_clearance::view(&case, &found).facts)
}

/// Which way a case goes, by `pack` or else the rules that hold here.
pub(super) fn route(
    place: &PlaceArgs,
    rules: &RulesArgs,
    id: &CaseId,
    pack: Option<suture_policy::Pack>,
) -> Result<suture_clearance::Routed, Failure> {
    let mut judge = Judge::new(rules)?;
    if let Some(pack) = pack {
        judge.rules.pack = pack;
    }
    judge.route(&Store::at(&place.cases).open(id)?.case)
}

/// A case, for the acts of other commands.
pub(super) fn subject(cases: &Path, id: &CaseId) -> Result<Subject, Failure> {
    Store::at(cases).open(id).map(|stored| stored.subject())
}

fn new(args: &NewArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let store = Store::at(&args.place.cases);
    store.refuse_existing(&args.id)?;
    if args.changes.embargo_until.is_none() {
        act.on(Subject::id("case", args.id.as_str()));
    }
    let by = who(args.changes.by.as_ref())?;
    let (mut title, mut program) = (args.changes.title.clone(), args.changes.program.clone());
    let mut asked = args.changes.clone();
    if may_ask(console) && (title.is_none() || program.is_none()) {
        prompts::for_new(&mut asked)?;
        (title, program) = (asked.title.clone(), asked.program.clone());
    }
    let (Some(title), Some(program)) = (title, program) else {
        return Err(Failure::usage("a new case needs a title and a program")
            .help("give --title and --program, or run it on a terminal"));
    };
    let now = now()?;
    let mut case = Case::new(args.id.clone(), title, program, now);
    let mut changes = Changes::default();
    changes.apply(&asked, &mut case, now)?;
    let judge = Judge::new(&args.rules)?;
    changes.note(format!("route {}", judge.word(&case)?));
    let stored = store.create(&case, changes.into_entry("opened", now, by)?, act)?;
    act.became(stored.subject());
    act.on_each(stored.last_act());
    documents::answer(&stored, &judge, console)?;
    Ok(Exit::Done)
}

fn classify(args: &ClassifyArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let store = Store::at(&args.place.cases);
    let judge = Judge::new(&args.rules)?;
    let mut asked = args.changes.clone();
    let says_nothing = asked.is_empty() && args.kev.is_none() && args.epss.is_none() && !args.has_analysis();
    if says_nothing && may_ask(console) {
        // Nobody else has to wait for the answers: they are applied to the case as it is then.
        let case = store.open(&args.id)?.case;
        prompts::for_open(&case, &judge.classify(&case), &mut asked)?;
    }
    let stored = store.open_to_change(&args.id)?;
    act.on(stored.subject());
    let mut case = stored.case.clone();
    let mut changes = Changes::default();
    changes.apply(&asked, &mut case, now()?)?;
    look_up(args, &mut case, &mut changes)?;
    let stored = if case == stored.case {
        act.ends("unchanged");
        stored
    } else {
        let (before, after) = (judge.word(&stored.case)?, judge.word(&case)?);
        if before != after {
            changes.note(format!("route {after} instead of {before}"));
        }
        let entry = changes.into_entry("classified", now()?, who(asked.by.as_ref())?)?;
        let stored = stored.change(&case, entry, act)?;
        act.on_each(stored.last_act());
        stored
    };
    act.became(stored.subject());
    documents::answer(&stored, &judge, console)?;
    Ok(Exit::Done)
}

fn show(args: &ShowArgs, console: &Console) -> Result<Exit, Failure> {
    let stored = Store::at(&args.place.cases).open(&args.id)?;
    let judge = Judge::new(&args.rules)?;
    if args.ssvc {
        let urgency = judge.classify(&stored.case).urgency;
        let list = suture_case::selection::selection_list(
            &stored.case,
            &judge.tables,
            &urgency,
            stored.changed_at(),
        );
        documents::print(&list)?;
    } else if args.facts {
        crate::console::print(&judge.question(&stored.case)?)?;
    } else {
        documents::answer(&stored, &judge, console)?;
    }
    Ok(Exit::Done)
}

/// Reads the files that are named, and writes down what they say.
fn look_up(args: &ClassifyArgs, case: &mut Case, changes: &mut Changes) -> Result<(), Failure> {
    let cves: Vec<VulnerabilityId> = case.cves().cloned().collect();
    if let Some(path) = &args.kev {
        let text = read(path, "the KEV catalogue", kev::CATALOG_BYTES_MAX)?;
        let found = kev::look_up(&text, &cves).map_err(|error| unusable(path, &error))?;
        let listed: Vec<&str> = found.listed.iter().map(|listed| listed.cve.as_str()).collect();
        changes.note(format!(
            "looked at KEV {}, which lists {}",
            found.catalog,
            if listed.is_empty() { "none of its ids".to_owned() } else { listed.join(", ") }
        ));
        case.kev = Some(found);
    }
    if let Some(path) = &args.epss {
        let text = read(path, "the EPSS scores", epss::FILE_BYTES_MAX)?;
        let found = epss::look_up(&text, &cves).map_err(|error| unusable(path, &error))?;
        changes.note(format!("looked at EPSS {} of {}", found.model, found.date));
        case.epss = Some(found);
    }
    if let Some(path) = &args.delta {
        let (delta, id, bytes) = files::read_delta(path)?;
        let summary = delta::summary(&delta, &id, bytes.len())?;
        changes.note(format!("read delta {}", summary.id));
        (case.delta, case.full_update) = (Some(summary), None);
    }
    if let Some(path) = &args.analysis {
        let refused = delta::refusal(path)?;
        changes.note("the analysis asks for a full update".to_owned());
        (case.delta, case.full_update) = (None, Some(refused));
    }
    Ok(())
}

fn read(path: &Path, role: &str, limit: usize) -> Result<String, Failure> {
    files::read_text_up_to(path, role, limit as u64)
}

/// A text that is not what it should be, with its place.
fn unusable(path: &Path, error: &CaseError) -> Failure {
    Failure::usage(format!("`{}:{}` can't be used", path.display(), error.line))
        .why(error)
        .help(error.help.clone())
}

/// Whether a person is there to be asked.
fn may_ask(console: &Console) -> bool {
    !console.is_json() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn tables() -> Result<Vec<Table>, Failure> {
    built_in().map_err(|error| Failure::unexpected("a decision table can't be used").why(&error))
}

pub(super) fn now() -> Result<Moment, Failure> {
    let now = jiff::Timestamp::now().as_second();
    Moment::from_unix_s(now).map_err(|why| Failure::unexpected("the clock can't be used").why(&why))
}

/// Who does this.
pub(super) fn who(named: Option<&Line>) -> Result<Line, Failure> {
    if let Some(name) = named {
        return Ok(name.clone());
    }
    let user = suture_process::user_name(suture_process::effective_uid());
    let user = user.and_then(|name| name.parse().ok());
    user.ok_or_else(|| Failure::usage("who does this is not known").help("say so with --by NAME"))
}
