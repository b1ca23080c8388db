//! `suture policy`: the rules that decide what may run, shown, tested and tried.

mod decision;
mod examples;
mod pack;
mod route;
mod show;

use crate::args::{PolicyArgs, PolicyCommand, PolicyRouteArgs, PolicyTryArgs};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use suture_policy::QuestionError;
use suture_policy::example::{self, Answer, Example};

pub(super) fn run(args: &PolicyArgs, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        PolicyCommand::Show(args) => show::run(args, console),
        PolicyCommand::Test(args) => examples::run(args, console),
        PolicyCommand::Try(args) => try_question(args, console),
        PolicyCommand::Route(args) => decide_route(args, console),
    }
}

fn try_question(args: &PolicyTryArgs, console: &Console) -> Result<Exit, Failure> {
    let pack = pack::load(args.policy.as_deref())?;
    let question = question(&args.file)?;
    answer(&question, &pack.pack, console)
}

fn decide_route(args: &PolicyRouteArgs, console: &Console) -> Result<Exit, Failure> {
    let pack = pack::load(args.policy.as_deref())?;
    let question = Example { ask: None, ..question(&args.facts)? };
    answer(&question, &pack.pack, console)
}

fn answer(question: &Example, pack: &suture_policy::Pack, console: &Console) -> Result<Exit, Failure> {
    match question.ask(pack).map_err(|error| unanswerable(&error))? {
        Answer::Decision(decision) => {
            let about = decision::About::of(question);
            decision::answer(&about, &decision, &pack.strangers(&question.people), console)
        }
        Answer::Route(decision) => route::answer(&question.facts, &decision, console),
    }
}

fn question(file: &std::path::Path) -> Result<Example, Failure> {
    let text = files::read_text(file, "the question")?;
    example::parse_one(&text).map_err(|error| {
        Failure::usage(format!("`{}` is no question that can be asked", file.display()))
            .why(&error)
            .help("docs/formats/policy.md shows what such a file looks like")
    })
}

fn unanswerable(error: &QuestionError) -> Failure {
    Failure::usage("the question can't be asked").why(error).help("mend the facts, and ask again")
}
