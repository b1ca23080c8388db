//! `suture channel show`.

use jiff::Timestamp;
use serde::Serialize;
use suture_channel::{Overview, Place, RoleView, SealedView, TargetView};
use suture_delta::page::{Column, Look, Page, Tone};

use super::failure;
use crate::args::channel::ShowArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use suture_channel::limits::ROOT_LEN_MAX;

#[derive(Serialize)]
struct Document {
    schema: u32,
    roles: Vec<RoleDocument>,
    /// Version of the root that waits, and whether it has all its signatures; `null` if none does.
    pending_root: Option<Pending>,
    targets: Vec<TargetDocument>,
    embargo: Vec<EmbargoDocument>,
    /// Of what under embargo nobody here can say what it is.
    unknown: Vec<UnknownDocument>,
}

#[derive(Serialize)]
struct RoleDocument {
    role: suture_channel::Role,
    /// `null` if nothing is published.
    version: Option<u64>,
    expires: Option<Timestamp>,
    expired: bool,
    threshold: u64,
    /// Fingerprints.
    keys: Vec<String>,
}

#[derive(Serialize)]
struct Pending {
    version: u64,
    complete: bool,
}

#[derive(Serialize)]
struct TargetDocument {
    name: String,
    /// `public`, `new` with the next publication, or `goes` with it.
    state: &'static str,
    length: Option<u64>,
    sha256: Option<String>,
}

#[derive(Serialize)]
struct EmbargoDocument {
    /// The name that the world sees.
    opaque: String,
    name: String,
    until: Timestamp,
    /// Whether the disclosure time has come.
    due: bool,
    recipients: usize,
    /// Whether the next publication contains it; what was taken out stays secret all the same.
    in_channel: bool,
}

#[derive(Serialize)]
struct UnknownDocument {
    /// The name that the world sees.
    opaque: String,
    why: String,
}

pub(super) fn run(args: &ShowArgs, console: &Console) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let overview = if args.directory.is_file() {
        suture_channel::show_root(&files::read_bytes_up_to(&args.directory, "the root", ROOT_LEN_MAX)?, now)
    } else {
        suture_channel::show(&Place::new(&args.directory), now)
    };
    let overview = overview.map_err(|error| failure("the channel can't be shown", &error))?;
    let document = document(overview);
    let unpublished = if args.directory.is_file() { "named by this root" } else { "not published" };
    console.answer(&document, |look| text(&document, unpublished, look))?;
    Ok(Exit::Done)
}

fn document(overview: Overview) -> Document {
    let pending = overview.pending.as_ref();
    Document {
        schema: 1,
        pending_root: pending.map(|root| Pending { version: root.version, complete: root.is_complete() }),
        roles: overview.roles.into_iter().map(role).collect(),
        targets: overview.targets.into_iter().map(target).collect(),
        embargo: overview.sealed.into_iter().map(embargo).collect(),
        unknown: overview.unknown.into_iter().map(|(opaque, why)| UnknownDocument { opaque, why }).collect(),
    }
}

fn role(view: RoleView) -> RoleDocument {
    RoleDocument {
        role: view.role,
        version: view.published.map(|(version, _)| version),
        expires: view.published.map(|(_, expires)| expires),
        expired: view.expired,
        threshold: view.threshold,
        keys: view.keys,
    }
}

fn target(view: TargetView) -> TargetDocument {
    let state = match (&view.published, view.stays) {
        (None, _) => "new",
        (Some(_), true) => "public",
        (Some(_), false) => "goes",
    };
    let (length, sha256) = view.published.unzip();
    TargetDocument { name: view.name, state, length, sha256 }
}

fn embargo(view: SealedView) -> EmbargoDocument {
    let SealedView { opaque, name, until, due, recipients, in_content: in_channel } = view;
    EmbargoDocument { opaque, name, until, due, recipients, in_channel }
}

fn text(document: &Document, unpublished: &str, look: &Look) -> String {
    let mut page = Page::new(*look);
    let cell = |text: String, tone| (text, tone);
    let mut rows = Vec::new();
    for role in &document.roles {
        let state = match (role.version, role.expires) {
            (Some(version), Some(expires)) if role.expired => {
                format!("version {version}, EXPIRED at {expires}")
            }
            (Some(version), Some(expires)) => format!("version {version}, good until {expires}"),
            _ => unpublished.to_owned(),
        };
        let keys = format!("{} of {}: {}", role.threshold, role.keys.len(), role.keys.join(" "));
        rows.push(vec![
            cell(role.role.name().to_owned(), Tone::Strong),
            cell(state, if role.expired { Tone::Bad } else { Tone::Plain }),
            cell(keys, Tone::Faint),
        ]);
    }
    for target in &document.targets {
        let digest = target.sha256.clone().unwrap_or_default();
        rows.push(vec![
            cell(target.state.to_owned(), Tone::Plain),
            cell(target.name.clone(), Tone::Strong),
            cell(digest, Tone::Faint),
        ]);
    }
    for embargo in &document.embargo {
        let until = format!("until {}{}", embargo.until, if embargo.due { ", which is over" } else { "" });
        let place = if embargo.in_channel {
            format!("for {}", embargo.recipients)
        } else {
            "which was taken out".to_owned()
        };
        rows.push(vec![
            cell("embargo".to_owned(), Tone::Plain),
            cell(embargo.name.clone(), Tone::Strong),
            cell(format!("{until}; sealed.{}, {place}", embargo.opaque), Tone::Faint),
        ]);
    }
    for unknown in &document.unknown {
        rows.push(vec![
            cell("embargo".to_owned(), Tone::Plain),
            cell(format!("sealed.{}", unknown.opaque), Tone::Strong),
            cell(format!("NOT KNOWN HERE: {}", unknown.why), Tone::Bad),
        ]);
    }
    page.table(&[Column::Left, Column::Left, Column::Left], rows);
    let mut text = page.finish();
    if let Some(root) = &document.pending_root {
        let state = if root.complete { "is signed and not published" } else { "waits for signatures" };
        let line = format!("version {} of root {state}\n", root.version);
        text.push_str(&line);
    }
    text
}
