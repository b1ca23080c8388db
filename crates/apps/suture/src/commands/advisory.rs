//! `suture advisory …`: what the world is told about a case.
//!
//! ```text
//! case ──► begin ──┐
//! advisory.toml ───┤► Advisory ─► changes ─► revised ─► advisory.toml, an act in the case's timeline
//! options ─────────┘       └────► csaf, osv, openvex, markdown, html
//!                  bundle ────────┘
//! ```

mod bundled;
mod changes;
mod documents;
pub(super) mod place;

use serde::Serialize;
use suture_advisory::from_case::TooMany;
use suture_advisory::model::{Publisher, PublisherCategory};
use suture_advisory::{Advisory, Refusal, Stage, Update, csaf, html, markdown, openvex, osv};
use suture_case::values::Line;

use super::case::changes::Changes;
use super::case::store::{Stored, outlast_interruptions};
use super::case::{now, who};
use crate::args::advisory::{
    AdvisoryArgs, AdvisoryCommand, Category, Format, NewArgs, RenderArgs, ShowArgs, StageChoice, UpdateArgs,
};
use crate::console::{self, Console};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use place::Place;

pub(super) fn run(args: &AdvisoryArgs, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        AdvisoryCommand::New(args) => new(args, console),
        AdvisoryCommand::Update(args) => update(args, console),
        AdvisoryCommand::Render(args) => render(args, console),
        AdvisoryCommand::Show(args) => show(args, console),
    }
}

fn new(args: &NewArgs, console: &Console) -> Result<Exit, Failure> {
    let place = Place::find(&args.case, &args.place.cases)?;
    let stored = place.open_case()?;
    let file = place.file();
    if file.exists() {
        return Err(Failure::usage(format!("`{}` is there already", file.display()))
            .help("edit it, and make a version of it with `suture advisory update`"));
    }
    let publisher = Publisher {
        category: category(args.category),
        name: args.publisher.clone(),
        namespace: args.namespace.clone(),
        contact: args.contact.clone(),
    };
    let mut advisory = Advisory::begin(&stored.case, publisher).map_err(|error| too_many(&error))?;
    changes::apply(&args.changes, &mut advisory)?;
    let update = Update {
        to: None,
        summary: Line::fitting("Initial draft"),
        editorial: false,
        force: None,
        case_until: stored.case.embargo_until,
        at: now()?,
        by: who(args.changes.by.as_ref())?,
    };
    let advisory = advisory.revised(&update).map_err(|refusal| refused(&file, &refusal))?;
    outlast_interruptions();
    place::write(&file, None, &advisory)?;
    note(stored, &update, &advisory)?;
    documents::answer(&file, &advisory, console)?;
    Ok(Exit::Done)
}

fn update(args: &UpdateArgs, console: &Console) -> Result<Exit, Failure> {
    let place = Place::find(&args.case, &args.place.cases)?;
    let stored = place.open_case()?;
    let file = place.file();
    let (text, mut advisory) = place::read(&file)?;
    if advisory.id != stored.case.id {
        return Err(Failure::usage(format!("`{}` can't be used", file.display()))
            .why(&format!("it is about the case {}, in the directory of {}", advisory.id, stored.case.id))
            .help("make both the same"));
    }
    if args.from_case {
        advisory.take(&stored.case).map_err(|error| too_many(&error))?;
    }
    changes::apply(&args.changes, &mut advisory)?;
    let update = Update {
        to: args.stage.map(stage),
        summary: args.note.clone(),
        editorial: args.editorial,
        force: args.force.clone(),
        case_until: stored.case.embargo_until,
        at: now()?,
        by: who(args.changes.by.as_ref())?,
    };
    let advisory = advisory.revised(&update).map_err(|refusal| refused(&file, &refusal))?;
    outlast_interruptions();
    place::write(&file, Some(&text), &advisory)?;
    note(stored, &update, &advisory)?;
    documents::answer(&file, &advisory, console)?;
    Ok(Exit::Done)
}

fn render(args: &RenderArgs, console: &Console) -> Result<Exit, Failure> {
    let bundle = bundled::patch(args)?;
    let file = match &bundle {
        Some(patch) => bundled::advisory_file(patch, args)?,
        None => Place::find(&args.case, &args.place.cases)?.file(),
    };
    let (_, mut advisory) = place::read(&file)?;
    check_version(&file, &advisory)?;
    if let Some(patch) = &bundle {
        bundled::complete(&mut advisory, patch, args, console)?;
    }
    let text = match args.format {
        Format::Csaf => json(csaf::csaf(&advisory).as_ref())?,
        Format::Osv => json(osv::osv(&advisory).as_ref())?,
        Format::Openvex => json(openvex::openvex(&advisory).as_ref())?,
        Format::Markdown => markdown::markdown(&advisory),
        Format::Html => html::html(&advisory),
    };
    match &args.output {
        Some(path) => files::write(path, text.as_bytes())?,
        None => console::print(&text)?,
    }
    Ok(Exit::Done)
}

/// What was published is never rendered as anything but its last version.
fn check_version(file: &std::path::Path, advisory: &Advisory) -> Result<(), Failure> {
    if !advisory.is_edited() {
        return Ok(());
    }
    if advisory.stage == Stage::Published || advisory.revision.is_empty() {
        let since = advisory.revision.last().map_or("it has no version".to_owned(), |last| {
            format!("it was edited since version {}", last.number)
        });
        return Err(Failure::usage(format!("`{}` can't be rendered", file.display()))
            .why(&since)
            .help("`suture advisory update CASE --note TEXT` makes a version of it"));
    }
    tracing::warn!("`{}` was edited since its last version", file.display());
    Ok(())
}

fn show(args: &ShowArgs, console: &Console) -> Result<Exit, Failure> {
    let file = Place::find(&args.case, &args.place.cases)?.file();
    let (_, advisory) = place::read(&file)?;
    documents::answer(&file, &advisory, console)?;
    Ok(Exit::Done)
}

/// Writes the version into the timeline of the case.
fn note(stored: Stored, update: &Update, advisory: &Advisory) -> Result<(), Failure> {
    let Some(last) = advisory.revision.last() else { return Ok(()) };
    let mut changes = Changes::default();
    changes.note(format!("made version {} of the advisory ({}): {}", last.number, last.stage, last.summary));
    if let Some(reason) = &last.forced {
        changes.note(format!("against the time that was agreed, because: {reason}"));
    }
    let act = if advisory.stage == Stage::Published { "published" } else { "advised" };
    let entry = changes.into_entry(act, update.at, update.by.clone())?;
    let case = stored.case.clone();
    stored.change(&case, entry).map(drop)
}

pub(super) fn too_many(error: &TooMany) -> Failure {
    Failure::usage("the advisory would say too much").why(error).help("say the rest behind a reference")
}

fn refused(file: &std::path::Path, refusal: &Refusal) -> Failure {
    let what = format!("there is no next version of `{}`", file.display());
    let failure = if refusal.is_rule() { Failure::refused(what) } else { Failure::usage(what) };
    failure.why(refusal).help(refusal.help())
}

fn json(document: Option<&impl Serialize>) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::unexpected("the advisory can't be written as JSON").why(&error))?;
    Ok(text + "\n")
}

fn stage(choice: StageChoice) -> Stage {
    match choice {
        StageChoice::Draft => Stage::Draft,
        StageChoice::Embargoed => Stage::Embargoed,
        StageChoice::Published => Stage::Published,
    }
}

fn category(choice: Category) -> PublisherCategory {
    match choice {
        Category::Vendor => PublisherCategory::Vendor,
        Category::Coordinator => PublisherCategory::Coordinator,
        Category::Discoverer => PublisherCategory::Discoverer,
        Category::User => PublisherCategory::User,
        Category::Other => PublisherCategory::Other,
    }
}
