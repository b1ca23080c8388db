//! The pages for people: the same content, and nothing that somebody wrote becomes markup.

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};
use suture_advisory::html::html;
use suture_advisory::markdown::{escaped, markdown};
use suture_advisory::{Advisory, Stage};

use crate::made::{any_advisory, in_stage};

#[test]
fn the_pages() {
    for stage in [Stage::Draft, Stage::Embargoed, Stage::Published] {
        insta::assert_snapshot!(format!("markdown_{stage}"), markdown(&in_stage(stage)));
    }
    insta::assert_snapshot!("html", html(&in_stage(Stage::Published)));
}

fn events(text: &str) -> Vec<Event<'_>> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).collect()
}

/// The words of a Markdown text as readers see them.
fn shown(text: &str) -> String {
    let words = events(text).into_iter().filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(text.to_string()),
        Event::SoftBreak | Event::HardBreak => Some(" ".to_owned()),
        _ => None,
    });
    words.collect()
}

fn links(advisory: &Advisory) -> usize {
    advisory.reference.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn markdown_shows_what_was_written(advisory in any_advisory()) {
        let page = markdown(&advisory);
        let events = events(&page);
        let is_html = |event: &Event<'_>| matches!(event, Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::Image { .. } | Tag::HtmlBlock));
        prop_assert!(!events.iter().any(is_html), "{page}");
        let count = events.iter().filter(|event| matches!(event, Event::Start(Tag::Link { .. }))).count();
        prop_assert_eq!(count, links(&advisory), "{}", page);
        let titles: Vec<_> = events.iter().filter(|event| matches!(event, Event::Start(Tag::Heading { level: pulldown_cmark::HeadingLevel::H1, .. }))).collect();
        prop_assert_eq!(titles.len(), 1);
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = squeeze(&shown(&page));
        for text in [advisory.title.as_str(), advisory.publisher.name.as_str()] {
            prop_assert!(shown.contains(&squeeze(text)), "{text}: {shown}");
        }
    }

    #[test]
    fn escaped_lines_are_read_back(text in "\\PC{1,60}") {
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(squeeze(&shown(&escaped(&text))), squeeze(&text));
    }

    #[test]
    fn html_has_no_tags_but_ours(advisory in any_advisory()) {
        let page = html(&advisory);
        for tag in page.split('<').skip(1) {
            let name: String = tag.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!').collect();
            let ours = [
                "!doctype", "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "br", "dl", "dt",
                "dd", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "pre", "code", "strong", "a", "!",
            ];
            prop_assert!(ours.contains(&name.as_str()), "<{tag}");
        }
        prop_assert_eq!(page.matches("<a ").count(), links(&advisory));
        prop_assert!(!page.contains("onerror=alert(1)>"), "{}", page);
    }

    #[test]
    fn the_same_advisory_gives_the_same_bytes(advisory in any_advisory()) {
        let again = Advisory::parse(&advisory.to_text().unwrap()).unwrap();
        prop_assert_eq!(&again, &advisory);
        prop_assert_eq!(html(&again), html(&advisory));
        prop_assert_eq!(markdown(&again), markdown(&advisory));
    }
}
