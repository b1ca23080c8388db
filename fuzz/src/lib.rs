//! What must hold for any bytes: the bodies of the fuzz targets.
//!
//! ```text
//!  cargo +nightly fuzz run --features libfuzzer delta_read      search for new inputs
//!  cargo test -p suture-fuzz                                    every input that was kept
//! ```
//!
//! An input that has found a defect is kept in `corpus/TARGET/` with the mending commit.
#![forbid(unsafe_code)]

pub mod home;
pub mod trust;

use suture_advisory::leak::{Findings, Secrets, Watch};
use suture_advisory::{Advisory, csaf, html, markdown, openvex, osv};
use suture_case::names::VulnerabilityId;
use suture_case::table::{Table, built_in};
use suture_case::timeline::Timeline;
use suture_case::{Case, CaseError, classify, epss, kev};

use suture_bundle::{Bundle, Contents};
use suture_channel::name::Kind;
use suture_channel::{Lifetime, PublicKey, Recipients, parcel, show_root};
use suture_delta::Options;
use suture_delta::compare::{Debug, compare};
use suture_delta::format;
use suture_delta::inspect;
use suture_delta::page::Look;
use suture_dossier::{Dossier, Format, Paper, Rendering};
use suture_elf::Build;
use suture_elf::debug::{DebugInfo, DebugSections};
use suture_policy::{Pack, Source, example};

/// Any file as an advisory: it is one, which is rendered and written and read again as the same, or there is one error with a
/// place. As a text that is looked through for secrets it is looked through.
///
/// # Panics
/// If an advisory that is accepted can't be written and read again as the same, or an error has no place.
pub fn advisory_read(file: &[u8]) {
    let secrets = Secrets { symbols: vec!["strbuf_resize".to_owned()], ..Secrets::default() };
    if let Ok(watch) = Watch::new(&secrets) {
        watch.look("file", file, &mut Findings::default());
    }
    let Ok(text) = std::str::from_utf8(file) else { return };
    match Advisory::parse(text) {
        Ok(advisory) => {
            let written = advisory.to_text().expect("what was read can be written");
            assert_eq!(Advisory::parse(&written).as_ref(), Ok(&advisory));
            let _ = (csaf::csaf(&advisory), osv::osv(&advisory), openvex::openvex(&advisory));
            assert!(
                html::html(&advisory).ends_with("</html>\n")
                    && markdown::markdown(&advisory).starts_with("# ")
            );
        }
        Err(error) => assert!(error.line > 0 && error.column > 0 && !error.help.is_empty()),
    }
}

/// Any file as each of the texts of a case: it is one, which then can be written and classified, or there is one error.
///
/// # Panics
/// If a case that is accepted can't be written and read again as the same, or an error has no place.
pub fn case_read(file: &[u8]) {
    let Ok(text) = std::str::from_utf8(file) else { return };
    let cves: Vec<VulnerabilityId> = "CVE-2022-24834".parse().into_iter().collect();
    let check = |error: CaseError| {
        check_sentence(&error.to_string());
        assert!(error.line >= 1 && error.column >= 1 && !error.help.is_empty());
    };
    match Case::parse(text) {
        Ok(case) => {
            let written = case.to_text().expect("what was read can be written");
            assert_eq!(Case::parse(&written).as_ref(), Ok(&case));
            let edited = case.edit(text).expect("what was read can be edited");
            assert_eq!(Case::parse(&edited).as_ref(), Ok(&case));
            classify(&case, &built_in().expect("the tables that come with it"));
        }
        Err(error) => check(error),
    }
    match Timeline::parse(text) {
        Ok(timeline) => assert_eq!(timeline.text(), text),
        Err(error) => check(error),
    }
    kev::look_up(text, &cves).map_or_else(check, drop);
    epss::look_up(text, &cves).map_or_else(check, drop);
    Table::parse(text).map_or_else(check, drop);
}
use suture_log::{
    ConsistencyFile, Entry, ExportReader, Note, Policy, ProofFile, SignedCheckpoint, VerifierKey, tile,
};

/// Any file: it is a delta, which then has exactly these bytes and can be shown, or there is one error.
///
/// # Panics
/// If a file that is accepted does not mean its bytes, or breaks a rule that readers rely on.
pub fn delta_read(file: &[u8]) {
    match format::read(file) {
        Ok(delta) => {
            delta.validate().expect("what is read is valid");
            assert_eq!(format::write(&delta).as_deref(), Ok(file), "a delta has one spelling");
            let look = Look { width: Some(80), colour: true };
            let id = format::id(file);
            let text = inspect::delta(&delta, &id, file.len(), &look);
            assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\x1b'));
            let functions = inspect::disassemble(&delta, "", None).expect("no build, no other build");
            inspect::code(&functions, &look);
        }
        Err(error) => {
            check_sentence(&error.to_string());
            assert!(!error.help().is_empty());
        }
    }
}

/// Any pair of files: they are compared, or there is one error; a delta that comes of it is one that can be read.
///
/// A pair is the length of the old file, four bytes little-endian, then the two files.
///
/// # Panics
/// If the comparison makes a delta that is not valid, or a refusal that does not explain itself.
pub fn diff(pair: &[u8]) {
    let Some((len, files)) = pair.split_first_chunk() else { return };
    let old_len = (u32::from_le_bytes(*len) as usize).min(files.len());
    let (old, new) = files.split_at(old_len);
    let (old, new) = match (Build::parse(old), Build::parse(new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => return check_sentence(&error.to_string()),
    };
    let names = ("old".to_owned(), "new".to_owned());
    let options = Options { names, ..Options::default() };
    let (old_sections, new_sections) = (DebugSections::load(&old).ok(), DebugSections::load(&new).ok());
    let (old_info, new_info) = (debug_info(old_sections.as_ref()), debug_info(new_sections.as_ref()));
    let debug = Debug { old: old_info.as_ref(), new: new_info.as_ref() };
    let comparison = compare(&old, &new, debug, &options);
    inspect::report(&comparison.report, &Look::default());
    let Some(delta) = comparison.delta else {
        assert!(!comparison.report.refusals.is_empty(), "no delta and no reason");
        for refusal in &comparison.report.refusals {
            assert!(!refusal.message.is_empty() && !refusal.help.is_empty(), "{refusal:?}");
        }
        return;
    };
    let file = format::write(&delta).expect("a comparison makes valid deltas");
    assert_eq!(format::read(&file), Ok(delta.clone()));
    inspect::disassemble(&delta, "", Some(&old)).expect("the delta is for the old build");
}

/// Any text as rules and as example cases: they can be used, or there is one error with its place.
///
/// # Panics
/// If a pack is accepted that has no rule, or an error does not explain itself.
pub fn policy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Pack::load(&[Source { name: "rules.cedar", text: &text }]) {
        Ok(pack) => assert!(!pack.rules().is_empty()),
        Err(error) => {
            check_sentence(&error.to_string());
            check_sentence(&error.help);
        }
    }
    if let Err(error) = example::parse(&text) {
        check_sentence(&error.to_string());
    }
}

/// Any file: it is a bundle, which then has exactly these bytes, or there is one error. What is in it is a patch, or there is one
/// error more.
///
/// # Panics
/// If a file that is accepted has another spelling than its own.
pub fn bundle_read(file: &[u8]) {
    let bundle = match Bundle::read(file) {
        Ok(bundle) => bundle,
        Err(error) => {
            assert!(!error.help().is_empty());
            return check_sentence(&error.to_string());
        }
    };
    assert_eq!(bundle.write().as_deref(), Ok(file), "a bundle has one spelling");
    match Contents::read(&bundle) {
        Ok(contents) => {
            let found = suture_bundle::difference((&bundle, &contents), (&bundle, &contents));
            assert!(found.is_empty(), "a bundle is itself");
            dossier_read(contents.dossier.as_bytes());
        }
        Err(error) => {
            assert!(!error.help().is_empty());
            check_sentence(&error.to_string());
        }
    }
}

/// Any text: it is a dossier, which can be linted, rendered and drafted again, or there is one error.
///
/// # Panics
/// If a paper can't be rendered, or a draft of what was read can't be read.
pub fn dossier_read(text: &[u8]) {
    let dossier = match Dossier::parse(&String::from_utf8_lossy(text)) {
        Ok(dossier) => dossier,
        Err(error) => {
            assert!(!error.help().is_empty());
            return check_sentence(&error.to_string());
        }
    };
    for finding in suture_dossier::lint(&dossier, Some(&[])) {
        check_sentence(&finding.asks);
    }
    let rendering = Rendering { dossier: &dossier, source: "", bundle: "" };
    for paper in [Paper::Dossier, Paper::Runbook] {
        suture_dossier::render(&rendering, paper, Format::Html).expect("the templates fit every dossier");
    }
    let draft = suture_dossier::Draft { earlier: Some(&dossier.answers), ..Default::default() };
    Dossier::parse(&suture_dossier::draft(&draft)).expect("a draft is a dossier");
}

/// Any bytes as each of those that come to a channel or out of one: TUF's root, a parcel, names, keys, recipients.
///
/// # Panics
/// If a name that is accepted is written differently, or an error can't be shown.
pub fn channel_texts(file: &[u8]) {
    let check = |error: &dyn std::fmt::Display| check_sentence(&error.to_string());
    match show_root(file, jiff::Timestamp::UNIX_EPOCH) {
        Ok(overview) => assert_eq!(overview.roles.len(), 4),
        Err(error) => check(&error),
    }
    if let Err(error) = parcel::unpack(file) {
        check(&error);
    }
    let Ok(text) = std::str::from_utf8(file) else { return };
    match Kind::parse(text) {
        Ok(kind) => assert_eq!(kind.target(), text),
        Err(error) => check(&error),
    }
    let _ = Recipients::parse(text).inspect_err(|error| check(error));
    let _ = Lifetime::parse(text).inspect_err(|error| check(error));
    let _ = PublicKey::from_openssh(text).inspect_err(|error| check(error));
}

/// Any text as each of those that the audit log knows: it is one, which is then written as it was read, or there is one
/// error.
///
/// # Panics
/// If what is accepted has two spellings, or an error can't be shown.
pub fn log_texts(text: &[u8]) {
    match Note::parse(text) {
        Ok(note) => {
            assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
        }
        Err(error) => check_sentence(&error.to_string()),
    }
    if let Ok(signed) = SignedCheckpoint::parse(text) {
        assert_eq!(SignedCheckpoint::parse(signed.to_string().as_bytes()), Ok(signed));
    }
    match ProofFile::parse(text) {
        Ok(proof) => {
            assert_eq!(ProofFile::parse(proof.to_string().as_bytes()), Ok(proof.clone()));
            let _ = proof.verify(proof.extra.as_deref().unwrap_or_default());
        }
        Err(error) => check_sentence(&error.to_string()),
    }
    if let Ok(proof) = ConsistencyFile::parse(text) {
        let _ = proof.verify(proof.checkpoint.checkpoint().root);
    }
    match Entry::parse(text) {
        Ok(entry) => assert_eq!(entry.encode().as_deref(), Ok(text), "an entry has one spelling"),
        Err(error) => check_sentence(&error.to_string()),
    }
    if let Err(error) = Policy::parse(text) {
        check_sentence(&error.to_string());
    }
    if let Some(Err(error)) = str::from_utf8(text).ok().map(str::parse::<VerifierKey>) {
        check_sentence(&error.to_string());
    }
    let _ = tile::entries(text, tile::WIDTH as usize);
    let Ok(mut export) = ExportReader::new(text) else { return };
    while let Ok(Some(_)) = export.next_record() {}
}

fn debug_info<'s>(sections: Option<&'s DebugSections<'_>>) -> Option<DebugInfo<'s>> {
    sections.and_then(|sections| DebugInfo::new(sections).ok())
}

/// An error is one sentence that can be shown on a terminal.
fn check_sentence(sentence: &str) {
    assert!(!sentence.is_empty() && !sentence.contains(char::is_control), "{sentence:?}");
}
