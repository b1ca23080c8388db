//! `suture audit init DIR`.

use serde::Serialize;
use suture_delta::page::Page;
use suture_log::{Draft, KeyKind, Outcome, Signer as _, Subject, VerifierKey};
use suture_tiles::{Log, Settings};

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
    // Commands are run in all kinds of directories.
    let key_file =
        if agents(&args.key).is_some() { Some(args.key.clone()) } else { args.key.canonicalize().ok() };
    let settings = Settings { vkey: vkey.clone(), key_file };
    let failed = |error| unusable(&args.directory, &error);
    let mut log = Log::create(&args.directory, &settings, &key).map_err(failed)?;
    let first = Draft {
        act: "log.init".to_owned(),
        actor: actor(),
        subjects: vec![Subject::id("log", args.origin.clone())],
        outcome: Outcome::done(),
        detail: [("vkey".to_owned(), suture_log::Value::Text(vkey.to_string()))].into(),
    };
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
