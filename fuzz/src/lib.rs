//! What must hold for any bytes: the bodies of the fuzz targets.
//!
//! ```text
//!  cargo +nightly fuzz run --features libfuzzer delta_read      search for new inputs
//!  cargo test -p suture-fuzz                                    every input that was kept
//! ```
//!
//! An input that has found a defect is kept in `corpus/TARGET/` with the mending commit.
#![forbid(unsafe_code)]

use suture_advisory::leak::{Findings, Secrets, Watch};
use suture_advisory::{Advisory, csaf, html, markdown, openvex, osv};
use suture_case::names::VulnerabilityId;
use suture_case::table::{Table, built_in};
use suture_case::timeline::Timeline;
use suture_case::{Case, CaseError, classify, epss, kev};
use suture_delta::Options;
use suture_delta::compare::{Debug, compare};
use suture_delta::format;
use suture_delta::inspect;
use suture_delta::page::Look;
use suture_elf::Build;
use suture_elf::debug::{DebugInfo, DebugSections};

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

fn debug_info<'s>(sections: Option<&'s DebugSections<'_>>) -> Option<DebugInfo<'s>> {
    sections.and_then(|sections| DebugInfo::new(sections).ok())
}

/// An error is one sentence that can be shown on a terminal.
fn check_sentence(sentence: &str) {
    assert!(!sentence.is_empty() && !sentence.contains(char::is_control), "{sentence:?}");
}
