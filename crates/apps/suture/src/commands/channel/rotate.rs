//! `suture channel init` and `rotate`: whose keys count.

use std::collections::BTreeMap;

use serde::Serialize;
use suture_channel::{Founding, Lifetimes, Place, RootState, Rotation};

use super::keys::{self, Signers};
use super::{failure, record};
use crate::act::Act;
use crate::args::channel::{InitArgs, RotateArgs};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document {
    schema: u32,
    /// Version of the root that waits; 0 if none does.
    root: u64,
    /// Whether it has all its signatures.
    complete: bool,
    missing: Vec<Missing>,
}

#[derive(Serialize)]
struct Missing {
    /// How many signatures are missing.
    count: u64,
    /// Fingerprints of the keys that could give them.
    of: Vec<String>,
}

pub(super) fn init(args: &InitArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let mut lifetimes = Lifetimes::default();
    for (role, lifetime) in &args.expires {
        lifetimes.set(*role, *lifetime);
    }
    let founding = Founding { lifetimes, keys: keys::roles(&args.roles)?.into_iter().collect() };
    let signers = Signers::with_root(&args.roles, &args.signing)?;
    let place = Place::new(&args.directory);
    let state = suture_channel::init(&place, &founding, &signers.as_dyn(), keys::time(&args.signing));
    record::keys(act, &signers);
    let state = state
        .map_err(|error| failure(format!("no channel was made in `{}`", args.directory.display()), &error))?;
    record::pending_root(act, &place);
    answer(console, state, &place)
}

pub(super) fn rotate(args: &RotateArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let named: BTreeMap<_, _> = keys::roles(&args.roles)?.into_iter().collect();
    let signers = Signers::with_root(&args.roles, &args.signing)?;
    let place = Place::new(&args.directory);
    let rotation = Rotation { keys: named, renew: args.renew };
    record::channel(act, &place);
    let state = suture_channel::rotate(&place, &rotation, &signers.as_dyn(), keys::time(&args.signing));
    record::keys(act, &signers);
    let state = state.map_err(|error| failure("no key was changed", &error))?;
    record::pending_root(act, &place);
    answer(console, state, &place)
}

fn answer(console: &Console, state: RootState, place: &Place) -> Result<Exit, Failure> {
    let complete = state.is_complete();
    let missing = state.missing.into_iter().filter(|(count, _)| *count > 0);
    let document = Document {
        schema: 1,
        root: state.version,
        complete,
        missing: missing.map(|(count, of)| Missing { count, of }).collect(),
    };
    console.answer(&document, |_| text(&document, place))?;
    Ok(Exit::Done)
}

fn text(document: &Document, place: &Place) -> String {
    if document.root == 0 {
        return "the patch team's keys change with the next `suture channel publish`, which targets must sign\n"
            .to_owned();
    }
    let mut text = format!("version {} of root waits in {}\n", document.root, place.pending_root().display());
    for missing in &document.missing {
        let what = if missing.count == 1 { "signature is" } else { "signatures are" };
        let line = format!("  {} more {what} needed, by: {}\n", missing.count, missing.of.join(", "));
        text.push_str(&line);
    }
    text.push_str(if document.complete {
        "it is signed; `suture channel publish` makes it public\n"
    } else {
        "each of them signs with `suture channel rotate DIR --key FILE`\n"
    });
    text
}
