//! A case as people read it: what counts first, then why, then what was done.

use suture_case::consensus::Verdict;
use suture_case::model::Axis;
use suture_case::names::Role;
use suture_case::plan::Stage;
use suture_case::severity::Rating;
use suture_case::urgency::Urgency;
use suture_case::{Case, Classification};
use suture_clearance::Routed;
use suture_delta::page::{Column, Look, Page, Tone, paint};
use suture_policy::RouteDecision;

use super::store::Stored;

type Row = Vec<(String, Tone)>;

pub(super) fn case(stored: &Stored, found: &Classification, routed: &Routed, look: &Look) -> String {
    let case = &stored.case;
    let mut page = Page::new(*look);
    page.heading(&format!("{}: {}", case.id, case.title));
    page.table(&[Column::Left, Column::Left], head(case, found, routed));
    page.heading("urgency");
    page.table(
        &[Column::Left, Column::Left, Column::Left, Column::Left],
        found.urgency.iter().map(urgency).collect(),
    );
    for urgency in &found.urgency {
        page.prose(2, "", Tone::Plain, &row_in_words(urgency));
    }
    route(&mut page, routed);
    page.heading("effects of the fix");
    page.table(&[Column::Left, Column::Left, Column::Left], effects(case, &found.class));
    for words in found.class.computed.iter().flat_map(|computed| &computed.because) {
        page.prose(2, "-", Tone::Plain, words);
    }
    for words in &found.class.blind_spots {
        page.prose(2, "!", Tone::Warn, words);
    }
    page.heading("people");
    page.table(&[Column::Left, Column::Left], Role::ALL.map(|role| person(case, found, role)).to_vec());
    if !found.steps.is_empty() {
        page.heading("owed");
        steps(&mut page, found);
    }
    if !found.notes.is_empty() || stored.is_edited_by_hand() {
        page.heading("notes");
        for note in &found.notes {
            page.prose(2, "-", Tone::Plain, note);
        }
        if stored.is_edited_by_hand() {
            page.prose(2, "-", Tone::Warn, "case.toml was edited by hand since the last act in the timeline");
        }
    }
    page.heading("timeline");
    page.table(&[Column::Left, Column::Left, Column::Left, Column::Left], timeline(stored));
    page.finish()
}

fn cell(text: impl Into<String>, tone: Tone) -> (String, Tone) {
    (text.into(), tone)
}

fn head(case: &Case, found: &Classification, routed: &Routed) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row =
        |name: &str, value: String, tone| rows.push(vec![cell(name, Tone::Faint), cell(value, tone)]);
    match &found.due {
        Some(due) => {
            let how = if due.decided { "" } else { ", if the open answers are the worst" };
            let words = format!(
                "{} (UTC), by {} row {}, {} {}{how}",
                due.day, due.table, due.row, due.since, due.from
            );
            row("due", words, if due.decided { Tone::Strong } else { Tone::Warn });
        }
        None => row("due", "no table sets a day".to_owned(), Tone::Plain),
    }
    row("route", route_in_words(&routed.decision), Tone::Strong);
    row("severity", severity(found), rating_tone(found.severity.rating));
    if !case.ids.is_empty() {
        row("ids", words(&case.ids), Tone::Plain);
    }
    let versions = |name: &str, list: &[suture_case::values::Line]| match list {
        [] => String::new(),
        list => format!(", {name} {}", words(list)),
    };
    let program = &case.program;
    let affected = versions("affected", &program.affected);
    row("program", format!("{}{affected}{}", program.name, versions("fixed", &program.fixed)), Tone::Plain);
    let embargo = case.embargo_until.map_or(String::new(), |until| format!(", not public before {until}"));
    row("TLP", format!("{}{embargo}", case.tlp.name()), Tone::Plain);
    if let Some(score) = case.epss.as_ref().and_then(|epss| epss.highest()) {
        let words = format!("{} (percentile {}) for {}", score.epss, score.percentile, score.cve);
        row("EPSS", words, Tone::Plain);
    }
    rows
}

fn route_in_words(decision: &RouteDecision) -> String {
    let Some(route) = decision.route else { return "the rules leave none open".to_owned() };
    let by = decision.due.map_or("with the next upgrade".to_owned(), |due| format!("by {due}"));
    let when = if decision.with_delta { "" } else { "; decided again once there is a delta" };
    format!("{}, {by}{when}", route.word())
}

/// The rules that led to the route, those against the ways before it, and what they had to assume.
fn route(page: &mut Page, routed: &Routed) {
    page.heading("route");
    for verdict in &routed.decision.routes {
        let is_chosen = routed.decision.route == Some(verdict.route);
        // What is behind the one that is taken was not needed.
        if !is_chosen && routed.decision.route.is_some_and(|chosen| chosen < verdict.route) {
            continue;
        }
        for rule in verdict.rules.iter().filter(|rule| rule.forbids != is_chosen) {
            let (word, tone) = if is_chosen { ("for", Tone::Good) } else { ("against", Tone::Bad) };
            let words = format!(
                "{word} {}: {} ({}, {}:{})",
                verdict.route.word(),
                rule.says,
                rule.rule,
                rule.file,
                rule.line
            );
            page.prose(2, "-", tone, &words);
        }
        for failed in &verdict.failed {
            page.prose(2, "-", Tone::Bad, &format!("against {}: {failed}", verdict.route.word()));
        }
    }
    if !routed.assumed.is_empty() {
        let words = format!("nobody has said otherwise, and so: {}", routed.assumed.join("; "));
        page.prose(2, "!", Tone::Warn, &words);
    }
}

fn words<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn severity(found: &Classification) -> String {
    let Some(rating) = found.severity.rating else { return "no CVSS vector yet".to_owned() };
    let scored = [("v3.1", &found.severity.v3), ("v4.0", &found.severity.v4)];
    let scored = scored.iter().filter_map(|(version, scored)| {
        let scored = scored.as_ref()?;
        Some(format!("CVSS {version} {} {}", scored.score(), scored.vector))
    });
    format!("{}; {}", rating.name(), scored.collect::<Vec<_>>().join("; "))
}

/// The tone of a severity.
pub(super) fn rating_tone(rating: Option<Rating>) -> Tone {
    match rating {
        Some(Rating::Critical | Rating::High) => Tone::Bad,
        Some(Rating::Medium) => Tone::Warn,
        Some(Rating::Low | Rating::None) | None => Tone::Plain,
    }
}

fn urgency(urgency: &Urgency) -> Row {
    let due = urgency.due.map_or("no date".to_owned(), |due| format!("due {due}"));
    let how = if urgency.decided { "" } else { "at worst" };
    vec![
        cell(format!("{} {}", urgency.name, urgency.version), Tone::Plain),
        cell(urgency.outcome.clone(), Tone::Strong),
        cell(due, Tone::Plain),
        cell(how, Tone::Warn),
    ]
}

fn row_in_words(urgency: &Urgency) -> String {
    let answers = urgency.answers.iter().map(|answer| {
        let how = match (answer.assumed, urgency.decided) {
            (false, _) => "",
            (true, true) => " (whatever)",
            (true, false) => " (not answered)",
        };
        format!("{} {}{how}", answer.input, answer.answer)
    });
    format!("{} row {}: {}", urgency.table, urgency.row, answers.collect::<Vec<_>>().join(", "))
}

fn effects(case: &Case, class: &Verdict) -> Vec<Row> {
    let mut rows: Vec<Row> = Axis::ALL
        .into_iter()
        .map(|axis| {
            let (impact, reason) = match case.axes.get(axis) {
                Some(judged) => (cell(judged.impact.name(), Tone::Strong), judged.reason.to_string()),
                None => (cell("open", Tone::Warn), String::new()),
            };
            vec![cell(axis.name(), Tone::Plain), impact, cell(one_line(&reason), Tone::Plain)]
        })
        .collect();
    let counts = class.counts.map_or(cell("open", Tone::Warn), |class| cell(class.name(), Tone::Strong));
    let declared =
        class.declared.map_or("not declared".to_owned(), |class| format!("declared {}", class.name()));
    let computed = match &class.computed {
        Some(computed) => format!("computed {}", computed.class.name()),
        None if case.delta.is_some() => "not computable".to_owned(),
        None => "no delta yet".to_owned(),
    };
    let reason = class.reason.as_ref().map_or(String::new(), |reason| format!(": {}", one_line(reason)));
    rows.push(vec![
        cell("class", Tone::Plain),
        counts,
        cell(format!("{computed}, {declared}{reason}"), if class.is_laxer { Tone::Bad } else { Tone::Plain }),
    ]);
    rows
}

/// A text of several lines on one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn person(case: &Case, found: &Classification, role: Role) -> Row {
    let warning = found.reviewer_not_independent.as_ref().filter(|_| role == Role::Reviewer);
    let who = match (case.people.get(role), warning) {
        (None, _) => cell("missing", Tone::Bad),
        (Some(person), Some(why)) => cell(format!("{person}, not independent: {why}"), Tone::Warn),
        (Some(person), None) => cell(person.to_string(), Tone::Plain),
    };
    vec![cell(role.name(), Tone::Plain), who]
}

fn steps(page: &mut Page, found: &Classification) {
    let stages = [
        (Stage::Route, "before the route is decided"),
        (Stage::Approval, "before anybody approves"),
        (Stage::Patch, "before the first process is patched"),
    ];
    for (stage, words) in stages {
        let mut steps = found.steps.iter().filter(|step| step.before == stage).peekable();
        if steps.peek().is_some() {
            page.line(&format!("  {}", paint(page.look(), words, Tone::Faint)));
        }
        for step in steps {
            page.prose(4, "-", Tone::Plain, &format!("{} ({})", step.what, step.why));
        }
    }
}

fn timeline(stored: &Stored) -> Vec<Row> {
    let acts = stored.timeline.acts().iter().map(|act| {
        vec![
            cell(act.at.to_string(), Tone::Faint),
            cell(act.by.as_str(), Tone::Plain),
            cell(act.act.as_str(), Tone::Strong),
            cell(one_line(act.what.as_str()), Tone::Plain),
        ]
    });
    acts.collect()
}
