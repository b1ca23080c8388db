//! `suture sign`: one more statement about a file.
//!
//! Everything is read, decided and signed before anything is written.

mod provenance;
mod speech;
mod withdrawal;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use suture_bundle::begins_like_a_bundle;
use suture_delta::page::{INDENT, Look, Page, Tone};
use suture_trust::{Digest, Envelope, IN_TOTO, KeyId, Kind, Role, Signer, Statement, Subject};

use crate::act::{Act, content};
use crate::args::SignArgs;
use crate::commands::bundle;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::statement_file::StatementFile;
use crate::{files, signer, statement_file};
use speech::Speech;

#[derive(Serialize)]
struct Document {
    schema: u32,
    signed: Vec<Signed>,
    /// The salt of a commitment, which has to be kept.
    salt_file: Option<String>,
}

#[derive(Serialize)]
struct Signed {
    file: String,
    /// SHA-256 of the file.
    digest: Digest,
    kind: Kind,
    role: Role,
    key: KeyId,
    /// SHA-256 of the statement, by which a withdrawal names it.
    id: Digest,
    /// Where it was added.
    statements: String,
}

/// A file that is signed.
struct Target {
    path: PathBuf,
    subject: Subject,
    statements: StatementFile,
    is_bundle: bool,
    /// What it says itself, where that is said: how it was built.
    own: Vec<Map<String, Value>>,
}

impl Target {
    /// The file as others name it.
    fn acted_on(&self) -> suture_log::Subject {
        let kind = if self.is_bundle { "bundle" } else { "file" };
        suture_log::Subject::digest(kind, &self.subject.digest.to_string())
    }
}

pub(super) fn run(args: &SignArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let kind = kind(args)?;
    act.is_called(format!("sign.{kind}"));
    act.word("role", args.role.as_str());
    let now = Timestamp::now();
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let targets = args.files.iter().map(|file| target(file, kind, args)).collect::<Result<Vec<_>, _>>()?;
    for target in &targets {
        act.on(target.acted_on());
    }
    let speech = Speech::prepare(args, kind, now)?;
    let signer = match (&args.key, &args.agent) {
        (Some(file), _) => signer::from_file(file, &signer::passphrase_source())?,
        (None, asked) => signer::from_agent(asked.as_deref().unwrap_or_default())?,
    };
    act.by(signer.public_key().id().as_str());

    let mut ready = Vec::new();
    for target in &targets {
        let statements = speech.about(target, signer.public_key())?;
        let envelopes = statements.iter().map(|statement| sign(statement, &*signer));
        ready.push((target, envelopes.collect::<Result<Vec<_>, _>>()?));
    }
    for envelope in ready.iter().flat_map(|(_, envelopes)| envelopes) {
        act.on(content("statement", &envelope.payload));
    }
    let salt_file = speech.keep_salt()?;
    let mut document = Document { schema: 1, signed: Vec::new(), salt_file };
    for (target, envelopes) in ready {
        statement_file::append(target.statements.path(), &envelopes)?;
        document.signed.extend(envelopes.iter().map(|envelope| Signed {
            file: target.path.display().to_string(),
            digest: target.subject.digest,
            kind,
            role: args.role,
            key: signer.public_key().id(),
            id: Digest::of(&envelope.payload),
            statements: target.statements.path().display().to_string(),
        }));
    }
    console.answer(&document, |look| text(&document, look))?;
    Ok(Exit::Done)
}

/// What is said, and whether it can be said in that role.
fn kind(args: &SignArgs) -> Result<Kind, Failure> {
    let kind = match (args.refuse, &args.withdraw, args.says) {
        (true, _, _) => Some(Kind::Refused),
        (_, Some(_), _) => Some(Kind::Withdrawn),
        (_, _, Some(kind)) => Some(kind),
        _ => args.role.says(),
    };
    let kind = kind.ok_or_else(|| {
        Failure::usage(format!("a {} says nothing about files", args.role)).help("sign in another role")
    })?;
    if kind.roles().contains(&args.role) {
        return Ok(kind);
    }
    let roles: Vec<&str> = kind.roles().iter().map(|role| role.as_str()).collect();
    Err(Failure::usage(format!("`{kind}` can't be said as {}", args.role))
        .why("it would not count")
        .help(format!("it is said as {}", roles.join(" or "))))
}

/// A bundle that everybody refuses is signed by nobody, but to say that it must not run.
fn target(path: &Path, kind: Kind, args: &SignArgs) -> Result<Target, Failure> {
    let content = files::read(path, "the file")?;
    let is_bundle = begins_like_a_bundle(&content);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let statements = StatementFile::of(path, args.statements.as_deref());
    if !matches!(kind, Kind::Refused | Kind::Withdrawn)
        && (is_bundle || names_bundle(&name) || is_of_bundle(&statements)?)
    {
        bundle::require_sound(path, &content)?;
    }
    let subject = Subject { name, digest: Digest::of(&content) };
    let own = if kind == Kind::Built && args.predicate.is_none() {
        provenance::of_bundle(path, &content)?
    } else {
        Vec::new()
    };
    Ok(Target { path: path.to_owned(), subject, statements, is_bundle, own })
}

/// What is called a bundle is meant to be one, and damaged if it is none.
fn names_bundle(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "bundle")
}

/// Whether somebody has signed what is here as a bundle.
fn is_of_bundle(statements: &StatementFile) -> Result<bool, Failure> {
    if !statements.path().exists() {
        return Ok(false);
    }
    let mut found = false;
    statements.each(|envelope| {
        let statement = envelope.and_then(|envelope| Statement::parse(&envelope.payload).ok());
        let subjects = statement.map(|statement| statement.subjects).unwrap_or_default();
        found |= subjects.iter().any(|subject| names_bundle(&subject.name));
    })?;
    Ok(found)
}

/// What is signed is read once more as everybody will read it.
pub(super) fn sign(statement: &Statement, signer: &dyn Signer) -> Result<Envelope, Failure> {
    let payload = statement.to_json();
    Statement::parse(&payload).map_err(|error| {
        Failure::usage("that can't be said")
            .why(&error)
            .help("change the words, or the file with the predicate")
    })?;
    Envelope::sign(IN_TOTO, payload, signer)
        .map_err(|error| Failure::unexpected("nothing was signed").why(&error))
}

fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    for signed in &document.signed {
        let words = format!("{} {}, as {}", signed.file, signed.kind, signed.role);
        page.heading(&suture_delta::page::clean(&words));
        page.prose(INDENT, "", Tone::Plain, &format!("sha256 {}", signed.digest));
        page.prose(INDENT, "", Tone::Plain, &format!("with the key {}", signed.key));
        page.prose(INDENT, "", Tone::Plain, &format!("in {}", signed.statements));
        page.prose(INDENT, "", Tone::Faint, &format!("statement {}", signed.id));
    }
    if let Some(salt) = &document.salt_file {
        page.gap();
        page.prose(0, "", Tone::Warn, &format!("Keep {salt}: without it nobody can check the advisory."));
    }
    page.finish()
}
