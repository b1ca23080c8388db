//! `suture audit verify`: a log, an export or a proof, with public keys alone.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use serde::Serialize;
use suture_delta::page::{Look, Page, grouped};
use suture_log::{
    Acceptance, Auditor, ConsistencyFile, Entry, ExportReader, ExportRecord, Finding, Policy, ProofFile,
    SignedCheckpoint, Time, Verdict,
};
use suture_tiles::{AuditError, Error, Reader};

use super::unrecorded::{self, Waiting};
use super::{checkpoint, directory, log_key, policy};
use crate::args::audit::{LogTrustArgs, VerifyArgs};
use crate::audit::unusable;
use crate::console::{Console, Progress};
use crate::exit::Exit;
use crate::failure::Failure;

/// What was verified; with a finding, what was not.
#[derive(Serialize)]
struct Document {
    schema: u32,
    /// `log`, `entry` or `consistency`.
    what: &'static str,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<FoundLine>,
    origin: Option<String>,
    size: Option<u64>,
    root: Option<String>,
    /// Time of the last entry.
    last: Option<Time>,
    witnesses: Vec<WitnessLine>,
    /// What the log does not have yet.
    #[serde(flatten)]
    waiting: Waiting,
    /// The entry that a proof proves.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<Entry>,
}

#[derive(Serialize)]
struct FoundLine {
    code: &'static str,
    /// First and last entry that it is about.
    entries: Option<(u64, u64)>,
    message: String,
    help: &'static str,
}

#[derive(Serialize)]
struct WitnessLine {
    name: String,
    /// Seconds since 1970.
    at: u64,
}

/// Why nothing was verified.
enum NotVerified {
    Found(Finding),
    Failure(Failure),
}

impl From<Finding> for NotVerified {
    fn from(finding: Finding) -> Self {
        Self::Found(finding)
    }
}

impl From<Failure> for NotVerified {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

pub(super) fn run(args: &VerifyArgs, console: &Console) -> Result<Exit, Failure> {
    let policy = trust(&args.trust)?;
    let path = directory(args.what.as_ref())?;
    let since = args.since.iter().map(|path| checkpoint(path)).collect::<Result<Vec<_>, _>>()?;
    let progress = Progress::start("checking every entry");
    let verified = verify(&path, &policy, since);
    drop(progress);
    match verified {
        Ok(document) => {
            let waiting = unrecorded::of(&path, console);
            let document = Document { waiting, ..document };
            console.answer(&document, |look| text(&document, look))?;
            Ok(Exit::Done)
        }
        Err(NotVerified::Failure(failure)) => Err(failure),
        Err(NotVerified::Found(finding)) => refuse(&finding, &path, console),
    }
}

fn refuse(finding: &Finding, path: &Path, console: &Console) -> Result<Exit, Failure> {
    let failure = Failure::refused(format!("`{}` is not what its keys vouch for", path.display()))
        .why(finding)
        .help(finding.help());
    if !console.is_json() {
        return Err(failure);
    }
    let found = FoundLine {
        code: finding.code(),
        entries: finding.entries(),
        message: finding.to_string(),
        help: finding.help(),
    };
    let document = Document { finding: Some(found), verified: false, ..Document::new("log") };
    console.answer(&document, |_| String::new())?;
    console.explain(&failure);
    Ok(failure.exit())
}

fn trust(args: &LogTrustArgs) -> Result<Policy, Failure> {
    match (&args.key, &args.policy) {
        (_, Some(path)) => policy(path),
        (Some(key), None) => log_key(key).map(Policy::of_log),
        (None, None) => Err(Failure::usage("no key is given").help("give --key or --policy")),
    }
}

fn verify(path: &Path, policy: &Policy, since: Vec<SignedCheckpoint>) -> Result<Document, NotVerified> {
    if path.is_dir() {
        let reader = Reader::open(path).map_err(|error| unusable(path, &error))?;
        return match suture_tiles::audit(&reader, policy, since) {
            Ok(verdict) => Ok(Document::of_log(&verdict)),
            Err(AuditError::Found(finding)) => Err(finding.into()),
            Err(AuditError::Unreadable(error @ (Error::Damaged { .. } | Error::Text { .. }))) => {
                let what = format!("`{}` is not what its keys vouch for", path.display());
                Err(Failure::refused(what).why(&error).help(error.help()).into())
            }
            Err(AuditError::Unreadable(error)) => Err(unusable(path, &error).into()),
        };
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("`{}` can't be read", path.display())).why(&error)
    };
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut begin = Vec::new();
    let limit = suture_log::PROOF_BYTES_MAX as u64 + 1;
    file.by_ref().take(limit).read_to_end(&mut begin).map_err(|error| unreadable(&error))?;
    if ProofFile::is_one(&begin) {
        return inclusion(path, &begin, policy);
    }
    if ConsistencyFile::is_one(&begin) {
        return consistency(path, &begin, policy, &since);
    }
    export(path, BufReader::new(begin.as_slice().chain(file)), policy, since)
}

/// In one pass, with one entry at a time in memory.
fn export(
    path: &Path,
    source: impl std::io::BufRead,
    policy: &Policy,
    since: Vec<SignedCheckpoint>,
) -> Result<Document, NotVerified> {
    let unreadable = |error: suture_log::ExportError| {
        let failure =
            Failure::usage(format!("`{}` is no export that can be read", path.display())).why(&error);
        match &error {
            suture_log::ExportError::Text(text) => failure.help(text.help()),
            suture_log::ExportError::Io(_) => failure,
        }
    };
    let mut reader = ExportReader::new(source).map_err(unreadable)?;
    let mut auditor = Auditor::new(policy, since)?;
    while let Some(record) = reader.next_record().map_err(unreadable)? {
        match record {
            ExportRecord::Entry { index, leaf, entry } => drop(auditor.numbered_entry(index, &entry, leaf)?),
            ExportRecord::Checkpoint(signed) => auditor.checkpoint(*signed)?,
        }
    }
    Ok(Document::of_log(&auditor.finish()?))
}

/// A proof carries its entry as extra data.
fn inclusion(path: &Path, bytes: &[u8], policy: &Policy) -> Result<Document, NotVerified> {
    let wrong = || Failure::refused(format!("`{}` proves nothing", path.display()));
    let proof = ProofFile::parse(bytes).map_err(|error| unparsed(path, &error))?;
    let acceptance = policy.judge(&proof.checkpoint).map_err(Finding::from)?;
    let bytes = proof.extra.as_deref().ok_or_else(|| wrong().why("the entry is not in it"))?;
    proof.verify(bytes).map_err(|error| wrong().why(&format!("entry {}: {error}", proof.index)))?;
    let entry = Entry::parse(bytes).map_err(|why| Finding::Malformed { index: proof.index, why })?;
    let document = Document::new("entry").signed(&proof.checkpoint, acceptance);
    Ok(Document { index: Some(proof.index), entry: Some(entry), ..document })
}

fn consistency(
    path: &Path,
    bytes: &[u8],
    policy: &Policy,
    since: &[SignedCheckpoint],
) -> Result<Document, NotVerified> {
    let proof = ConsistencyFile::parse(bytes).map_err(|error| unparsed(path, &error))?;
    let acceptance = policy.judge(&proof.checkpoint).map_err(Finding::from)?;
    let old = since.iter().find(|kept| kept.checkpoint().size == proof.old_size).ok_or_else(|| {
        Failure::usage(format!(
            "`{}` goes on from {} entries, which is not known",
            path.display(),
            proof.old_size
        ))
        .help("name the checkpoint of that size with --since")
    })?;
    policy.judge_signatures(old).map_err(Finding::from)?;
    proof
        .verify(old.checkpoint().root)
        .map_err(|error| Failure::refused(format!("`{}` proves nothing", path.display())).why(&error))?;
    Ok(Document::new("consistency").signed(&proof.checkpoint, acceptance))
}

fn unparsed(path: &Path, error: &suture_log::TextError) -> Failure {
    Failure::usage(format!("`{}` can't be used", path.display())).why(error).help(error.help())
}

impl Document {
    fn new(what: &'static str) -> Self {
        Self {
            schema: 1,
            what,
            verified: true,
            finding: None,
            origin: None,
            size: None,
            root: None,
            last: None,
            witnesses: Vec::new(),
            waiting: Waiting::default(),
            index: None,
            entry: None,
        }
    }

    fn of_log(verdict: &Verdict) -> Self {
        let document = Self::new("log").signed(&verdict.checkpoint, verdict.acceptance.clone());
        Self { last: verdict.last_time, ..document }
    }

    fn signed(self, signed: &SignedCheckpoint, acceptance: Acceptance) -> Self {
        let tree = signed.checkpoint();
        let witnesses = acceptance.witnesses.into_iter().map(|(name, at)| WitnessLine { name, at });
        Self {
            origin: Some(tree.origin.clone()),
            size: Some(tree.size),
            root: Some(tree.root.to_string()),
            witnesses: witnesses.collect(),
            ..self
        }
    }
}

fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    let (origin, size) = (document.origin.as_deref().unwrap_or_default(), document.size.unwrap_or_default());
    match (&document.entry, document.index) {
        (Some(entry), Some(index)) => {
            page.line(&format!(
                "entry {index} is in {origin}: {} by {} on {}",
                entry.act, entry.actor.name, entry.when
            ));
        }
        _ if document.what == "consistency" => {
            page.line(&format!("{origin} went on to {} entries", grouped(size)));
        }
        _ => {
            page.line(&format!("all {} entries of {origin} are as they were signed", grouped(size)));
        }
    }
    if let Some(last) = document.last {
        page.line(&format!("the last one is of {last}"));
    }
    for witness in &document.witnesses {
        let at =
            i64::try_from(witness.at).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let at = at.map_or_else(|| witness.at.to_string(), |at| at.to_string());
        page.line(&format!("witnessed by {} at {at}", witness.name));
    }
    unrecorded::show(&document.waiting, &mut page);
    page.finish()
}
