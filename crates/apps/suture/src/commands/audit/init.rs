//! `suture audit init DIR`.

use std::path::Path;

use serde::Serialize;
use suture_delta::model::hex;
use suture_delta::page::{Page, counted};
use suture_log::{Draft, KeyKind, Outcome, Signer as _, Subject, Value, VerifierKey};
use suture_tiles::{Log, Predecessor, Settings};

use crate::args::audit::InitArgs;
use crate::audit::{actor, now, unusable, warn};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::log_key::{LogKey, agents};

#[derive(Serialize)]
struct Document {
    schema: u32,
    origin: String,
    /// Public key, for auditors.
    vkey: String,
    /// Acts that were pending beside the log that this one follows, and are in this one.
    #[serde(skip_serializing_if = "is_zero")]
    carried: usize,
}

pub(super) fn run(args: &InitArgs, console: &Console) -> Result<Exit, Failure> {
    let key = LogKey::of_log(&args.key, &args.origin)?;
    let vkey = VerifierKey::new(key.name(), KeyKind::Note, &key.public_key()).map_err(|error| {
        Failure::usage(format!("`{}` can't be the name of a log", args.origin))
            .why(&error)
            .help("take a URL without `https://`, such as `example.com/suture-audit`")
    })?;
    let mut old = args.after.as_deref().map(|old| predecessor(old, args)).transpose()?;
    // Commands are run in all kinds of directories.
    let key_file =
        if agents(&args.key).is_some() { Some(args.key.clone()) } else { args.key.canonicalize().ok() };
    let directory_before = args.after.as_ref().and_then(|directory| directory.canonicalize().ok());
    let settings = Settings { predecessor: directory_before, ..Settings::new(vkey.clone(), key_file) };
    let failed = |error| unusable(&args.directory, &error);
    let first = || {
        // From here on the old log is what the new one says, for good.
        old.as_mut().map_or(Ok(()), |old| old.close(&args.origin))?;
        Ok((now()?, vec![first(args, &vkey, old.as_ref())]))
    };
    let mut log = Log::create_with(&args.directory, &settings, &key, first).map_err(failed)?;
    let carried = carry(&mut log, &key, console);
    let document = Document { schema: 1, origin: args.origin.clone(), vkey: vkey.to_string(), carried };
    console.answer(&document, |look| {
        let mut page = Page::new(*look);
        page.line(&format!("{} is kept in {}", args.origin, args.directory.display()));
        page.line("auditors need its public key:");
        page.line(&format!("  {vkey}"));
        if carried > 0 {
            page.line(&format!("{} that the old log did not get is in it", counted(carried, "act")));
        }
        page.line(&format!("acts are recorded where SUTURE_AUDIT_DIR={} is set", args.directory.display()));
        page.finish()
    })?;
    Ok(Exit::Done)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What was pending beside the old log. If it can't be added now, the next act does that.
fn carry(log: &mut Log, key: &LogKey, console: &Console) -> usize {
    match now().and_then(|now| log.settle(now, key)) {
        Ok(settled) => {
            warn(&settled.unusable, console);
            settled.count
        }
        Err(error) => {
            console.note(&format!("what is pending beside the old log is added with the next act: {error}"));
            0
        }
    }
}

/// The entry that says which log this is, and which it follows: known by its root, and how many entries it has.
fn first(args: &InitArgs, vkey: &VerifierKey, old: Option<&Predecessor>) -> Draft {
    let mut first = Draft {
        act: "log.init".to_owned(),
        actor: actor(),
        subjects: vec![Subject::id("log", args.origin.clone())],
        outcome: Outcome::done(),
        detail: [("vkey".to_owned(), Value::Text(vkey.to_string()))].into(),
    };
    if let Some(old) = old {
        let tree = old.checkpoint().checkpoint();
        let root = Subject::digest("predecessor", &hex(&tree.root.0));
        first.subjects.push(Subject { id: Some(tree.origin.clone()), ..root });
        // Nobody has a log of 2^63 entries.
        let size = i64::try_from(tree.size).unwrap_or(i64::MAX);
        first.detail.insert("predecessor_size".to_owned(), Value::Number(size));
    }
    first
}

/// The log that the new one follows. Nobody appends to it from here on.
fn predecessor(directory: &Path, args: &InitArgs) -> Result<Predecessor, Failure> {
    let wrong = |why: &str, help: &str| {
        Failure::usage(format!("`{}` can't be followed by another log", directory.display()))
            .why(why)
            .help(help)
    };
    let settings = Settings::read(directory).map_err(|error| unusable(directory, &error))?;
    if settings.vkey.name() == args.origin {
        return Err(wrong(
            "it has the same name, and two logs of one name are a log that tells two stories",
            "give the new one a name of its own with --origin",
        ));
    }
    let same =
        directory.canonicalize().ok().is_some_and(|old| args.directory.canonicalize().ok() == Some(old));
    if same {
        return Err(wrong(
            "the new one would be in its place",
            "name another directory; a log is never made anew",
        ));
    }
    if let Some(successor) = settings.successor.filter(|successor| *successor != args.origin) {
        return Err(wrong(
            &format!("the log {successor} follows it already"),
            "let the new one follow that; if making that one was cut short, make it again under its name",
        ));
    }
    Predecessor::hold(directory).map_err(|error| unusable(directory, &error))
}
