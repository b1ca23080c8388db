//! The page as one HTML file: no script, nothing fetched, good to read on a screen of any size and on paper.

use crate::content::{Block, Span, Spans, content};
use crate::model::Advisory;

const STYLE: &str = include_str!("../data/advisory.css");

/// `advisory` as HTML.
pub fn html(advisory: &Advisory) -> String {
    let mut page = String::new();
    page += "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    page += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    page += "<meta name=\"referrer\" content=\"no-referrer\">\n";
    page.extend(["<title>", &escaped(advisory.title.as_str()), "</title>\n<style>\n", STYLE]);
    page += "</style>\n</head>\n<body>\n<main>\n";
    for block in content(advisory) {
        page += &spell(&block, advisory);
        page.push('\n');
    }
    page + "</main>\n</body>\n</html>\n"
}

fn spell(block: &Block, advisory: &Advisory) -> String {
    match block {
        Block::Title(title) => format!("<h1>{}</h1>", escaped(title)),
        Block::Banner { label, text } => format!(
            "<p class=\"banner {}\"><strong class=\"{}\">{}</strong> {}</p>",
            advisory.stage,
            advisory.tlp.name().replace('+', "-"),
            escaped(label),
            escaped(text)
        ),
        Block::Heading(heading) => format!("<h2>{}</h2>", escaped(heading)),
        Block::Paragraph(words) => format!("<p>{}</p>", spans(words)),
        Block::Prose(text) => prose(text),
        Block::Facts(facts) => {
            let rows = facts.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", spans(value)));
            format!("<dl>\n{}\n</dl>", rows.collect::<Vec<_>>().join("\n"))
        }
        Block::Table { head, rows } => table(head, rows),
        Block::List(items) => {
            let items = items.iter().map(|item| format!("<li>{}</li>", spans(item)));
            format!("<ul>\n{}\n</ul>", items.collect::<Vec<_>>().join("\n"))
        }
        Block::Command(command) => format!("<pre><code>{}</code></pre>", escaped(command)),
    }
}

fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let lines = paragraph.lines().map(str::trim).filter(|line| !line.is_empty()).map(escaped);
        lines.collect::<Vec<_>>().join("<br>\n")
    });
    let paragraphs = paragraphs.filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| format!("<p>{paragraph}</p>")).collect::<Vec<_>>().join("\n")
}

fn table(head: &[&str], rows: &[Vec<Spans>]) -> String {
    let names: Vec<String> =
        head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escaped(name))).collect();
    let row = |row: &Vec<Spans>| {
        let cell = |(name, cell): (&&str, &Spans)| {
            format!("<td data-name=\"{}\">{}</td>", escaped(name), spans(cell))
        };
        format!("<tr>{}</tr>", head.iter().zip(row).map(cell).collect::<Vec<_>>().concat())
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    let names = names.concat();
    format!("<table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table>", rows.join("\n"))
}

fn spans(spans: &[Span]) -> String {
    let span = |span: &Span| match span {
        Span::Text(text) => escaped(text),
        Span::Strong(text) => format!("<strong>{}</strong>", escaped(text)),
        Span::Code(text) => format!("<code>{}</code>", escaped(text)),
        Span::Link { text, url } => {
            format!("<a href=\"{}\" rel=\"noopener noreferrer\">{}</a>", escaped(url), escaped(text))
        }
    };
    spans.iter().map(span).collect()
}

/// For text and for attributes in quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            _ => escaped.push(c),
        }
    }
    escaped
}
