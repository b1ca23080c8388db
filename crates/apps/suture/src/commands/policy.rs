//! `suture policy`: the rules that decide what may run, shown, tested and tried.

mod check;
mod decision;
mod examples;
mod pack;
mod route;
mod show;
mod summary;

use super::case;
use crate::act::Act;
use crate::args::{PolicyArgs, PolicyCommand, PolicyRouteArgs, PolicyTryArgs};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use suture_policy::QuestionError;
use suture_policy::example::{self, Answer, Example};

pub(super) fn run(args: &PolicyArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        PolicyCommand::Show(args) => show::run(args, console),
        PolicyCommand::Test(args) => examples::run(args, console),
        PolicyCommand::Check(args) => check::run(args, act, console),
        PolicyCommand::Try(args) => try_question(args, console),
        PolicyCommand::Route(args) => decide_route(args, console),
    }
}

fn try_question(args: &PolicyTryArgs, console: &Console) -> Result<Exit, Failure> {
    let pack = pack::load(args.policy.as_deref())?;
    let question = question(&args.file, example::parse_one)?;
    answer(&question, &pack.pack, console)
}

fn decide_route(args: &PolicyRouteArgs, console: &Console) -> Result<Exit, Failure> {
    if let Some(file) = &args.facts {
        let pack = pack::load(args.policy.as_deref())?;
        return answer(&question(file, example::parse_route)?, &pack.pack, console);
    }
    let Some(id) = &args.case else { return Err(Failure::usage("there is no case to decide on")) };
    let pack = args.policy.as_deref().map(|directory| pack::load(Some(directory))).transpose()?;
    let routed = case::route(&args.place, &args.rules, id, pack.map(|loaded| loaded.pack))?;
    route::answer(&routed.facts, &routed.assumed, &routed.decision, console)
}

fn answer(question: &Example, pack: &suture_policy::Pack, console: &Console) -> Result<Exit, Failure> {
    let answer = question.ask(pack).map_err(|error| unanswerable(&error))?;
    match (&question.ask, &question.facts.patch, answer) {
        (Some(ask), Some(patch), Answer::Decision(decision)) => {
            let about = decision::About::new(ask, &patch.digest);
            decision::answer(&about, &decision, &pack.strangers(&question.people), console)
        }
        (_, _, Answer::Route(decision)) => route::answer(&question.facts, &[], &decision, console),
        (_, _, Answer::Decision(_)) => Err(unanswerable(&QuestionError::Missing("patch"))),
    }
}

type Parse = fn(&str) -> Result<Example, example::ExampleError>;

fn question(file: &std::path::Path, parse: Parse) -> Result<Example, Failure> {
    let text = files::read_text(file, "the question")?;
    parse(&text).map_err(|error| {
        Failure::usage(format!("`{}` is no question that can be asked", file.display()))
            .why(&error)
            .help("docs/formats/policy.md shows what such a file looks like")
    })
}

fn unanswerable(error: &QuestionError) -> Failure {
    Failure::usage("the question can't be asked").why(error).help("mend the facts, and ask again")
}
