//! An advisory as people read it: one content for Markdown and HTML, which only spell it.
//!
//! What matters to somebody who has just been woken up comes first: which versions, whether a process is protected, what to
//! do. The history comes last.

use suture_case::names::VulnerabilityId;
use suture_case::values::Line;

use crate::model::Advisory;
use crate::products::{What, products};
use crate::scores;
use crate::stage::Stage;

/// A piece of running text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Words.
    Text(String),
    /// Words that count.
    Strong(String),
    /// What machines say, or are told.
    Code(String),
    /// A web address with its name.
    Link {
        /// The name.
        text: String,
        /// The address.
        url: String,
    },
}

/// A cell, an item or a paragraph.
pub type Spans = Vec<Span>;

/// A part of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// The title of the page.
    Title(String),
    /// Who may read this.
    Banner {
        /// The TLP label.
        label: String,
        /// What that means here.
        text: String,
    },
    /// The title of a section.
    Heading(String),
    /// Running text.
    Paragraph(Spans),
    /// What people wrote, in paragraphs and lines of their own.
    Prose(String),
    /// Names and values.
    Facts(Vec<(&'static str, Spans)>),
    /// A table.
    Table {
        /// Its columns.
        head: Vec<&'static str>,
        /// Its rows.
        rows: Vec<Vec<Spans>>,
    },
    /// A list.
    List(Vec<Spans>),
    /// A command to type.
    Command(String),
}

/// The page of `advisory`.
pub fn content(advisory: &Advisory) -> Vec<Block> {
    let mut page =
        vec![Block::Title(advisory.title.to_string()), banner(advisory), Block::Facts(facts(advisory))];
    let prose = |page: &mut Vec<Block>, heading: &str, text: &Option<suture_case::values::Prose>| {
        if let Some(text) = text {
            page.push(Block::Heading(heading.to_owned()));
            page.push(Block::Prose(text.to_string()));
        }
    };
    prose(&mut page, "What it is", &advisory.summary);
    prose(&mut page, "What an attacker gains", &advisory.impact);
    page.push(Block::Heading("Which versions".to_owned()));
    page.push(versions(advisory));
    if !advisory.hot_patch.is_empty() {
        telling(&mut page, advisory);
    }
    page.push(Block::Heading("What to do".to_owned()));
    page.push(Block::List(to_do(advisory)));
    prose(&mut page, "Workaround", &advisory.workaround);
    if !advisory.credit.is_empty() {
        page.push(Block::Heading("Thanks".to_owned()));
        page.push(Block::List(advisory.credit.iter().map(thanks).collect()));
    }
    if !advisory.reference.is_empty() {
        page.push(Block::Heading("Read on".to_owned()));
        let link = |reference: &crate::model::Reference| {
            vec![Span::Link { text: reference.summary.to_string(), url: reference.url.to_string() }]
        };
        page.push(Block::List(advisory.reference.iter().map(link).collect()));
    }
    page.push(Block::Heading("Versions of this advisory".to_owned()));
    page.push(history(advisory));
    page
}

fn text(words: impl Into<String>) -> Spans {
    vec![Span::Text(words.into())]
}

fn code(words: impl Into<String>) -> Spans {
    vec![Span::Code(words.into())]
}

fn banner(advisory: &Advisory) -> Block {
    let label = format!("TLP:{}", advisory.tlp.name().to_uppercase());
    let text = match (advisory.stage, advisory.disclose_at) {
        (Stage::Draft, None) => "Draft: for those who write it.".to_owned(),
        (Stage::Draft, Some(until)) => format!("Draft: for those who write it. Not public before {until}."),
        (Stage::Embargoed, Some(until)) => format!("Under embargo: keep it to yourself until {until}."),
        (Stage::Embargoed, None) => "Under embargo: keep it to yourself.".to_owned(),
        (Stage::Published, _) => "May be passed on without limits.".to_owned(),
    };
    Block::Banner { label, text }
}

fn facts(advisory: &Advisory) -> Vec<(&'static str, Spans)> {
    let mut facts = Vec::new();
    let ids: Vec<&str> = advisory.ids.iter().map(VulnerabilityId::as_str).collect();
    facts.push((
        "Vulnerability",
        text(if ids.is_empty() { advisory.id.as_str().to_owned() } else { ids.join(", ") }),
    ));
    facts.push(("Program", text(advisory.program.name.as_str())));
    for scored in scores::v3(&advisory.severity).into_iter().chain(scores::v4(&advisory.severity)) {
        let rating = format!("{} {} ", scored.score(), scored.rating.name());
        facts.push((
            "Severity",
            vec![
                Span::Strong(rating.trim_end().to_owned()),
                Span::Text(" ".to_owned()),
                Span::Code(scored.vector),
            ],
        ));
    }
    if let Some(cwe) = &advisory.cwe {
        let name = cwe.name().map_or(String::new(), |name| format!(" {name}"));
        facts.push(("Weakness", text(format!("{cwe}{name}"))));
    }
    let publisher = &advisory.publisher;
    let contact = publisher.contact.as_ref().map_or(String::new(), |contact| format!(", {contact}"));
    facts.push(("Publisher", text(format!("{}{contact}", publisher.name))));
    if let Some(last) = advisory.history().next_back() {
        let state = match crate::csaf::status(advisory) {
            "interim" => ", interim: it will change when there is a fixed version",
            "final" => "",
            _ => ", draft",
        };
        facts.push(("Version", text(format!("{} of {}{state}", last.number, last.at))));
    }
    facts
}

fn versions(advisory: &Advisory) -> Block {
    let row =
        |name: Spans, state: &str, to_do: &str| vec![name, vec![Span::Strong(state.to_owned())], text(to_do)];
    let version =
        |name: &str| text(name.strip_prefix(advisory.program.name.as_str()).unwrap_or(name).trim_start());
    let update = if advisory.program.fixed.is_empty() {
        "no fixed version is known yet"
    } else {
        "install a fixed version"
    };
    let rows = products(advisory).into_iter().map(|product| match product.what {
        What::Affected(_) => row(version(&product.name), "affected", update),
        What::Build(patch) => {
            row(build(patch), "affected", "hot-patch the running process; no restart is needed")
        }
        What::Patched(patch) => {
            let mut name = build(patch);
            name.extend([Span::Text(" with patch ".to_owned()), Span::Code(patch.patch.to_string())]);
            row(name, "protected while it runs", "install a fixed version before it is started again")
        }
        What::Fixed(_) => row(version(&product.name), "fixed", "nothing"),
        What::Unknown => row(text("all"), "being looked into", "nothing yet"),
    });
    Block::Table { head: vec!["Version", "State", "What to do"], rows: rows.collect() }
}

fn build(patch: &crate::model::HotPatch) -> Spans {
    let version = patch.version.as_ref().map_or(String::new(), |version| format!("{version}, "));
    vec![Span::Text(format!("{version}build-id ")), Span::Code(patch.build_id.as_str().to_owned())]
}

fn telling(page: &mut Vec<Block>, advisory: &Advisory) {
    page.push(Block::Heading("Is a process protected?".to_owned()));
    page.push(Block::Paragraph(text(
        "A process that was patched while it runs still reports the version of the files that it was started from, so its version \
         tells nothing. Ask the process:",
    )));
    page.push(Block::Command("suture ps --pid PID".to_owned()));
    page.push(Block::Paragraph(text(
        "It is protected if it has one of these builds and the patch beside it in state on. Once it is started again from the \
         same files it is affected again.",
    )));
    let rows = advisory.hot_patch.iter().map(|patch| {
        let reported = patch.version.as_ref().map_or("not known".to_owned(), ToString::to_string);
        vec![code(patch.build_id.as_str()), code(patch.patch.as_str()), text(reported)]
    });
    page.push(Block::Table { head: vec!["Build-id", "Patch id", "It reports"], rows: rows.collect() });
}

fn to_do(advisory: &Advisory) -> Vec<Spans> {
    let mut items = Vec::new();
    if !advisory.hot_patch.is_empty() {
        items.push(vec![
            Span::Text("Apply the hot patch to running processes of the builds above: ".to_owned()),
            Span::Code("suture apply FILE --all".to_owned()),
            Span::Text(". No restart is needed.".to_owned()),
        ]);
        if let Some(bundle) = advisory.hot_patch.iter().find_map(|patch| patch.bundle.as_ref()) {
            items.push(vec![
                Span::Text("The patch comes in the bundle ".to_owned()),
                Span::Code(bundle.to_string()),
                Span::Text(".".to_owned()),
            ]);
        }
    }
    let fixed: Vec<&str> = advisory.program.fixed.iter().map(Line::as_str).collect();
    items.push(text(match (fixed.is_empty(), advisory.hot_patch.is_empty()) {
        (false, true) => format!("Install {} and start the program again.", fixed.join(" or ")),
        (false, false) => format!("Install {} before the program is started again.", fixed.join(" or ")),
        (true, false) => {
            "A fixed version will be named here; until then don't restart what is patched.".to_owned()
        }
        (true, true) => "There is no fix yet. One will be named here.".to_owned(),
    }));
    items
}

fn thanks(credit: &crate::model::Credit) -> Spans {
    let of = credit.organization.as_ref().map_or(String::new(), |organization| format!(" ({organization})"));
    vec![Span::Strong(credit.name.to_string()), Span::Text(format!("{of} {}", credit.role.deed()))]
}

fn history(advisory: &Advisory) -> Block {
    let rows = advisory.history().rev().map(|revision| {
        vec![
            text(revision.number.to_string()),
            text(revision.at.to_string()),
            text(revision.summary.as_str()),
        ]
    });
    Block::Table { head: vec!["Version", "Date", "What is new"], rows: rows.collect() }
}
