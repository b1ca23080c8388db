//! A dossier as papers for people: the dossier itself, and the runbook with the exact commands of this patch.
//!
//! ```text
//!  Answers ─► context ─► template ─► Markdown ─► pulldown-cmark ─► page ─► HTML, self-contained, for screen and paper
//!                           └ every value passes `markdown`, so that nothing in it becomes structure
//! ```

mod context;
mod html;
mod markdown;

use std::borrow::Cow;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Output, State, Value, escape_formatter};
use thiserror::Error;

use crate::Dossier;

/// Which paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// What was decided and why.
    Dossier,
    /// What is typed, what is watched, when to turn back.
    Runbook,
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `CommonMark` with tables.
    Markdown,
    /// One page without anything from elsewhere.
    Html,
}

/// What a paper is made from.
#[derive(Debug, Clone, Copy)]
pub struct Rendering<'a> {
    /// The dossier; what is still open in it is shown as open.
    pub dossier: &'a Dossier,
    /// Where it comes from, for the foot of the page, such as the id of a bundle.
    pub source: &'a str,
    /// File name of the bundle, as the commands of the runbook name it.
    pub bundle: &'a str,
}

/// A template that does not fit its values: a defect.
#[derive(Debug, Error)]
#[error("the paper can't be rendered: {0}")]
pub struct RenderError(#[from] minijinja::Error);

const TEMPLATES: [(&str, &str); 3] = [
    ("dossier.md", include_str!("../templates/dossier.md")),
    ("runbook.md", include_str!("../templates/runbook.md")),
    (PAGE, include_str!("../templates/page.html")),
];
/// The only template of HTML.
const PAGE: &str = "page.html";
/// How the templates of Markdown are escaped.
const MARKDOWN: AutoEscape = AutoEscape::Custom(Cow::Borrowed("markdown"));

/// The text of a paper.
///
/// # Errors
/// None but by a defect of a template.
pub fn render(rendering: &Rendering<'_>, paper: Paper, format: Format) -> Result<String, RenderError> {
    let environment = environment()?;
    let name = match paper {
        Paper::Dossier => "dossier.md",
        Paper::Runbook => "runbook.md",
    };
    let context = Value::from(Serde(context::context(rendering)));
    let markdown = environment.get_template(name)?.render(context)?;
    match format {
        Format::Markdown => Ok(markdown),
        Format::Html => {
            let title = &rendering.dossier.answers.title;
            Ok(environment.get_template(PAGE)?.render(html::page(&markdown, paper, title))?)
        }
    }
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    environment.set_syntax(syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.set_auto_escape_callback(|name| if name == PAGE { AutoEscape::Html } else { MARKDOWN });
    environment.set_formatter(|out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value| {
        match value.as_str() {
            Some(text) if !value.is_safe() && *state.auto_escape() == MARKDOWN => {
                out.write_str(&markdown::text(text)).map_err(minijinja::Error::from)
            }
            // Numbers have nothing to escape, and what is safe is not escaped again.
            _ if *state.auto_escape() == MARKDOWN => write!(out, "{value}").map_err(minijinja::Error::from),
            _ => escape_formatter(out, state, value),
        }
    });
    environment.add_filter("code", |text: &str| Value::from_safe_string(markdown::code(text, false)));
    environment.add_filter("cell_code", |text: &str| Value::from_safe_string(markdown::code(text, true)));
    environment.add_filter("answer", |text: &str| Value::from_safe_string(markdown::answer(text)));
    environment.add_filter("paragraphs", |text: &str| Value::from_safe_string(markdown::paragraphs(text)));
    environment.add_filter("shell", |text: &str| Value::from_safe_string(markdown::shell_word(text)));
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}
