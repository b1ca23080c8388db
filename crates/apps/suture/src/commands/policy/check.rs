//! `suture policy check BUNDLE`: the question of `apply`, asked without touching anything.

use jiff::Timestamp;
use suture_clearance::Use;

use super::{decision, summary};
use crate::act::Act;
use crate::args::PolicyCheckArgs;
use crate::commands::subject;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::statement_file::StatementFile;
use crate::{freshness, permission, trust_dir};

pub(super) fn run(args: &PolicyCheckArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let directory = trust_dir::find(args.trust.trust.as_deref()).ok_or_else(|| {
        Failure::usage("there is no trust root to ask")
            .why("no trust directory is named, and this machine has none")
            .help("name one with --trust, or set SUTURE_TRUST_DIR")
    })?;
    let authority = trust_dir::read(&directory)?;
    let patch = permission::read_patch(&args.file)?;
    act.on(subject(&patch));
    act.flag("dark", args.dark);
    freshness::require(&directory, &args.file)?;
    let case = permission::case_of(&patch, &args.trust)?;
    // A key that can't sign is told before the question is asked.
    let key = summary::signer(args, &authority)?;
    let wanted = Use::Run { dark: args.dark };
    let statements = StatementFile::of(&args.file, args.statements.as_deref());
    let clearance = permission::ask(&authority, &patch, &args.file, &statements, &wanted, case.as_ref())?;
    let key = key.filter(|_| clearance.decision.allowed);
    let signed = key.map(|key| summary::sign(args, &authority, &patch, &clearance, &*key, act));
    let about = decision::About::new(&clearance.ask, &clearance.facts.digest)
        .with_class_because(suture_clearance::because(&patch))
        .with_summary(signed.transpose()?)
        .with_refusals(&clearance.refusals)
        .with_rejected(&clearance.verified.rejected)
        .with_left_out(clearance.left_out)
        .with_absent(statements.absent());
    let strangers = authority.pack.strangers(&authority.principals(Timestamp::now()));
    decision::answer(&about, &clearance.decision, &strangers, console)
}
