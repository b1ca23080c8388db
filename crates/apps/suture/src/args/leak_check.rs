//! `suture leak-check`: what is public must not give a hole away before its time.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use suture_case::values::Line;

/// Look through what is public for what gives a hole away before its time
///
/// What must not be told comes from the case (ids, title), from deltas (names of what they change, plain and demangled, source
/// files) and from the text of the fix. Files, their names, and what is encoded in them (base64, hexadecimal, escapes of
/// addresses, web pages and code, letters of two or four bytes) are looked through; spelling, case and line breaks don't matter. Words that
/// occur in every change log count only where they are an identifier or code. Directories are looked through with all that is in
/// them, tar archives too, and what gzip or zlib has packed is unpacked.
///
/// Whatever is neither text nor a program is named as what can't be looked into: what is packed otherwise has to be unpacked first,
/// and an image or a link out of a directory to be looked at.
///
/// Exits with 0 if there is nothing, and with 5 if there is or could be: the answer is as secret as what it has found.
#[derive(Debug, Args)]
pub(crate) struct LeakCheckArgs {
    /// What is public, or is going to be
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) files: Vec<PathBuf>,

    /// A case that is not public, or its directory; may be given several times
    #[arg(long, value_name = "CASE")]
    pub(crate) case: Vec<PathBuf>,

    /// A delta that closes the hole; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) delta: Vec<PathBuf>,

    /// The fix, as `git diff` or `diff -u` writes it; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) fix: Vec<PathBuf>,

    /// Something else that must not be told; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub(crate) term: Vec<Line>,

    /// Something that everybody knows, and that gives nothing away; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub(crate) known: Vec<Line>,

    /// The directory that has one directory for each case
    #[arg(long, value_name = "DIR", default_value = "cases", value_hint = ValueHint::DirPath)]
    pub(crate) cases: PathBuf,
}
