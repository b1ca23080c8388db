//! `suture dossier render FILE`.

use std::path::Path;

use serde::Serialize;
use suture_dossier::{Dossier, Format, Paper, Rendering, render};

use super::Source;
use crate::args::{DossierRenderArgs, FormatName, PaperName};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

#[derive(Serialize)]
struct Written {
    schema: u32,
    files: Vec<String>,
}

#[derive(Serialize)]
struct Printed {
    schema: u32,
    text: String,
}

pub(super) fn run(args: &DossierRenderArgs, console: &Console) -> Result<Exit, Failure> {
    let (dossier, source, bundle) = read(args)?;
    let rendering = Rendering { dossier: &dossier, source: &source, bundle: &bundle };
    let text = |paper, format| {
        render(&rendering, paper, format)
            .map_err(|error| Failure::unexpected("the paper can't be rendered").why(&error))
    };
    let papers = match args.paper {
        Some(PaperName::Dossier) => vec![Paper::Dossier],
        Some(PaperName::Runbook) => vec![Paper::Runbook],
        None => vec![Paper::Dossier, Paper::Runbook],
    };
    let formats = match args.format {
        Some(FormatName::Markdown) => vec![Format::Markdown],
        Some(FormatName::Html) => vec![Format::Html],
        None => vec![Format::Markdown, Format::Html],
    };
    let Some(directory) = &args.output else {
        let ([paper], [format]) = (papers.as_slice(), formats.as_slice()) else {
            return Err(Failure::usage("there is more than one paper to print")
                .help("choose one with --paper and --format, or write all of them with -o DIR"));
        };
        let document = Printed { schema: 1, text: text(*paper, *format)? };
        console.answer(&document, |_| document.text.clone())?;
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(directory).map_err(|error| {
        Failure::unexpected(format!("`{}` can't be made", directory.display())).why(&error)
    })?;
    let mut document = Written { schema: 1, files: Vec::new() };
    for paper in papers {
        for format in &formats {
            let path = directory.join(file_name(paper, *format));
            files::write(&path, text(paper, *format)?.as_bytes())?;
            document.files.push(path.display().to_string());
        }
    }
    console.answer(&document, |_| document.files.join("\n") + "\n")?;
    Ok(Exit::Done)
}

fn file_name(paper: Paper, format: Format) -> &'static str {
    match (paper, format) {
        (Paper::Dossier, Format::Markdown) => "dossier.md",
        (Paper::Dossier, Format::Html) => "dossier.html",
        (Paper::Runbook, Format::Markdown) => "runbook.md",
        (Paper::Runbook, Format::Html) => "runbook.html",
    }
}

/// The dossier, where it comes from, and what the bundle is called.
fn read(args: &DossierRenderArgs) -> Result<(Dossier, String, String), Failure> {
    let Source { dossier, digest, facts } = super::read(&args.file)?;
    let name = file_name_of(&args.file);
    Ok(match facts {
        Some(_) => (dossier, format!("bundle {digest}"), name),
        None => (dossier, format!("{name}, SHA-256 {digest}"), args.bundle.clone()),
    })
}

fn file_name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
