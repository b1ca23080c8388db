//! Foreign text in Markdown: shown as it is, and never taken for structure (`CommonMark` 0.31, tables of GFM).

use suture_delta::page::clean;

use crate::question::{OPEN, is_open};

/// Text within a line.
pub(super) fn text(text: &str) -> String {
    let line = one_line(text);
    let mut escaped = String::with_capacity(line.len());
    let mut begin = true;
    let mut in_number = false;
    for c in line.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '$' | '^' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // What would begin a list or underline a heading at the beginning of a line.
            '-' | '+' | '=' | ':' if begin => {
                escaped.push('\\');
                escaped.push(c);
            }
            '.' | ')' if in_number => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
        in_number = c.is_ascii_digit() && (begin || in_number);
        begin = false;
    }
    escaped
}

/// A code span. In the cell of a table, a `|` ends the cell unless it is escaped.
pub(super) fn code(text: &str, in_cell: bool) -> String {
    let line = one_line(text);
    if line.is_empty() {
        return String::new();
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    // A backslash before the bar would be taken for its escape.
    let line = if in_cell { line.replace("\\|", "\\ |").replace('|', "\\|") } else { line };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// An answer within a line; one that is still open is shown as open.
pub(super) fn answer(answer: &str) -> String {
    if is_open(answer) { open(answer) } else { text(answer) }
}

/// An answer of one or more paragraphs.
pub(super) fn paragraphs(answer: &str) -> String {
    if is_open(answer) {
        return open(answer);
    }
    let lines: Vec<&str> = answer.lines().map(str::trim).collect();
    let paragraphs = lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty());
    paragraphs.map(|lines| text(&lines.join(" "))).collect::<Vec<_>>().join("\n\n")
}

fn open(answer: &str) -> String {
    let asked = answer.trim().trim_start_matches(OPEN).trim();
    let asked = if asked.is_empty() { String::new() } else { format!(": {}", text(asked)) };
    format!("**still open**{asked}")
}

/// A word that a POSIX shell takes as it is, and no command for an option.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-/:@%,=".contains(c);
    let mut text = clean(text);
    if text.starts_with('-') {
        text.insert_str(0, "./");
    }
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn one_line(text: &str) -> String {
    clean(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_structure() {
        let rows = [
            ("# a", "\\# a"),
            ("- a", "\\- a"),
            ("12. a", "12\\. a"),
            ("1) a", "1\\) a"),
            ("3.14", "3\\.14"),
            ("a 1. b", "a 1. b"),
            ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
            ("[a](b)", "\\[a\\](b)"),
            ("a\n\n# b", "a \\# b"),
            ("a|b", "a\\|b"),
            ("x^2^", "x\\^2\\^"),
            ("\u{202e}a", "\\\\u{202e}a"),
        ];
        for (foreign, shown) in rows {
            assert_eq!(text(foreign), shown, "{foreign:?}");
        }
    }

    #[test]
    fn paragraphs_are_the_only_structure_of_an_answer() {
        assert_eq!(paragraphs("a\nb\n\n# c\n \n\n    d\n- e"), "a b\n\n\\# c\n\nd - e");
        assert_eq!(paragraphs(" ?? the author "), "**still open**: the author");
        assert_eq!(paragraphs(""), "**still open**");
    }

    #[test]
    fn code_ends_where_it_is_meant_to() {
        let rows = [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("", ""), ("a\n\nb", "`a b`")];
        for (foreign, shown) in rows {
            assert_eq!(code(foreign, false), shown, "{foreign:?}");
        }
        assert_eq!(code("a|b", true), "`a\\|b`");
    }

    #[test]
    fn a_word_is_one_word() {
        let rows = [
            ("fix.bundle", "fix.bundle"),
            ("a b", "'a b'"),
            ("a'$(x)", r"'a'\''$(x)'"),
            ("-rf", "./-rf"),
            ("", "''"),
        ];
        for (foreign, shown) in rows {
            assert_eq!(shell_word(foreign), shown, "{foreign:?}");
        }
    }
}
