//! Markdown as a page.

use minijinja::{Value, context};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use suture_delta::page::clean;

use super::Paper;

/// The values of `page.html`.
pub(super) fn page(markdown: &str, paper: Paper, title: &str) -> Value {
    let kind = match paper {
        Paper::Dossier => "Dossier",
        Paper::Runbook => "Runbook",
    };
    context! { body => Value::from_safe_string(body(markdown)), kind, title => clean(title) }
}

fn body(markdown: &str) -> String {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).filter_map(harmless);
    let mut body = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut body, events);
    body
}

/// The templates have no links, pictures and no HTML, and values can't become any. Should one do so all the same, it is
/// shown as text.
fn harmless(event: Event<'_>) -> Option<Event<'_>> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { .. } | Tag::Image { .. }) | Event::End(TagEnd::Link | TagEnd::Image) => None,
        event => Some(event),
    }
}
