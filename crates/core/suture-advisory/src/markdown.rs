//! The page as `CommonMark` with tables, so that what people wrote stays words: no markup, no links, no HTML.

use crate::content::{Block, Span, Spans, content};
use crate::model::Advisory;

/// `advisory` in Markdown.
pub fn markdown(advisory: &Advisory) -> String {
    let blocks: Vec<String> = content(advisory).iter().map(block).collect();
    blocks.join("\n\n") + "\n"
}

/// `text` in a form that Markdown shows as it is, in paragraphs and lines of their own.
pub fn escaped(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let lines = paragraph.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(escaped_line).collect::<Vec<_>>().join("\\\n")
    });
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Title(title) => format!("# {}", escaped_line(title)),
        Block::Banner { label, text } => format!("> **{}** {}", escaped_line(label), escaped_line(text)),
        Block::Heading(heading) => format!("## {}", escaped_line(heading)),
        Block::Paragraph(words) => spans(words),
        Block::Prose(text) => escaped(text),
        Block::Facts(facts) => {
            let lines = facts.iter().map(|(name, value)| format!("- {name}: {}", spans(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
        Block::Table { head, rows } => table(head, rows),
        Block::List(items) => {
            items.iter().map(|item| format!("- {}", spans(item))).collect::<Vec<_>>().join("\n")
        }
        Block::Command(command) => format!("```sh\n{command}\n```"),
    }
}

fn table(head: &[&str], rows: &[Vec<Spans>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        line(head.iter().map(|name| escaped_line(name)).collect()),
        line(head.iter().map(|_| "---".to_owned()).collect()),
    ];
    lines.extend(rows.iter().map(|row| line(row.iter().map(|cell| spans(cell)).collect())));
    lines.join("\n")
}

fn spans(spans: &[Span]) -> String {
    spans.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(text) => escaped_inline(text),
        Span::Strong(text) => format!("**{}**", escaped_inline(text.trim())),
        Span::Code(text) => code(text),
        Span::Link { text, url } => {
            let url: String = url
                .chars()
                .map(|c| if "()".contains(c) { format!("%{:02X}", c as u32) } else { c.to_string() })
                .collect();
            format!("[{}](<{url}>)", escaped_inline(text))
        }
    }
}

/// Between more backticks than there are in it. Tables are cut at bars before anything else is read.
fn code(text: &str) -> String {
    let mut longest = 0;
    for run in text.split(|c| c != '`') {
        longest = longest.max(run.len());
    }
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// A line: what has a meaning at the beginning of a line has none either.
fn escaped_line(text: &str) -> String {
    let inline = escaped_inline(text);
    let digits = inline.bytes().take_while(u8::is_ascii_digit).count();
    match inline.as_bytes().get(digits) {
        Some(b'.' | b')') if digits > 0 => {
            let (number, rest) = inline.split_at(digits);
            format!("{number}\\{rest}")
        }
        Some(b'-' | b'+' | b'=') if digits == 0 => format!("\\{inline}"),
        _ => inline,
    }
}

fn escaped_inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => escaped.push(' '),
            '\\' | '`' | '*' | '[' | ']' | '<' | '|' | '~' | '&' | '#' | '$' | '!' | '>' | '_' | '@'
            | '^' => {
                escaped.extend(['\\', c]);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}
