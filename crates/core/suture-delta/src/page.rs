//! Text for people: headings, prose that wraps, tables that line up.
//!
//! Pure: what the terminal can do comes in as a [`Look`]. Names may come from a stranger's file, so whatever
//! a [`Page`] is given for a table or as prose is shown without the characters that could move a cursor or
//! reverse a line.

mod table;

pub use table::{Cell, Column};

/// What the reader's terminal can show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Columns to stay within; `None` where lines may be of any length, as in a file.
    pub width: Option<usize>,
    /// Whether to use colours (ANSI SGR).
    pub colour: bool,
}

/// What a piece of text is to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// What the eye should find first.
    Strong,
    /// What may be skipped.
    Faint,
    /// As it should be.
    Good,
    /// A refusal, a failure, something removed.
    Bad,
    /// To be looked at.
    Warn,
}

/// A text that grows by headings and indented lines.
#[derive(Debug)]
pub struct Page {
    look: Look,
    text: String,
}

/// Left margin below a heading.
pub const INDENT: usize = 2;
/// Where no terminal says otherwise, running text is wrapped as in a book.
const PROSE_WIDTH: usize = 100;
/// However narrow the terminal, words need some room.
const PROSE_WIDTH_MIN: usize = 20;

impl Page {
    /// An empty page.
    pub fn new(look: Look) -> Self {
        Self { look, text: String::new() }
    }

    /// How the page looks.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Starts a section.
    pub fn heading(&mut self, words: &str) {
        self.gap();
        self.text += &paint(self.look, words, Tone::Strong);
        self.text.push('\n');
    }

    /// An empty line, unless nothing stands before it.
    pub fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// One line, as it is: painted and cleaned by the caller.
    pub fn line(&mut self, line: &str) {
        self.text += line.trim_end();
        self.text.push('\n');
    }

    /// Running text behind a mark, wrapped so that it stands beside the mark.
    pub fn prose(&mut self, indent: usize, mark: &str, tone: Tone, words: &str) {
        let margin = indent + if mark.is_empty() { 0 } else { mark.chars().count() + 1 };
        let width = self.look.width.unwrap_or(PROSE_WIDTH).saturating_sub(margin).max(PROSE_WIDTH_MIN);
        let lead = if mark.is_empty() { String::new() } else { format!("{} ", paint(self.look, mark, tone)) };
        for (index, line) in wrap(&clean(words), width).iter().enumerate() {
            if index == 0 {
                self.line(&format!("{}{lead}{line}", " ".repeat(indent)));
            } else {
                self.line(&format!("{}{line}", " ".repeat(margin)));
            }
        }
    }

    /// Columns that line up; those of [`Column::Name`] and [`Column::Path`] give way where the line would be too long,
    /// those with nothing in them are left out. Each row has one cell for each of `columns`.
    pub fn table(&mut self, columns: &[Column], rows: Vec<Vec<Cell>>) {
        table::write(self, columns, rows);
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }
}

/// `text` in the colour of `tone`, if there are colours.
pub fn paint(look: Look, text: &str, tone: Tone) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Strong => "1",
        Tone::Faint => "2",
        Tone::Good => "1;32",
        Tone::Bad => "1;31",
        Tone::Warn => "33",
    };
    if look.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A foreign text without characters that act on a terminal instead of being shown.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_directional(c) {
            cleaned.extend(c.escape_unicode());
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

/// Unicode's bidirectional controls, which can make code look like other code (UTS #55).
fn is_directional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 function`, `2 functions`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// The first few of `names`, and how many more there are.
pub fn listed(names: &[String], shown_max: usize) -> String {
    let shown = names.iter().take(shown_max).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(shown_max) {
        0 => shown,
        more => format!("{shown} and {} more", grouped(more as u64)),
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_do_not_act_on_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\u{202e}c\r\n"), "a\\u{1b}[2Jb\\u{202e}c\\u{d}\\u{a}");
        assert_eq!(clean("größe<T>"), "größe<T>");
    }

    #[test]
    fn numbers_are_grouped() {
        let rows = [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")];
        for (number, text) in rows {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn prose_stands_beside_its_mark() {
        let mut text = Page::new(Look { width: Some(26), colour: false });
        text.prose(2, "-", Tone::Plain, "one two three four five six");
        assert_eq!(text.finish(), "  - one two three four\n    five six\n");
    }
}
