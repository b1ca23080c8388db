//! `suture policy show`: the rules for people.

use serde::Serialize;
use suture_delta::page::{Look, Page, Tone, clean, counted};
use suture_policy::{Effect, Rule};

use super::pack::{self, Loaded};
use crate::args::PolicyShowArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    rules: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    /// `permit` or `forbid`.
    effect: &'static str,
    says: &'a str,
    /// What is missing when it forbids.
    needs: Option<&'a str>,
    /// The statement that would silence it.
    cure: Option<&'static str>,
    /// How soon after its opening a case is due.
    within_s: Option<i64>,
    roles: &'a [String],
    /// What it is about; empty for everything.
    actions: &'a [String],
    file: &'a str,
    line: usize,
    /// The rule as it is written.
    text: &'a str,
}

pub(super) fn run(args: &PolicyShowArgs, console: &Console) -> Result<Exit, Failure> {
    let loaded = pack::load(args.pack.directory.as_deref())?;
    let rules: Vec<&Rule> = match &args.rule {
        None => loaded.pack.rules().iter().collect(),
        Some(id) => vec![loaded.pack.rule(id).ok_or_else(|| {
            Failure::usage(format!("{} has no rule `{id}`", loaded.name))
                .help("`suture policy show` lists the rules")
        })?],
    };
    let document = Document { schema: 1, rules: rules.iter().map(|rule| entry(rule)).collect() };
    console.answer(&document, |look| match (&args.rule, rules.first()) {
        (Some(_), Some(rule)) => rule.text.lines().map(|line| clean(line) + "\n").collect(),
        _ => text(&loaded, look),
    })?;
    Ok(Exit::Done)
}

fn entry(rule: &Rule) -> Entry<'_> {
    Entry {
        id: &rule.id,
        effect: effect(rule),
        says: &rule.says,
        needs: rule.needs.as_deref(),
        cure: rule.cure.map(suture_policy::Kind::action),
        within_s: rule.within_s,
        roles: &rule.roles,
        actions: &rule.actions,
        file: &rule.file,
        line: rule.line,
        text: &rule.text,
    }
}

fn effect(rule: &Rule) -> &'static str {
    match rule.effect {
        Effect::Permit => "permit",
        Effect::Forbid => "forbid",
    }
}

fn text(loaded: &Loaded, look: &Look) -> String {
    const BELOW: usize = 4;
    let mut page = Page::new(*look);
    let mut file = "";
    for rule in loaded.pack.rules() {
        if rule.file != file {
            file = &rule.file;
            page.heading(&format!("{file}, in {}", loaded.name));
        }
        page.gap();
        let tone = if rule.effect == Effect::Permit { Tone::Good } else { Tone::Warn };
        let about = if rule.actions.is_empty() { "everything".to_owned() } else { rule.actions.join(", ") };
        page.prose(2, effect(rule), tone, &format!("{} ({about}; line {})", rule.id, rule.line));
        page.prose(BELOW, "", Tone::Plain, &rule.says);
        if let Some(needs) = &rule.needs {
            let cure = rule.cure.map(|kind| format!(" (statement `{kind}`)")).unwrap_or_default();
            page.prose(BELOW, "needs", Tone::Faint, &format!("{needs}{cure}"));
        }
        if let Some(seconds) = rule.within_s {
            page.prose(BELOW, "due", Tone::Faint, &format!("{} after the case was opened", span(seconds)));
        }
        if !rule.roles.is_empty() {
            page.prose(BELOW, "roles", Tone::Faint, &rule.roles.join(", "));
        }
    }
    page.finish()
}

/// A duration in the largest unit that it is a whole number of.
fn span(seconds: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let unit = UNITS.into_iter().find(|(length, _)| seconds % length == 0);
    let (length, name) = unit.unwrap_or((1, "second"));
    counted((seconds / length).unsigned_abs() as usize, name)
}
