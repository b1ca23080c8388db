//! `suture dossier new DELTA…`.

use std::path::Path;

use serde::Serialize;
use suture_bundle::Facts;
use suture_delta::page::counted;
use suture_dossier::{Dossier, Draft, lint};

use super::provenance;
use crate::act::{Act, content};
use crate::args::DossierNewArgs;
use crate::commands::{bundle, case};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

#[derive(Serialize)]
struct Document {
    schema: u32,
    path: String,
    /// How many answers are still to be given.
    gaps: usize,
}

pub(super) fn run(args: &DossierNewArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    if args.output.exists() && !is_same(args.from.as_deref(), &args.output) {
        return Err(Failure::usage(format!("`{}` is there already", args.output.display()))
            .why("what people have answered in it would be lost")
            .help("name another file with -o, or take its answers over with --from"));
    }
    let deltas = bundle::read_deltas(&args.deltas)?;
    for delta in &deltas {
        act.on(delta.subject());
    }
    if let Some(id) = &args.case {
        act.on(case::subject(&args.place.cases, id)?);
    }
    let facts: Vec<Facts> = deltas.iter().map(bundle::DeltaFile::facts).collect();
    let mut origins = provenance::read(&args.provenance)?;
    let earlier = args.from.as_deref().map(super::read).transpose()?;
    let known = args.case.as_ref().map(|id| super::record::of_case(&args.place.cases, id)).transpose()?;
    let draft = Draft {
        deltas: facts.iter().map(|facts| (facts, origins.remove(&facts.id))).collect(),
        case: known.as_ref(),
        earlier: earlier.as_ref().map(|source| &source.dossier.answers),
    };
    let text = suture_dossier::draft(&draft);
    if let Some(id) = origins.keys().next() {
        return Err(Failure::usage("a record of a build is not about these deltas")
            .why(&format!("it is about delta {id}"))
            .help("give the document that `suture build --json` printed when it made the delta"));
    }
    let dossier = Dossier::parse(&text)
        .map_err(|error| Failure::unexpected("the draft can't be read back").why(&error))?;
    act.on(content("dossier", text.as_bytes()));
    files::write(&args.output, text.as_bytes())?;
    let gaps = lint(&dossier, Some(&facts)).len();
    act.count("gaps", gaps);
    let document = Document { schema: 1, path: args.output.display().to_string(), gaps };
    console.answer(&document, |_| {
        let lint = format!("`suture dossier lint {}` lists them", document.path);
        format!("{}: {} to be answered; {lint}\n", document.path, counted(gaps, "gap"))
    })?;
    Ok(Exit::Done)
}

fn is_same(from: Option<&Path>, output: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    from.is_some_and(|from| whole(from).is_some_and(|from| whole(output) == Some(from)))
}
