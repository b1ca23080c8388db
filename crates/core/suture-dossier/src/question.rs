//! What only a person knows: the questions of a dossier, each with who usually knows.
//!
//! Drafting writes them where the answers belong, linting names those that are open. The id of a question is the path
//! of its answer in the file.

use crate::model::Answers;

/// How an answer begins that is none yet.
pub(crate) const OPEN: &str = "??";

/// One question.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    /// Path of the answer: `TABLE.KEY`, or `KEY` at the top.
    pub(crate) id: &'static str,
    /// What is asked.
    pub(crate) asks: &'static str,
    /// Who usually knows.
    pub(crate) who: &'static str,
    /// The answer that is there.
    pub(crate) answer: fn(&Answers) -> Answer<'_>,
    /// Whether it concerns this patch.
    pub(crate) concerns: fn(&Answers) -> bool,
}

/// An answer as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    /// A text.
    Text(&'a str),
    /// A text that is one of these.
    Choice(&'a str, &'static [&'static str]),
    /// A list of texts.
    List(&'a [String]),
}

impl Answer<'_> {
    /// Whether it is still to be given.
    pub(crate) fn is_open(self) -> bool {
        match self {
            Self::Text(text) | Self::Choice(text, _) => is_open(text),
            Self::List(list) => list.is_empty() || list.iter().any(|text| is_open(text)),
        }
    }
}

/// Whether a text is no answer.
pub(crate) fn is_open(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with(OPEN)
}

const AUTHOR: &str = "the author of the patch";
const COMMANDER: &str = "the incident commander";
const OPERATOR: &str = "the operator of the nodes";

fn always(_: &Answers) -> bool {
    true
}

const fn ask(
    id: &'static str,
    asks: &'static str,
    who: &'static str,
    answer: fn(&Answers) -> Answer<'_>,
) -> Question {
    Question { id, asks, who, answer, concerns: always }
}

impl Question {
    const fn only_if(self, concerns: fn(&Answers) -> bool) -> Self {
        Self { concerns, ..self }
    }
}

const CLASSES: &[&str] = &["local", "wire", "replicated"];
const YES_OR_NO: &[&str] = &["yes", "no"];
const MIXED: &[&str] = &["yes", "limited", "no"];

/// All of them, in the order of the file.
pub(crate) const QUESTIONS: &[Question] = &[
    ask("title", "what the patch does, in a line", AUTHOR, |d| Answer::Text(&d.title)),
    ask("case.id", "the id of the case", COMMANDER, |d| Answer::Text(&d.case.id)),
    ask("case.severity", "how bad it is, and by which measure", COMMANDER, |d| {
        Answer::Text(&d.case.severity)
    }),
    ask("case.due", "until when the fleet has to be protected", COMMANDER, |d| Answer::Text(&d.case.due)),
    ask(
        "case.forensics",
        "whether evidence has to be secured before anything is changed: yes or no",
        COMMANDER,
        |d| Answer::Choice(&d.case.forensics, YES_OR_NO),
    ),
    ask(
        "case.consensus_class",
        "local (nothing that other nodes could see), wire (messages or timing change, compatibly) or replicated \
         (validity, replicated output or log format change)",
        AUTHOR,
        |d| Answer::Choice(&d.case.consensus_class, CLASSES),
    ),
    ask(
        "change.summary",
        "what was wrong and what the program does now, for someone who does not know the code",
        AUTHOR,
        |d| Answer::Text(&d.change.summary),
    ),
    ask("change.log", "the change log, one entry for each change", AUTHOR, |d| Answer::List(&d.change.log)),
    ask("change.rationale", "why this fix and no other, and why while the program runs", AUTHOR, |d| {
        Answer::Text(&d.change.rationale)
    }),
    ask(
        "risk.assessment",
        "what could go wrong with the new code, how likely that is, and what speaks against it",
        AUTHOR,
        |d| Answer::Text(&d.risk.assessment),
    ),
    ask("risk.worst_case", "the worst that the patch could do, and how far it would reach", AUTHOR, |d| {
        Answer::Text(&d.risk.worst_case)
    }),
    ask("risk.without_patch", "what is at stake for as long as a node has no patch", COMMANDER, |d| {
        Answer::Text(&d.risk.without_patch)
    }),
    ask(
        "risk.consensus",
        "call paths to marked code exist: why nodes with and without the patch still agree",
        AUTHOR,
        |d| Answer::Text(&d.risk.consensus),
    )
    .only_if(|d| d.delta.iter().any(|delta| !delta.critical.is_empty())),
    ask(
        "risk.live_data",
        "objects of the running program differ: what becomes of the values that it has by now",
        AUTHOR,
        |d| Answer::Text(&d.risk.live_data),
    )
    .only_if(|d| d.delta.iter().any(crate::Stated::has_live_data)),
    ask(
        "risk.hooks",
        "the patch runs hooks: what they change, and what happens if one fails half-way",
        AUTHOR,
        |d| Answer::Text(&d.risk.hooks),
    )
    .only_if(|d| d.delta.iter().any(|delta| !delta.hooks.is_empty())),
    ask("compatibility.protocol_before", "version of the protocol that the old code speaks", AUTHOR, |d| {
        Answer::Text(&d.compatibility.protocol_before)
    }),
    ask("compatibility.protocol_after", "version of the protocol that the new code speaks", AUTHOR, |d| {
        Answer::Text(&d.compatibility.protocol_after)
    }),
    ask(
        "compatibility.state_before",
        "version of the format in which the old code keeps its state",
        AUTHOR,
        |d| Answer::Text(&d.compatibility.state_before),
    ),
    ask(
        "compatibility.state_after",
        "version of the format in which the new code keeps its state",
        AUTHOR,
        |d| Answer::Text(&d.compatibility.state_after),
    ),
    ask(
        "compatibility.mixed_versions",
        "whether nodes with and without the patch may run beside each other: yes, limited or no",
        AUTHOR,
        |d| Answer::Choice(&d.compatibility.mixed_versions, MIXED),
    ),
    ask("compatibility.mixed_for", "how long they may, and what happens after that", AUTHOR, |d| {
        Answer::Text(&d.compatibility.mixed_for)
    })
    .only_if(|d| d.compatibility.mixed_versions == "limited"),
    ask(
        "data.modified",
        "paths and key spaces whose content the new code writes differently (\"none\" if there are none)",
        AUTHOR,
        |d| Answer::List(&d.data.modified),
    ),
    ask("data.archived", "paths and key spaces that are copied away before (\"none\")", OPERATOR, |d| {
        Answer::List(&d.data.archived)
    }),
    ask(
        "data.untouched",
        "paths and key spaces that must stay as they are, and can be compared afterwards",
        OPERATOR,
        |d| Answer::List(&d.data.untouched),
    ),
    ask(
        "data.traces",
        "what the old code has left behind that the patch does not remove: wrong values in caches, files, other nodes; and how they are found and mended (\"none\", with the reason)",
        AUTHOR,
        |d| Answer::Text(&d.data.traces),
    ),
    ask(
        "deployment.steps",
        "which nodes first, in which stages, and what each stage waits for",
        OPERATOR,
        |d| Answer::List(&d.deployment.steps),
    ),
    ask(
        "deployment.full_update",
        "version that has the fix for good, and when the nodes are restarted into it: a hot patch ends with its process",
        OPERATOR,
        |d| Answer::Text(&d.deployment.full_update),
    ),
    ask(
        "rollback.steps",
        "what is done beside `suture toggle` and `suture revert` to be back where it was, in order",
        AUTHOR,
        |d| Answer::List(&d.rollback.steps),
    ),
    ask("rollback.verify", "how one sees that a node is back", OPERATOR, |d| {
        Answer::Text(&d.rollback.verify)
    }),
    ask("monitoring.soak", "how long a stage is watched before the next one begins", OPERATOR, |d| {
        Answer::Text(&d.monitoring.soak)
    }),
];
