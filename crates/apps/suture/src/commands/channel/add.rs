//! `suture channel add` and `reveal`: what a channel contains.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use suture_channel::{Added, Embargo, Place, Recipients};
use suture_clearance::Patch;
use suture_delta::page::Look;
use suture_log::Subject;

use super::{failure, record};
use crate::act::{self, Act};
use crate::args::channel::{AddArgs, RevealArgs};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{files, permission, trust_dir};

#[derive(Serialize)]
struct Document {
    schema: u32,
    /// Names in the channel, as everyone will see them.
    added: Vec<String>,
    /// Names that will no longer be there.
    removed: Vec<String>,
    /// The disclosure time, if it is under embargo.
    embargo_until: Option<Timestamp>,
}

pub(super) fn add(args: &AddArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let place = Place::new(&args.directory);
    record::channel(act, &place);
    act.flag("embargo", args.embargo_until.is_some());
    act.flag("early", args.early);
    let added = match (&args.bundle, &args.policy) {
        (Some(bundle), _) => add_bundle(args, &place, bundle, act)?,
        (None, Some(policy)) => suture_channel::add_policy(&place, policy).map_err(|error| {
            failure(format!("`{}` was not put into the channel", policy.display()), &error)
        })?,
        (None, None) => return Err(Failure::usage("there is nothing to put into the channel")),
    };
    let Added { names, replaced } = added;
    record::waiting(act, &place, &names, &replaced);
    answer(
        console,
        &Document { schema: 1, added: names, removed: replaced, embargo_until: args.embargo_until },
    )
}

fn add_bundle(args: &AddArgs, place: &Place, bundle: &Path, act: &Act) -> Result<Added, Failure> {
    let name = bundle.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let content = files::read_bundle(bundle)?;
    if !suture_bundle::begins_like_a_bundle(&content) {
        return Err(Failure::usage(format!("`{}` is no bundle", bundle.display()))
            .help("name a bundle; `suture bundle create` makes one of a delta"));
    }
    act.on(act::content("bundle", &content));
    let patch = Patch::read(&content).map_err(|error| permission::unusable(bundle, &error))?;
    permission::require_complete(&patch, bundle)?;
    let beside = crate::statement_file::beside(bundle);
    let statements = args.statements.as_deref().or_else(|| beside.exists().then_some(&beside));
    let statements = statements.map(|path| files::read(path, "the file of statements")).transpose()?;
    let recipients = recipients(args)?;
    let embargo = args.embargo_until.zip(recipients.as_ref());
    let embargo = embargo.map(|(until, recipients)| Embargo { until, recipients, early: args.early });
    let trust = trust_dir::find(args.trust.as_deref()).map(|found| trust_dir::read(&found)).transpose()?;
    let place = &place.clone().believing(trust.map(|authority| authority.root));
    if args.drop_doubtful {
        let dropped = suture_channel::drop_doubtful(place, &content).map_err(|error| {
            failure(format!("nothing about `{}` was forgotten", bundle.display()), &error)
        })?;
        act.count("dropped", dropped.len());
        act.on_each(dropped.into_iter().map(|line| {
            let digest = Some(format!("sha256:{}", line.sha256));
            Subject { id: None, digest, ..Subject::id("dropped", "") }
        }));
    }
    suture_channel::add_bundle(place, &name, &content, statements.as_deref(), embargo.as_ref())
        .map_err(|error| failure(format!("`{}` was not put into the channel", bundle.display()), &error))
}

fn recipients(args: &AddArgs) -> Result<Option<Recipients>, Failure> {
    if args.embargo_until.is_none() {
        return Ok(None);
    }
    let mut lines = args.to.join("\n");
    for path in &args.to_file {
        lines.push('\n');
        lines.push_str(&files::read_text(path, "the file of recipients")?);
    }
    let recipients = Recipients::parse(&lines);
    recipients.map(Some).map_err(|error| failure("the bundle was not encrypted", &error))
}

pub(super) fn reveal(args: &RevealArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let place = Place::new(&args.directory);
    record::channel(act, &place);
    act.flag("early", args.early);
    let revealed = suture_channel::reveal(&place, &args.name, args.early, Timestamp::now())
        .map_err(|error| failure(format!("`{}` was not revealed", args.name), &error))?;
    let removed = vec![format!("sealed.{}", revealed.opaque)];
    record::waiting(act, &place, &revealed.names, &removed);
    answer(console, &Document { schema: 1, added: revealed.names, removed, embargo_until: None })
}

fn answer(console: &Console, document: &Document) -> Result<Exit, Failure> {
    console.answer(document, |_: &Look| {
        let added = document.added.iter().map(|name| format!("put in  {name}\n"));
        let removed = document.removed.iter().map(|name| format!("take out  {name}\n"));
        let next = std::iter::once("public with the next `suture channel publish`\n".to_owned());
        added.chain(removed).chain(next).collect()
    })?;
    Ok(Exit::Done)
}
