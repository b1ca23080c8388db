//! `suture bundle create DELTA… --dossier FILE [--document FILE…] -o FILE`.

use std::path::{Path, PathBuf};

use serde::Serialize;
use suture_bundle::{Bundle, BundleError, Contents, DOSSIER, Digest, Facts, Member, MemberName, delta_name};
use suture_delta::Delta;
use suture_delta::format::{self, DeltaId, FormatError, Invalid, Rule};
use suture_delta::page::{Page, Tone, counted, grouped};
use suture_dossier::{Dossier, Finding, lint};
use suture_log::Subject;
use suture_trust::{Envelope, Statement};

use super::super::dossier;
use crate::act::{Act, content};
use crate::args::BundleCreateArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::statement_file::StatementFile;
use crate::{files, statement_file};

#[derive(Serialize)]
struct Document {
    schema: u32,
    /// SHA-256 of the bundle; `null` if it was not made.
    id: Option<String>,
    /// Where it was written.
    path: Option<String>,
    bytes: Option<usize>,
    /// What has to be answered first.
    gaps: Vec<Finding>,
}

/// A delta's file.
pub(in crate::commands) struct DeltaFile {
    pub(in crate::commands) delta: Delta,
    pub(in crate::commands) id: DeltaId,
    pub(in crate::commands) bytes: Vec<u8>,
}

impl DeltaFile {
    /// What is in it.
    pub(in crate::commands) fn facts(&self) -> Facts {
        Facts::of(&self.delta, &self.id, self.bytes.len())
    }

    /// The delta, as something that is acted on.
    pub(in crate::commands) fn subject(&self) -> Subject {
        Subject::digest("delta", &self.id.to_string())
    }
}

pub(super) fn run(args: &BundleCreateArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let deltas = read_deltas(&args.deltas)?;
    let dossier = files::read_text(&args.dossier, "the dossier")?;
    act.on_each(deltas.iter().map(DeltaFile::subject));
    act.on(content("dossier", dossier.as_bytes()));
    let gaps = gaps(&args.dossier, &dossier, &deltas)?;
    if !gaps.is_empty() {
        let document = Document { schema: 1, id: None, path: None, bytes: None, gaps };
        console.answer(&document, |look| {
            let mut page = Page::new(*look);
            let what =
                format!("no bundle is made before {} answered", dossier::are_gaps(document.gaps.len()));
            page.prose(0, "REFUSED:", Tone::Bad, &what);
            dossier::gaps(&document.gaps, &args.dossier, &mut page);
            page.finish()
        })?;
        act.ends("gaps");
        act.count("gaps", document.gaps.len());
        return Ok(Exit::PolicyRefused);
    }
    let documents = read_documents(&args.documents)?;
    let bytes = bundle(&deltas, &dossier, &documents)?;
    act.on(content("bundle", &bytes));
    keep_what_is_there(&args.output, &bytes)?;
    files::write(&args.output, &bytes)?;
    let (id, path) = (Digest::of(&bytes).to_string(), args.output.display().to_string());
    let document = Document { schema: 1, id: Some(id), path: Some(path), bytes: Some(bytes.len()), gaps };
    console.answer(&document, |_| {
        let id = document.id.as_deref().unwrap_or_default();
        format!("bundle {id}\n  {} bytes, {}\n", grouped(bytes.len() as u64), args.output.display())
    })?;
    Ok(Exit::Done)
}

/// What people have signed is not replaced, and no statements about one bundle come to lie beside another; nor is a file replaced
/// that is no bundle.
fn keep_what_is_there(output: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let taken = |path: &Path, why: &str, help: &str| {
        Err(Failure::usage(format!("`{}` is there already", path.display())).why(why).help(help))
    };
    let is_old = output.is_file() && output.metadata().is_ok_and(|old| old.len() > 0);
    if is_old && !files::is_bundle(output)? {
        return taken(output, "it is no bundle", "name another file with -o");
    }
    if is_old && files::read_bundle(output)? == bytes {
        return Ok(());
    }
    let id = Digest::of(bytes);
    let is_about = |envelope: &Envelope| {
        Statement::parse(&envelope.payload).is_ok_and(|statement| statement.is_about(id))
    };
    // What is written to is where a link leads.
    let target = output.canonicalize().unwrap_or_else(|_| output.to_owned());
    for file in [output, target.as_path()] {
        for beside in [statement_file::beside(file), statement_file::summary_beside(file)] {
            let mut is_kept = true;
            let said = StatementFile::perhaps(beside);
            said.each(|envelope| is_kept &= envelope.is_some_and(is_about))?;
            if !is_kept {
                let why = "not all in it is about the bundle that would be written, and what is about another would be about none \
                           that is left";
                let help = "name another file with -o, or move bundle and statements away together";
                return taken(said.path(), why, help);
            }
        }
    }
    Ok(())
}

/// The deltas of these files, each once.
pub(in crate::commands) fn read_deltas(paths: &[PathBuf]) -> Result<Vec<DeltaFile>, Failure> {
    let mut deltas: Vec<DeltaFile> = Vec::with_capacity(paths.len());
    for path in paths {
        let bytes = files::read_delta_bytes(path)?;
        let delta = format::read(&bytes).map_err(|error| unusable(path, &error))?;
        let id = format::id(&bytes);
        if deltas.iter().all(|known| known.id != id) {
            deltas.push(DeltaFile { delta, id, bytes });
        }
    }
    Ok(deltas)
}

fn unusable(path: &Path, error: &FormatError) -> Failure {
    let failure = match error {
        FormatError::Invalid(Invalid { rule: Rule::NotHot, .. }) => {
            Failure::not_hot(format!("`{}` is no hot patch", path.display()))
        }
        _ => Failure::usage(format!("`{}` is no delta that can be used", path.display())),
    };
    failure.why(error).help(error.help())
}

fn gaps(path: &Path, text: &str, deltas: &[DeltaFile]) -> Result<Vec<Finding>, Failure> {
    let dossier = Dossier::parse(text).map_err(|error| dossier::unusable(path, &error))?;
    let facts: Vec<Facts> = deltas.iter().map(DeltaFile::facts).collect();
    Ok(lint(&dossier, Some(&facts)))
}

/// Documents under their own names.
fn read_documents(paths: &[PathBuf]) -> Result<Vec<(MemberName, Vec<u8>)>, Failure> {
    let read = |path: &PathBuf| {
        let file_name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let name = MemberName::new(&format!("documents/{file_name}")).map_err(|rule| {
            Failure::usage(format!("the document `{}` can't keep its name in a bundle", path.display()))
                .why(&rule)
                .help("give it a name of letters and digits of ASCII, `.`, `_`, `+` and `-`")
        })?;
        Ok((name, files::read_document(path)?))
    };
    paths.iter().map(read).collect()
}

fn bundle(
    deltas: &[DeltaFile],
    dossier: &str,
    documents: &[(MemberName, Vec<u8>)],
) -> Result<Vec<u8>, Failure> {
    let failure = |why: &dyn std::fmt::Display, help: &str| {
        Failure::usage("no bundle can be made of these files").why(&why.to_string()).help(help)
    };
    let name = |name: Result<MemberName, suture_bundle::NameRule>| {
        name.map_err(|rule| Failure::unexpected("a member can't be named").why(&rule))
    };
    let mut members = vec![Member { name: name(MemberName::new(DOSSIER))?, content: dossier.as_bytes() }];
    for file in deltas {
        members.push(Member { name: name(delta_name(&file.delta, &file.id))?, content: &file.bytes });
    }
    members.extend(documents.iter().map(|(name, content)| Member { name: name.clone(), content }));
    let bundle = Bundle::new(members).map_err(|error| failure(&error, error.help()))?;
    Contents::read(&bundle).map_err(|error| failure(&error, error.help()))?;
    let bytes = bundle.write().map_err(|error| failure(&error, error.help()))?;
    read_back(&bundle, &bytes)?;
    Ok(bytes)
}

/// What is written must be what others will read.
fn read_back(bundle: &Bundle<'_>, bytes: &[u8]) -> Result<(), Failure> {
    let again: Result<Bundle<'_>, BundleError> = Bundle::read(bytes);
    if again.as_ref() == Ok(bundle) {
        return Ok(());
    }
    Err(Failure::unexpected(format!(
        "the bundle of {} can't be read back",
        counted(bundle.members().len(), "member")
    ))
    .help("nothing was written; this is a defect of suture that should be reported"))
}
