//! `suture reproduce BUNDLE --source DIR`: somebody else builds the deltas again, and signs that the same came out.
//!
//! ```text
//!  dossier in the bundle ─► order (which builds, with which fix) ─► rebuild ─► outcome of each delta, with what differs
//!  source tree ────────────────────────────────────────────────────┘              └─► statement, if all is the same
//! ```

mod order;
mod outcome;
mod page;
mod rebuild;
mod statement;

use serde::Serialize;
use suture_bundle::Digest;
use suture_log::Subject;

use self::outcome::{Outcome, State};
use self::statement::Signed;
use crate::act::{Act, content};
use crate::args::ReproduceArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{files, signer};

#[derive(Serialize)]
struct Document {
    schema: u32,
    /// SHA-256 of the bundle.
    id: Digest,
    /// Whether at least one delta came out the same, and none differently.
    same: bool,
    deltas: Vec<Outcome>,
    /// The statement, one for each build that was made; empty if none was signed.
    signed: Vec<Signed>,
}

pub(super) fn run(args: &ReproduceArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    statement::check_role(args.role)?;
    let bytes = files::read_bundle(&args.file)?;
    act.on(content("bundle", &bytes));
    let (bundle, contents) = super::bundle::open(&args.file, &bytes)?;
    let orders = order::orders(args, &bundle, &contents)?;
    // A key that can't be used is told before anybody waits for two builds.
    let signer = signer::named(args.signer.key.as_deref(), args.signer.agent.as_deref())?;
    act.sees_to_interruptions();
    let mut built = Vec::new();
    for order in &orders {
        built.push(rebuild::rebuild(order, args, &contents.deltas, console)?);
    }
    let mut outcomes: Vec<Outcome> = built.iter().flat_map(|built| built.outcomes.clone()).collect();
    let is_same = settle(&mut outcomes, args.deltas.is_empty());
    let mut document =
        Document { schema: 1, id: Digest::of(&bytes), same: is_same, deltas: outcomes, signed: Vec::new() };
    if let Some(signer) = signer.filter(|_| is_same) {
        act.by(signer.public_key().id().as_str());
        document.signed = statement::sign(args, &bytes, &built, &*signer)?;
        for signed in &document.signed {
            act.on(Subject::digest("statement", &signed.id.to_string()));
        }
    }
    console.answer(&document, |look| page::text(&document, look))?;
    Ok(if is_same { Exit::Done } else { Exit::PolicyRefused })
}

/// A bundle may have deltas for builds of other platforms. Where nobody asked for them, and the build of one came out the
/// same, the others are no failure.
fn settle(outcomes: &mut [Outcome], may_skip: bool) -> bool {
    let some_are_same = outcomes.iter().any(|outcome| outcome.state == State::Same);
    if may_skip && some_are_same {
        for outcome in outcomes.iter_mut().filter(|outcome| !outcome.fits) {
            outcome.state = State::AnotherBuild;
        }
    }
    some_are_same && outcomes.iter().all(|outcome| outcome.state != State::Different)
}
