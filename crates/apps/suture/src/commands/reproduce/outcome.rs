//! Whether a delta came out the same, and if not, what differs: what a reviewer needs to find out why.

use serde::Serialize;
use suture_bundle::{BundledDelta, PartDifference, parts};
use suture_delta::compare::Comparison;
use suture_delta::report::{Readers, Report};
use suture_dossier::Origin;

/// What became of one delta.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcome {
    /// Its name in the bundle.
    pub(super) name: String,
    pub(super) id: String,
    pub(super) state: State,
    /// SHA-256 of what came out; `null` if nothing that can be hot did.
    pub(super) rebuilt: Option<String>,
    /// What is not as it was recorded.
    pub(super) differences: Vec<Difference>,
    /// Functions and objects that are not as they are in the bundle.
    pub(super) parts: Vec<PartDifference>,
    /// Where to look, one sentence; empty if it is the same.
    pub(super) conclusion: &'static str,
    /// Whether the build without the fix is the one that the delta is for.
    #[serde(skip)]
    pub(super) fits: bool,
}

/// How a delta came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// Byte for byte.
    Same,
    /// Not the same.
    Different,
    /// It is for a build that these tools do not make.
    AnotherBuild,
}

/// One thing that is not as it was recorded.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Difference {
    pub(super) what: String,
    pub(super) recorded: String,
    pub(super) here: String,
}

/// What there is to compare a delta with.
pub(super) struct Found<'a> {
    pub(super) origin: &'a Origin,
    /// Of the builds without and with the fix.
    pub(super) build_ids: &'a (String, String),
    pub(super) comparison: &'a Comparison,
    /// Of the delta, if there is one.
    pub(super) id: Option<String>,
}

impl Outcome {
    /// Compares `delta` and its record with what was found.
    pub(super) fn of(delta: &BundledDelta, recorded: &Origin, found: Found<'_>) -> Self {
        let is_same = found.id.as_ref() == Some(&delta.facts.id);
        let mut differences = inputs(recorded, found.origin);
        let conclusion = if is_same {
            ""
        } else {
            differences.extend(builds(delta, recorded, &found));
            differences.extend(reports(&delta.delta.meta.report, &found.comparison.report));
            conclude(recorded, found.origin)
        };
        let rebuilt = found.comparison.delta.as_ref();
        Self {
            name: delta.name.to_string(),
            id: delta.facts.id.clone(),
            state: if is_same { State::Same } else { State::Different },
            fits: found.build_ids.0 == delta.facts.old_build_id,
            parts: if is_same { Vec::new() } else { parts(Some(&delta.delta), rebuilt) },
            rebuilt: found.id,
            differences,
            conclusion,
        }
    }
}

fn difference(what: &str, recorded: &str, here: &str) -> Option<Difference> {
    let shown = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    (recorded != here).then(|| Difference {
        what: what.to_owned(),
        recorded: shown(recorded),
        here: shown(here),
    })
}

/// What went into the builds. Variables and the command are those that were recorded.
fn inputs(recorded: &Origin, here: &Origin) -> Vec<Difference> {
    let mut found = vec![difference("source tree", &recorded.source_sha256, &here.source_sha256)];
    if !recorded.directory.is_empty() {
        found.push(difference("directory", &recorded.directory, &here.directory));
    }
    found.push(difference("flags", &recorded.flags.join(" "), &here.flags.join(" ")));
    found.extend(tools(recorded, here));
    found.into_iter().flatten().collect()
}

fn tools(recorded: &Origin, here: &Origin) -> Vec<Option<Difference>> {
    fn split(tool: &str) -> (&str, &str) {
        tool.split_once(": ").unwrap_or((tool, ""))
    }
    let version = |tools: &[String], name: &str| -> String {
        let found = tools.iter().map(|tool| split(tool)).find(|(known, _)| *known == name);
        found.map(|(_, version)| version.to_owned()).unwrap_or_default()
    };
    let mut names: Vec<&str> = recorded.tools.iter().chain(&here.tools).map(|tool| split(tool).0).collect();
    names.sort_unstable();
    names.dedup();
    let row = |name: &str| difference(name, &version(&recorded.tools, name), &version(&here.tools, name));
    names.into_iter().map(row).collect()
}

/// What came out of them.
fn builds(delta: &BundledDelta, recorded: &Origin, found: &Found<'_>) -> Vec<Difference> {
    let facts = &delta.facts;
    let ours = format!("suture {}", env!("CARGO_PKG_VERSION"));
    let verdict = found.comparison.report.refusals.first().map(|refusal| refusal.message.as_str());
    let verdict = if found.id.is_some() { "hot" } else { verdict.unwrap_or("no hot patch") };
    let rows = [
        difference("compared by", &facts.tool, &ours),
        difference("build without the fix", &recorded.old_sha256, &found.origin.old_sha256),
        difference("its build-id", &facts.old_build_id, &found.build_ids.0),
        difference("build with the fix", &recorded.new_sha256, &found.origin.new_sha256),
        difference("its build-id", &facts.new_build_id, &found.build_ids.1),
        difference("verdict", "hot", verdict),
    ];
    rows.into_iter().flatten().collect()
}

/// What the report in the delta says of critical code, on which its consensus class rests.
fn reports(recorded: &Report, here: &Report) -> Vec<Difference> {
    let unmatched = |report: &Report| -> Vec<String> {
        report.unmatched.iter().map(|lost| format!("{} ({})", lost.pattern, lost.mark)).collect()
    };
    let paths = |report: &Report| -> Vec<String> {
        report.critical.iter().map(|path| format!("{} ({})", path.told(" → "), path.mark)).collect()
    };
    let readers = |report: &Report| -> Vec<String> {
        let told = |readers: &Readers| {
            let open = if readers.complete { "" } else { ", and who else can't be computed" };
            format!("{}: {}{open}", readers.object, readers.functions.join(", "))
        };
        report.readers.iter().map(told).collect()
    };
    let none = |report: &Report| report.none_critical.clone().unwrap_or_default();
    let row =
        |what, recorded: &[String], here: &[String]| difference(what, &recorded.join(", "), &here.join(", "));
    let rows = [
        row("groups of critical marks", &recorded.marked, &here.marked),
        row("patterns that mark nothing", &unmatched(recorded), &unmatched(here)),
        difference("why nothing is critical", &none(recorded), &none(here)),
        row("critical call paths", &paths(recorded), &paths(here)),
        row("who refers to data that changes", &readers(recorded), &readers(here)),
        row("what was not followed to the marks", &recorded.unseen(), &here.unseen()),
    ];
    rows.into_iter().flatten().collect()
}

/// The first thing that differs is where to look, since all that follows may follow from it.
fn conclude(recorded: &Origin, here: &Origin) -> &'static str {
    if recorded.source_sha256 != here.source_sha256 {
        "the source tree is another one: check out the revision that the dossier names, with nothing else in it"
    } else if !recorded.directory.is_empty() && recorded.directory != here.directory {
        "it could not be built at the path that is recorded: run it where mount namespaces can be made"
    } else if recorded.old_sha256 == here.old_sha256 && recorded.new_sha256 == here.new_sha256 {
        "both builds are the same, so that the delta was not made of them by this version of suture with the choices \
         that are recorded, or was changed afterwards"
    } else if recorded.tools != here.tools {
        "the tools are others: run it where their versions are those that are recorded"
    } else if recorded.old_sha256 == here.old_sha256 {
        "the builds without the fix are the same, those with it are not: the author's was not made with this fix alone, \
         or the build does not give the same twice"
    } else {
        "source, fix and tools are the same, so that the build does not give the same twice: compare both programs"
    }
}
