//! A `dossier.toml` to begin with: what is known filled in, what is not asked for in its place.

use std::fmt::Write as _;

use suture_bundle::Facts;
use toml::Value;

use crate::model::{Answers, SCHEMA, Signal};
use crate::question::{Answer, OPEN, QUESTIONS, Question, is_open};
use crate::{CaseFacts, Origin, Stated};

/// What is known before anyone has answered.
#[derive(Debug, Clone, Default)]
pub struct Draft<'a> {
    /// The deltas, each with the origin of its builds if that was recorded.
    pub deltas: Vec<(&'a Facts, Option<Origin>)>,
    /// The case, if there is a record.
    pub case: Option<&'a CaseFacts>,
    /// An earlier dossier, whose answers are taken over.
    pub earlier: Option<&'a Answers>,
}

/// Longest line of a comment.
const COMMENT_WIDTH: usize = 100;

/// The text of the file.
pub fn draft(draft: &Draft<'_>) -> String {
    let answers = known(draft);
    let mut text = format!(
        "# The dossier of a patch. An answer that begins with `{OPEN}` is still to be given: `suture dossier lint` lists\n\
         # them, and no bundle is made before the last one is. Texts are plain; an empty line starts a new paragraph\n\
         # (\"\"\"three quotes\"\"\" for more than one line).\n\nschema = {SCHEMA}\n"
    );
    let mut table = "";
    for question in QUESTIONS.iter().filter(|question| (question.concerns)(&answers)) {
        let (of_table, key) = question.id.rsplit_once('.').unwrap_or(("", question.id));
        if of_table != table {
            let _ = writeln!(text, "\n[{of_table}]");
            table = of_table;
        }
        text += &asked(question, key, &answers);
    }
    for signal in &answers.monitoring.signals {
        text += &watched(signal);
    }
    for stated in &answers.delta {
        text += &delta(stated);
    }
    text
}

/// The earlier answers with what is computed put in.
fn known(draft: &Draft<'_>) -> Answers {
    let mut answers = draft.earlier.cloned().unwrap_or_default();
    answers.schema = SCHEMA;
    if let Some(case) = draft.case {
        let own = &mut answers.case;
        let rows = [
            (&mut own.id, &case.id),
            (&mut own.severity, &case.severity),
            (&mut own.due, &case.due),
            (&mut own.consensus_class, &case.consensus_class),
        ];
        // What the case does not know yet may have been answered here.
        for (answer, known) in rows.into_iter().filter(|(_, known)| !known.is_empty()) {
            answer.clone_from(known);
        }
        own.forensics = String::from(if case.forensics { "yes" } else { "no" });
        if answers.title.is_empty() {
            answers.title.clone_from(&case.title);
        }
    }
    if answers.monitoring.signals.is_empty() {
        answers.monitoring.signals.push(Signal::default());
    }
    let earlier = std::mem::take(&mut answers.delta);
    answers.delta =
        draft.deltas.iter().map(|(facts, origin)| stated(facts, origin.as_ref(), &earlier)).collect();
    // Whatever the order in which they come: what stands on others comes after them.
    answers.delta.sort_by(|a, b| {
        let order = |stated: &Stated| (stated.program.clone(), stated.old_build_id.clone(), stated.on.len());
        order(a).cmp(&order(b)).then_with(|| a.id.cmp(&b.id))
    });
    answers
}

/// A delta that was made again keeps the answers that were given for its build.
fn stated(facts: &Facts, origin: Option<&Origin>, earlier: &[Stated]) -> Stated {
    let mut stated = Stated::of(facts);
    let same = earlier.iter().find(|known| known.id == stated.id);
    let of_build =
        earlier.iter().find(|known| known.old_build_id == stated.old_build_id && known.on == stated.on);
    if let Some(known) = same.or(of_build) {
        stated.platform.clone_from(&known.platform);
        stated.origin = Origin {
            source_revision: known.origin.source_revision.clone(),
            builder: known.origin.builder.clone(),
            ..Origin::default()
        };
    }
    if let Some(same) = same {
        stated.origin = same.origin.clone();
    }
    if let Some(origin) = origin {
        let Origin { source_revision, builder, .. } = stated.origin;
        // What somebody has answered says more than git; what git said of an earlier build is no answer.
        let is_answered = !is_open(&source_revision) && !source_revision.starts_with("git:");
        let source_revision = if is_answered { source_revision } else { origin.source_revision.clone() };
        stated.origin = Origin { source_revision, builder, ..origin.clone() };
    }
    stated
}

fn asked(question: &Question, key: &str, answers: &Answers) -> String {
    let answer = (question.answer)(answers);
    let open = || format!("{OPEN} {}", question.who);
    let value = match answer {
        Answer::List(list) if answer.is_open() && list.is_empty() => Value::from(vec![open()]),
        Answer::List(list) => Value::from(list.to_vec()),
        Answer::Text("") | Answer::Choice("", _) => Value::from(open()),
        Answer::Text(text) | Answer::Choice(text, _) => Value::from(text),
    };
    format!("{}{key} = {value}\n", comment(question.asks))
}

fn comment(words: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in words.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line + 1 + word.chars().count() > COMMENT_WIDTH {
            lines.push(String::from("#"));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

fn watched(signal: &Signal) -> String {
    let rows = [
        ("name", &signal.name, "what is watched"),
        ("source", &signal.source, "where it is read"),
        ("threshold", &signal.threshold, "from which value on, for how long, it is bad"),
        ("action", &signal.action, "what is then done, such as: toggle off everywhere, stop the rollout"),
    ];
    let mut text = "\n# One of these for each signal.\n[[monitoring.signals]]\n".to_owned();
    for (key, answer, asks) in rows {
        let answer = if answer.is_empty() { format!("{OPEN} {asks}") } else { answer.clone() };
        pair(&mut text, key, Value::from(answer));
    }
    text
}

fn delta(stated: &Stated) -> String {
    let or_open = |answer: &str, asks: &str| {
        Value::from(if answer.is_empty() { format!("{OPEN} {asks}") } else { answer.to_owned() })
    };
    let mut text = format!(
        "\n# All but the platform is computed; `suture dossier new --from` computes it again.\n[[delta]]\n\
         # which installations run this build: system, package, image\nplatform = {}\n",
        or_open(&stated.platform, "the operator of the nodes")
    );
    let texts = [
        ("id", &stated.id),
        ("program", &stated.program),
        ("kind", &stated.kind),
        ("old_build_id", &stated.old_build_id),
        ("new_build_id", &stated.new_build_id),
    ];
    for (key, value) in texts {
        pair(&mut text, key, Value::from(value.as_str()));
    }
    let lists = [
        ("on", &stated.on),
        ("functions", &stated.functions),
        ("data", &stated.data),
        ("overwrites", &stated.overwrites),
        ("types", &stated.types),
        ("critical", &stated.critical),
        ("hooks", &stated.hooks),
    ];
    for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        pair(&mut text, key, lines(list));
    }
    pair(&mut text, "memory_bytes", stated.memory_bytes);
    text += &origin(&stated.origin, &or_open);
    text
}

fn origin(origin: &Origin, or_open: &dyn Fn(&str, &str) -> Value) -> String {
    let mut text = format!(
        "\n[delta.origin]\n# repository and commit or tag of the source without the fix\nsource_revision = {}\n\
         # who ran the build, as a URI\nbuilder = {}\n",
        or_open(&origin.source_revision, "the author of the patch"),
        or_open(&origin.builder, "the author of the patch"),
    );
    let texts = [
        ("source_sha256", &origin.source_sha256),
        ("patch_sha256", &origin.patch_sha256),
        ("old_sha256", &origin.old_sha256),
        ("new_sha256", &origin.new_sha256),
        ("directory", &origin.directory),
        ("command", &origin.command),
        ("artifact", &origin.artifact),
        ("critical_sha256", &origin.critical_sha256),
    ];
    for (key, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
        pair(&mut text, key, Value::from(value.as_str()));
    }
    for (key, list) in [("flags", &origin.flags), ("choices", &origin.choices), ("tools", &origin.tools)] {
        if !list.is_empty() {
            pair(&mut text, key, lines(list));
        }
    }
    if !origin.environment.is_empty() {
        text += "\n[delta.origin.environment]\n";
        for (name, value) in &origin.environment {
            // A key is quoted by other rules than a value.
            text += &toml::Table::from_iter([(name.clone(), Value::from(value.as_str()))]).to_string();
        }
    }
    text
}

/// `KEY = VALUE`, the value as TOML spells it.
fn pair(text: &mut String, key: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "{key} = {value}");
}

/// A list with a line for each item.
fn lines(list: &[String]) -> String {
    let items = list.iter().map(|item| format!("  {},\n", Value::from(item.as_str())));
    format!("[\n{}]", items.collect::<String>())
}
