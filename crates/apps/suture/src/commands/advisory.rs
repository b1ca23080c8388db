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
use super::case::store::Stored;
use super::case::{now, who};
use super::subject;
use crate::act::{Act, content};
use crate::args::advisory::{
    AdvisoryArgs, AdvisoryCommand, Category, Format, NewArgs, RenderArgs, ShowArgs, StageChoice, UpdateArgs,
};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use place::Place;

pub(super) fn run(args: &AdvisoryArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        AdvisoryCommand::New(args) => new(args, act, console),
        AdvisoryCommand::Update(args) => update(args, act, console),
        AdvisoryCommand::Render(args) => render(args, act, console),
        AdvisoryCommand::Show(args) => show(args, console),
    }
}

fn new(args: &NewArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let place = Place::find(&args.case, &args.place.cases)?;
    let stored = place.open_case()?;
    act.on(stored.subject());
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
    act.outlast_interruptions();
    act.on(content("advisory", place::write(&file, None, &advisory)?.as_bytes()));
    note(stored, &update, &advisory, act)?;
    documents::answer(&file, &advisory, console)?;
    Ok(Exit::Done)
}

fn update(args: &UpdateArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let place = Place::find(&args.case, &args.place.cases)?;
    let stored = place.open_case()?;
    act.on(stored.subject());
    let file = place.file();
    let (text, mut advisory) = place::read(&file)?;
    act.on(content("advisory", text.as_bytes()));
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
    act.outlast_interruptions();
    act.became(content("advisory", place::write(&file, Some(&text), &advisory)?.as_bytes()));
    note(stored, &update, &advisory, act)?;
    documents::answer(&file, &advisory, console)?;
    Ok(Exit::Done)
}

fn render(args: &RenderArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let bundle = bundled::patch(args)?;
    let file = match &bundle {
        Some(patch) => bundled::advisory_file(patch, args)?,
        None => Place::find(&args.case, &args.place.cases)?.file(),
    };
    let (text, mut advisory) = place::read(&file)?;
    act.on(content("advisory", text.as_bytes()));
    check_version(&file, &advisory)?;
    if let Some(patch) = &bundle {
        act.on(subject(patch));
        bundled::complete(&mut advisory, patch, args, console)?;
    }
    let text = match args.format {
        Format::Csaf => json(csaf::csaf(&advisory).as_ref())?,
        Format::Osv => {
            check_versions(&file, &advisory)?;
            json(osv::osv(&advisory).as_ref())?
        }
        Format::Openvex => json(openvex::openvex(&advisory).as_ref())?,
        Format::Markdown => markdown::markdown(&advisory),
        Format::Html => html::html(&advisory),
    };
    act.on(content("document", text.as_bytes()));
    match &args.output {
        Some(path) => files::write(path, text.as_bytes())?,
        None => console.print(&text)?,
    }
    Ok(Exit::Done)
}

/// OSV is read by machines, for which what is not listed is not affected.
fn check_versions(file: &std::path::Path, advisory: &Advisory) -> Result<(), Failure> {
    let unsaid = osv::unsaid(advisory);
    if unsaid.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!("`{}` can't be rendered as OSV", file.display()))
        .why(&format!("a machine would take these versions for not affected: {}", unsaid.join("; ")))
        .help(
            "write all that is `affected` under [program] as versions such as `1.1` (`=7` where that is one version), with the \
             `package` (ecosystem and name) also as ranges such as `>=1.0, <1.2`; or, without a `package`, name the `repository` \
             with `introduced_commits` and `fixed_commits`; docs/formats/advisory.md shows both",
        ))
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
fn note(stored: Stored, update: &Update, advisory: &Advisory, act: &Act) -> Result<(), Failure> {
    let Some(last) = advisory.revision.last() else { return Ok(()) };
    act.word("version", &last.number.to_string());
    act.word("stage", last.stage.name());
    act.flag("forced", last.forced.is_some());
    let mut changes = Changes::default();
    changes.note(format!("made version {} of the advisory ({}): {}", last.number, last.stage, last.summary));
    if let Some(reason) = &last.forced {
        changes.note(format!("against the time that was agreed, because: {reason}"));
    }
    let word = if advisory.stage == Stage::Published { "published" } else { "advised" };
    let entry = changes.into_entry(word, update.at, update.by.clone())?;
    let case = stored.case.clone();
    stored.change(&case, entry, act).map(drop)
}

pub(super) fn too_many(error: &TooMany) -> Failure {
    Failure::usage("the advisory would say too much").why(error).help("say the rest behind a reference")
}

fn refused(file: &std::path::Path, refusal: &Refusal) -> Failure {
    let what = format!("there is no next version of `{}`", file.display());
    let code = if matches!(refusal, Refusal::Backwards { .. }) { "stage" } else { "embargo" };
    let failure =
        if refusal.is_rule() { Failure::refused(what).with_code(code) } else { Failure::usage(what) };
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
