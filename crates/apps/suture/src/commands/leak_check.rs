//! `suture leak-check`: gathers what must not be told, and looks for it in files.

use std::path::{Path, PathBuf};

use serde::Serialize;
use suture_advisory::leak::{Closed, Finding, Findings, Secrets, Watch};
use suture_bundle::Digest;
use suture_delta::page::{Look, Page, Tone};

use super::secrets;
use crate::act::{Act, content};
use crate::args::leak_check::LeakCheckArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// Longest file that is looked through, in bytes.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// Most files.
const FILES_MAX: usize = 100_000;
/// Longest fix, in bytes.
const FIX_BYTES_MAX: u64 = 16 << 20;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    /// How many terms were looked for.
    terms: usize,
    /// How many files were looked through.
    files: usize,
    /// How many findings there are; the list ends at a limit.
    count: usize,
    findings: &'a [Finding],
    /// What could not be looked into.
    closed: &'a [Closed],
}

pub(super) fn run(args: &LeakCheckArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let watch = Watch::new(&secrets(args)?).map_err(|why| {
        Failure::usage("there is too much to look for").why(&why).help("check in several runs")
    })?;
    if watch.is_empty() {
        return Err(Failure::usage("there is nothing to look for")
            .help("say what must not be told with --case, --delta, --fix or --term"));
    }
    let mut gathered = Gathered::default();
    for named in &args.files {
        gathered.collect(named, named)?;
    }
    let mut found = Findings::default();
    let mut digests = Vec::new();
    for file in &gathered.files {
        let bytes = files::read_bytes_up_to(file, "the file", FILE_BYTES_MAX)?;
        digests.push(format!("{}\n", Digest::of(&bytes)));
        watch.look(&file.to_string_lossy(), &bytes, &mut found);
    }
    for (link, target) in &gathered.links {
        watch.look(&link.to_string_lossy(), target.as_os_str().as_encoded_bytes(), &mut found);
    }
    for (file, kind) in &gathered.closed {
        found.close(Closed { file: file.to_string_lossy().into_owned(), member: None, kind });
    }
    if gathered.files.is_empty() && found.count == 0 && found.closed.is_empty() {
        return Err(Failure::usage("there is nothing to look through")
            .why(&format!("there is no file in what was named, and {} links", gathered.links.len()))
            .help("name files, or a directory that has some"));
    }
    let files = &gathered.files;
    act.on(content("files", digests.concat().as_bytes()));
    act.count("files", files.len());
    act.count("findings", found.count);
    if found.count > 0 {
        act.ends("leaks");
    } else if !found.closed.is_empty() {
        act.ends("closed");
    }
    let document = Document {
        schema: 1,
        terms: watch.len(),
        files: files.len(),
        count: found.count,
        findings: &found.findings,
        closed: &found.closed,
    };
    console.answer(&document, |look| page(&document, look))?;
    Ok(if found.count == 0 && found.closed.is_empty() { Exit::Done } else { Exit::PolicyRefused })
}

/// What must not be told.
fn secrets(args: &LeakCheckArgs) -> Result<Secrets, Failure> {
    let texts = |lines: &[suture_case::values::Line]| lines.iter().map(ToString::to_string).collect();
    let mut secrets = Secrets { more: texts(&args.term), known: texts(&args.known), ..Secrets::default() };
    for named in &args.case {
        secrets::of_case(named, &args.cases, &mut secrets)?;
    }
    for path in &args.delta {
        let (delta, _, _) = files::read_delta(path)?;
        secrets::of_delta(&delta, &mut secrets);
    }
    for path in &args.fix {
        secrets.fixes.push(files::read_text_up_to(path, "the fix", FIX_BYTES_MAX)?);
    }
    Ok(secrets)
}

/// What is to be looked through.
#[derive(Default)]
struct Gathered {
    files: Vec<PathBuf>,
    /// Links, and where they lead: a name like another. What they lead to is looked through where it is.
    links: Vec<(PathBuf, PathBuf)>,
    /// What can't be read as a file, and why.
    closed: Vec<(PathBuf, &'static str)>,
}

impl Gathered {
    /// The file, or all files in the directory, in the order of their names. Links in directories are not followed; what they lead to
    /// has to be below `top`, or is not seen.
    fn collect(&mut self, named: &Path, top: &Path) -> Result<(), Failure> {
        let unreadable = |error: &std::io::Error| {
            Failure::usage(format!("`{}` can't be looked through", named.display())).why(error)
        };
        if self.files.len() + self.links.len() >= FILES_MAX {
            return Err(Failure::usage(format!("more than {FILES_MAX} files")).help("check in several runs"));
        }
        if !named.is_dir() {
            self.files.push(named.to_owned());
            return Ok(());
        }
        let entries = std::fs::read_dir(named).map_err(|error| unreadable(&error))?;
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(&error))?;
        let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
        paths.sort_unstable();
        for path in paths {
            let kind = path.symlink_metadata().map_err(|error| unreadable(&error))?.file_type();
            if kind.is_symlink() {
                self.link(path, top)?;
            } else if kind.is_dir() || kind.is_file() {
                self.collect(&path, top)?;
            } else {
                self.closed.push((path, "no file"));
            }
        }
        Ok(())
    }

    fn link(&mut self, path: PathBuf, top: &Path) -> Result<(), Failure> {
        let unreadable =
            |error| Failure::usage(format!("the link `{}` can't be read", path.display())).why(&error);
        let target = std::fs::read_link(&path).map_err(unreadable)?;
        // One that leads nowhere has nothing but its name.
        let leads_out = path
            .canonicalize()
            .is_ok_and(|target| top.canonicalize().is_ok_and(|top| !target.starts_with(top)));
        if leads_out {
            self.closed.push((path.clone(), "a link to something else, which is not followed"));
        }
        self.links.push((path, target));
        Ok(())
    }
}

/// Where something is that can't be looked into.
pub(super) fn place_of(closed: &Closed) -> String {
    match &closed.member {
        None => closed.file.clone(),
        Some(member) => format!("{} ({member} in it)", closed.file),
    }
}

fn page(document: &Document<'_>, look: &Look) -> String {
    let mut page = Page::new(*look);
    let count = |number: usize, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    };
    let looked = format!(
        "{} looked through for {}",
        count(document.files, "file", "files"),
        count(document.terms, "term", "terms")
    );
    if document.count == 0 && document.closed.is_empty() {
        page.heading("nothing found");
    } else if document.count == 0 {
        page.heading("nothing found in what can be looked into");
    } else {
        page.heading(&count(document.count, "finding", "findings"));
    }
    page.prose(2, "", Tone::Plain, &looked);
    for finding in document.findings {
        let place = match finding.line {
            0 => format!("{} (its name)", finding.file),
            line => format!("{}:{line}", finding.file),
        };
        let encoded = if finding.encoded { ", encoded" } else { "" };
        page.prose(
            2,
            "-",
            Tone::Warn,
            &format!("{place}: `{}` {}{encoded}", finding.term, finding.why.words()),
        );
        if finding.line > 0 {
            page.prose(4, "|", Tone::Faint, &finding.excerpt);
        }
    }
    if document.count > document.findings.len() {
        page.prose(2, "-", Tone::Plain, "and more of the same");
    }
    for closed in document.closed {
        let words = format!("{}: {}; unpack it, or look through it yourself", place_of(closed), closed.kind);
        page.prose(2, "?", Tone::Warn, &words);
    }
    page.finish()
}
