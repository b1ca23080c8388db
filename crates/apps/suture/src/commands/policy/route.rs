//! How a route is shown: which, by when, with whom, and what was said of the others.

use serde::Serialize;
use suture_delta::page::{Column, Look, Page, Tone, clean};
use suture_policy::{Facts, RouteDecision, RouteVerdict};

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    #[serde(flatten)]
    decision: &'a RouteDecision,
    /// What nobody has said of what the rules ask for, and is taken for so.
    assumed: &'a [String],
}

pub(super) fn answer(
    facts: &Facts,
    assumed: &[String],
    decision: &RouteDecision,
    console: &Console,
) -> Result<Exit, Failure> {
    let document = Document { schema: 1, decision, assumed };
    console.answer(&document, |look| text(facts, assumed, decision, look))?;
    Ok(if decision.route.is_some() { Exit::Done } else { Exit::PolicyRefused })
}

fn text(facts: &Facts, assumed: &[String], decision: &RouteDecision, look: &Look) -> String {
    let mut page = Page::new(*look);
    let case = facts.case.as_ref().map_or("the case", |case| case.id.as_str());
    let route = decision.route.map_or("no route is open", suture_policy::Route::word);
    page.heading(&clean(&format!("{case}: {route}")));
    let due = decision.due.map_or("with the next upgrade".to_owned(), |due| due.to_string());
    if decision.route.is_some() {
        page.prose(2, "due", Tone::Strong, &due);
    }
    if !decision.with_delta {
        page.prose(
            2,
            "",
            Tone::Plain,
            "There is no delta yet; the route is decided again once there is one.",
        );
    }
    if !assumed.is_empty() {
        let words = format!("nobody has said otherwise, and so: {}", assumed.join("; "));
        page.prose(2, "!", Tone::Warn, &words);
    }
    let roles = decision.roles.iter().map(|role| {
        let nobody = role.could.is_empty();
        let names = if nobody { "nobody in the trust root".to_owned() } else { role.could.join(", ") };
        vec![(role.role.clone(), Tone::Strong), (names, if nobody { Tone::Bad } else { Tone::Plain })]
    });
    if !decision.roles.is_empty() {
        page.heading("To be filled");
        page.table(&[Column::Left, Column::Name], roles.collect());
    }
    for verdict in &decision.routes {
        one_route(&mut page, verdict);
    }
    page.finish()
}

fn one_route(page: &mut Page, verdict: &RouteVerdict) {
    page.heading(&format!("{}: {}", verdict.route.word(), if verdict.open { "open" } else { "closed" }));
    if verdict.rules.is_empty() {
        page.prose(2, "", Tone::Faint, "No rule speaks for it.");
    }
    for rule in &verdict.rules {
        let (mark, tone) = if rule.forbids { ("against", Tone::Bad) } else { ("for", Tone::Good) };
        page.prose(2, mark, tone, &format!("{} ({}, {}:{})", rule.says, rule.rule, rule.file, rule.line));
    }
    for failed in &verdict.failed {
        page.prose(2, "against", Tone::Bad, failed);
    }
}
