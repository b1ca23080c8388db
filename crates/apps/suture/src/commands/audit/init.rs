//! `suture audit init DIR`.

use std::path::Path;

use serde::Serialize;
use suture_delta::model::hex;
use suture_delta::page::Page;
use suture_log::{Draft, KeyKind, Outcome, Signer as _, Subject, Value, VerifierKey};
use suture_tiles::{Log, Reader, Settings};

use crate::args::audit::InitArgs;
use crate::audit::{actor, now, unusable};
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
}

pub(super) fn run(args: &InitArgs, console: &Console) -> Result<Exit, Failure> {
    let key = LogKey::of_log(&args.key, &args.origin)?;
    let vkey = VerifierKey::new(key.name(), KeyKind::Note, &key.public_key()).map_err(|error| {
        Failure::usage(format!("`{}` can't be the name of a log", args.origin))
            .why(&error)
            .help("take a URL without `https://`, such as `example.com/suture-audit`")
    })?;
    let predecessor = args.after.as_deref().map(|old| predecessor(old, &args.origin)).transpose()?;
    // Commands are run in all kinds of directories.
    let key_file =
        if agents(&args.key).is_some() { Some(args.key.clone()) } else { args.key.canonicalize().ok() };
    let settings = Settings { vkey: vkey.clone(), key_file };
    let failed = |error| unusable(&args.directory, &error);
    let mut log = Log::create(&args.directory, &settings, &key).map_err(failed)?;
    let mut first = Draft {
        act: "log.init".to_owned(),
        actor: actor(),
        subjects: vec![Subject::id("log", args.origin.clone())],
        outcome: Outcome::done(),
        detail: [("vkey".to_owned(), Value::Text(vkey.to_string()))].into(),
    };
    if let Some((subject, size)) = predecessor {
        first.subjects.push(subject);
        first.detail.insert("predecessor_size".to_owned(), Value::Number(size));
    }
    now().and_then(|now| log.append(now, &[first], &key)).map_err(failed)?;
    let document = Document { schema: 1, origin: args.origin.clone(), vkey: vkey.to_string() };
    console.answer(&document, |look| {
        let mut page = Page::new(*look);
        page.line(&format!("{} is kept in {}", args.origin, args.directory.display()));
        page.line("auditors need its public key:");
        page.line(&format!("  {vkey}"));
        page.line(&format!("acts are recorded where SUTURE_AUDIT_DIR={} is set", args.directory.display()));
        page.finish()
    })?;
    Ok(Exit::Done)
}

/// The log that the new one follows, known by its root, and how many entries it has.
fn predecessor(directory: &Path, origin: &str) -> Result<(Subject, i64), Failure> {
    let failed = |error| unusable(directory, &error);
    let key = Settings::read(directory).map_err(failed)?.vkey;
    let reader = Reader::open(directory).map_err(failed)?;
    let wrong = |why: &str, help: &str| {
        Err(Failure::usage(format!("`{}` can't be followed by another log", directory.display()))
            .why(why)
            .help(help))
    };
    if !reader.checkpoint().is_signed_by(&key) {
        return wrong(
            "its checkpoint is not signed with its key",
            "`suture audit verify` says what is still good",
        );
    }
    let tree = reader.checkpoint().checkpoint();
    if tree.origin == origin {
        return wrong(
            "it has the same name, and two logs of one name are a log that tells two stories",
            "give the new one a name of its own with --origin",
        );
    }
    let subject =
        Subject { id: Some(tree.origin.clone()), ..Subject::digest("predecessor", &hex(&tree.root.0)) };
    // Nobody has a log of 2^63 entries.
    Ok((subject, i64::try_from(tree.size).unwrap_or(i64::MAX)))
}
