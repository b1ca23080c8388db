//! `suture key new`: a key for somebody.

use std::io::ErrorKind;

use jiff::ToSpan as _;
use serde::Serialize;
use suture_delta::page::{INDENT, Look, Page, Tone};
use suture_keys::NewKey;
use suture_log::Subject;

use crate::act::Act;
use crate::args::{KeyNewArgs, KeyType};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signer;

#[derive(Serialize)]
struct Document {
    schema: u32,
    id: String,
    /// The line of the public key, as it stands in a trust root.
    public: String,
    file: String,
    public_file: String,
    encrypted: bool,
}

pub(crate) fn run(args: &KeyNewArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let KeyType::Ed25519 = args.kind;
    let shown = args.output.display().to_string();
    let name = || args.output.file_name().map(|name| name.to_string_lossy().into_owned());
    let comment = args.comment.clone().or_else(name).unwrap_or_default();
    if comment.contains(char::is_control) {
        return Err(Failure::usage("the comment of a key stands on one line").help("leave the line ends out"));
    }
    if args.output.symlink_metadata().is_ok() {
        return Err(taken(&shown));
    }
    let passphrase = if args.no_passphrase {
        None
    } else {
        let asked = signer::passphrase_source().ask_new(&shown);
        Some(asked.map_err(|error| signer::no_new_passphrase(&error))?)
    };
    let failed = || Failure::unexpected(format!("no key was made in `{shown}`"));
    let key = NewKey::generate(&comment).map_err(|error| failed().why(&error))?;
    let id = key.public_key().id();
    act.on(Subject::id("key", id.as_str()));
    act.flag("encrypted", passphrase.is_some());
    let public_file = key.write(&args.output, passphrase.as_ref()).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => taken(&shown).why(&error),
        _ => failed().why(&error),
    })?;
    let document = Document {
        schema: 1,
        id: id.to_string(),
        public: key.public_key().to_string(),
        file: shown,
        public_file: public_file.display().to_string(),
        encrypted: passphrase.is_some(),
    };
    console.answer(&document, |look| text(&document, look))?;
    Ok(Exit::Done)
}

fn taken(shown: &str) -> Failure {
    Failure::usage(format!("`{shown}` or its .pub is there, and a key that is overwritten is gone for good"))
        .help("name another file with -o")
}

fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    page.heading(&document.id);
    let state = if document.encrypted { "encrypted" } else { "not encrypted" };
    page.prose(INDENT, "", Tone::Plain, &format!("{} ({state}) and {}", document.file, document.public_file));
    page.gap();
    page.line("For `root.toml`, under its owner's [[principal]]:");
    page.gap();
    for line in table(&document.public) {
        page.line(&format!("{}{}", " ".repeat(INDENT), suture_delta::page::clean(&line)));
    }
    page.finish()
}

/// What makes the key trusted, for a year from today on.
fn table(public: &str) -> [String; 4] {
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
    let end = today.checked_add(1.year()).unwrap_or_else(|_| today.clone());
    let quoted = toml_string(public);
    [
        "[[principal.key]]".to_owned(),
        format!("public = {quoted}"),
        format!("valid_from = {}", today.strftime("%FT00:00:00Z")),
        format!("valid_until = {}", end.strftime("%FT00:00:00Z")),
    ]
}

/// A basic string of TOML.
fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
