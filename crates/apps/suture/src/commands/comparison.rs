//! What `diff` and `build` have in common: two linked builds in, a report and perhaps a delta out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use suture_bundle::Digest;
use suture_delta::compare::{self, Comparison, Debug};
use suture_delta::critical::Marks;
use suture_delta::format;
use suture_delta::refusal::{Refusal, RefusalCode};
use suture_delta::report::{Report, Verdict};
use suture_delta::{DataAction, Earlier, Options, inspect};
use suture_elf::debug::{DebugInfo, DebugSections};
use suture_elf::{Build, ElfError};
use suture_toolchain::Provenance;

use super::dossier::Record;
use crate::args::ComparisonArgs;
use crate::console::{Console, Progress};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// A linked build, as a file.
pub(super) struct BuildFile<'a> {
    pub(super) path: &'a Path,
    pub(super) content: &'a [u8],
}

/// The document of `diff` and `build` (DESIGN §8).
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    /// SHA-256 of the delta; `null` if there is none.
    id: Option<String>,
    #[serde(flatten)]
    report: &'a Report,
    /// Of `build`.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Record>,
}

/// Compares, writes the delta to `output` if there is one, and answers.
pub(super) fn run(
    old: &BuildFile<'_>,
    new: &BuildFile<'_>,
    args: &ComparisonArgs,
    output: Option<&Path>,
    console: &Console,
    provenance: Option<&Provenance>,
) -> Result<Exit, Failure> {
    let progress = Progress::start("comparing the two builds");
    let (marks, critical_sha256) = own_marks(args.critical.as_deref())?;
    let comparison = compare(old, new, &options(old, new, args, marks)?)?;
    drop(progress);
    let file = written(&comparison)?;
    let id = file.as_deref().map(format::id);
    if let (Some(file), Some(path)) = (&file, output) {
        files::write(path, file)?;
        tracing::info!(path = %path.display(), bytes = file.len(), "delta written");
    }
    let record =
        |builds: &Provenance| Record { builds: builds.clone(), choices: args.choices(), critical_sha256 };
    let document = Document {
        schema: 1,
        id: id.map(|id| id.to_string()),
        report: &comparison.report,
        provenance: provenance.map(record),
    };
    answer(&document, file.as_ref().map(Vec::len), output, console)
}

fn answer(
    document: &Document<'_>,
    file_len: Option<usize>,
    output: Option<&Path>,
    console: &Console,
) -> Result<Exit, Failure> {
    let report = document.report;
    console.answer(document, |look| {
        let text = inspect::report(report, look);
        let (Some(id), Some(len)) = (&document.id, file_len) else { return text };
        let place = output.map_or("not written; -o FILE writes it".to_owned(), |p| p.display().to_string());
        format!("{text}\ndelta {id}\n  {len} bytes, {place}\n")
    })?;
    Ok(match report.verdict {
        Verdict::Hot => Exit::Done,
        Verdict::FullUpdate => Exit::NotHot,
    })
}

/// The file of the delta, if there is one.
pub(super) fn written(comparison: &Comparison) -> Result<Option<Vec<u8>>, Failure> {
    comparison.delta.as_ref().map(format::write).transpose().map_err(|error| {
        Failure::unexpected("the delta can't be written down").why(&error).help(error.help())
    })
}

/// What differs between the two, and the delta if it can be hot.
pub(super) fn compare(
    old: &BuildFile<'_>,
    new: &BuildFile<'_>,
    options: &Options,
) -> Result<Comparison, Failure> {
    let builds = parse(old, "old").and_then(|old| Ok((old, parse(new, "new")?)));
    let (old_build, new_build) = match builds {
        Ok(builds) => builds,
        Err(Unusable::Foreign(refusal)) => return Ok(refused(*refusal)),
        Err(Unusable::Malformed(failure)) => return Err(failure),
    };
    let (old_sections, new_sections) = (debug_sections(&old_build, "old"), debug_sections(&new_build, "new"));
    let (old_info, new_info) =
        (debug_info(old_sections.as_ref(), "old"), debug_info(new_sections.as_ref(), "new"));
    let debug = Debug { old: old_info.as_ref(), new: new_info.as_ref() };
    Ok(compare::compare(&old_build, &new_build, debug, options))
}

fn debug_sections<'d>(build: &Build<'d>, role: &str) -> Option<DebugSections<'d>> {
    let sections = DebugSections::load(build);
    sections.inspect_err(|error| unreadable(role, error)).ok()
}

fn debug_info<'s>(sections: Option<&'s DebugSections<'_>>, role: &str) -> Option<DebugInfo<'s>> {
    let info = sections.map(DebugInfo::new).transpose().inspect_err(|error| unreadable(role, error));
    info.ok().flatten()
}

fn unreadable(role: &str, error: &dyn std::error::Error) {
    tracing::warn!("the {role} build's debug information can't be read: {error}");
}

/// The file in which a project says what is critical.
pub(super) const PROJECT_FILE: &str = "suture.toml";

/// The marks of the project, and what [`marks`] says of their file: the one that is named, or `suture.toml` here if there is
/// one.
fn own_marks(named: Option<&Path>) -> Result<(Marks, String), Failure> {
    let path = named.unwrap_or(Path::new(PROJECT_FILE));
    if named.is_none() && !path.exists() {
        return Ok((Marks::default(), String::new()));
    }
    marks(path)
}

/// The marks in a file, and its SHA-256.
pub(super) fn marks(path: &Path) -> Result<(Marks, String), Failure> {
    let text = files::read_text(path, "the file of critical marks")?;
    let marks = Marks::parse(&text).map_err(|error| {
        Failure::usage(format!("`{}` can't be used", path.display()))
            .why(&error)
            .help("see `suture diff --help` for what it may say")
    })?;
    Ok((marks, Digest::of(text.as_bytes()).to_string()))
}

/// What `args` and the project say of a comparison.
pub(super) fn options(
    old: &BuildFile<'_>,
    new: &BuildFile<'_>,
    args: &ComparisonArgs,
    marks: Marks,
) -> Result<Options, Failure> {
    let mut data = BTreeMap::new();
    for choice in &args.data {
        let action = if choice.overwrite { DataAction::Overwrite } else { DataAction::Keep };
        if data.insert(choice.name.clone(), action).is_some_and(|earlier| earlier != action) {
            return Err(Failure::usage(format!("--data says two things about `{}`", choice.name)));
        }
    }
    Ok(Options {
        data,
        converted_types: args.types.iter().map(|choice| choice.name.clone()).collect(),
        below: args.on.iter().map(|path| earlier(path)).collect::<Result<_, _>>()?,
        marks,
        ignored_symbols: args.ignore_symbol.iter().cloned().collect::<BTreeSet<_>>(),
        names: (file_name(old.path), file_name(new.path)),
    })
}

/// A patch on which the new one is to stand.
fn earlier(path: &Path) -> Result<Earlier, Failure> {
    let (delta, id, _) = files::read_delta(path)?;
    Ok(Earlier { id, delta })
}

/// Why a file can't be compared.
enum Unusable {
    /// It is a sound file of another kind: an answer.
    Foreign(Box<Refusal>),
    /// It can't be read: no answer.
    Malformed(Failure),
}

fn parse<'a>(file: &BuildFile<'a>, role: &str) -> Result<Build<'a>, Unusable> {
    Build::parse(file.content).map_err(|error| match error {
        ElfError::WrongArchitecture(_) | ElfError::NotLinked(_) => Unusable::Foreign(Box::new(Refusal {
            code: RefusalCode::WrongArchitecture,
            symbol: String::new(),
            file: file.path.display().to_string(),
            line: 0,
            message: format!("the {role} build is {error}"),
            help: "compare two executables or two shared libraries for x86-64 Linux".to_owned(),
        })),
        _ => Unusable::Malformed(
            Failure::usage(format!("the {role} build `{}` can't be read", file.path.display()))
                .why(&error)
                .help("name a linked executable or shared library"),
        ),
    })
}

fn refused(refusal: Refusal) -> Comparison {
    let reasons = vec![refusal.message.clone()];
    let report =
        Report { verdict: Verdict::FullUpdate, reasons, refusals: vec![refusal], ..Report::default() };
    Comparison { report, delta: None }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
