//! Why a command could not do what it was asked: what, why, and how to go on.

use std::fmt;

use serde::Serialize;
use suture_delta::page::clean;

use crate::exit::Exit;

/// The end of a command that did not reach its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    exit: Exit,
    code: Option<&'static str>,
    what: String,
    why: Option<String>,
    help: Option<String>,
}

impl Failure {
    /// The command line, or a file that it names, is wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Something failed that was not expected to.
    pub(crate) fn unexpected(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    /// The analysis refuses.
    pub(crate) fn not_hot(what: impl Into<String>) -> Self {
        Self::new(Exit::NotHot, what)
    }

    /// The target refuses.
    pub(crate) fn by_target(what: impl Into<String>) -> Self {
        Self::new(Exit::TargetRefused, what)
    }

    /// A policy or a signature refuses.
    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::new(Exit::PolicyRefused, what)
    }

    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, code: None, what: what.into(), why: None, help: None }
    }

    /// Adds the reason.
    pub(crate) fn why(self, why: &(impl fmt::Display + ?Sized)) -> Self {
        Self { why: Some(why.to_string()), ..self }
    }

    /// Adds how to go on, one sentence.
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Adds a word for the audit log, where the exit code does not say enough.
    pub(crate) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The word for the audit log.
    pub(crate) fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// What and why, for a list of several.
    pub(crate) fn in_one_line(&self) -> String {
        match &self.why {
            Some(why) => format!("{}: {}", self.what, why.trim_end().replace('\n', " ")),
            None => self.what.clone(),
        }
    }

    /// The code to end with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The document that stands in for the command's own.
    pub(crate) fn document(&self) -> impl Serialize + '_ {
        Document { schema: 1, error: self.explanation(), unrecorded: None }
    }

    /// The same, with the document of an act that is only not recorded, and the code that it would have ended with.
    pub(crate) fn document_with<'a>(
        &'a self,
        exit: Exit,
        answer: &'a serde_json::Value,
    ) -> impl Serialize + 'a {
        let unrecorded = Some(Unrecorded { exit: exit as u8, answer });
        Document { schema: 1, error: self.explanation(), unrecorded }
    }

    fn explanation(&self) -> Explanation<'_> {
        Explanation {
            exit: self.exit as u8,
            what: &self.what,
            why: self.why.as_deref(),
            help: self.help.as_deref(),
        }
    }

    /// The text for people, with the colours of clap's own errors if `colour` says so. Names of files and what libraries quote
    /// may be anybody's: nothing in them acts on the terminal.
    pub(crate) fn text(&self, colour: bool) -> String {
        let paint = |code: &str, text: &str| {
            if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
        };
        let lines = |text: &str| -> Vec<String> {
            text.trim_end().lines().map(|line| clean(&line.replace('\t', "    "))).collect()
        };
        let why = self.why.iter().map(|why| lines(why).join("\n       "));
        let why = why.map(|why| format!("  {} {why}\n", paint("1", "why:")));
        let help = self.help.iter().map(|help| format!("  {} {}\n", paint("1;32", "help:"), clean(help)));
        let what = format!("{} {}\n", paint("1;31", "error:"), clean(&self.what));
        std::iter::once(what).chain(why).chain(help).collect()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    error: Explanation<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unrecorded: Option<Unrecorded<'a>>,
}

#[derive(Serialize)]
struct Unrecorded<'a> {
    exit: u8,
    answer: &'a serde_json::Value,
}

#[derive(Serialize)]
struct Explanation<'a> {
    exit: u8,
    what: &'a str,
    why: Option<&'a str>,
    help: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_why_and_how_to_go_on() {
        let failure =
            Failure::usage("`x` can't be read").why("it is gone\nfor good").help("name another file");
        let text =
            "error: `x` can't be read\n  why: it is gone\n       for good\n  help: name another file\n";
        assert_eq!(failure.text(false), text);
        let document = serde_json::to_value(failure.document()).unwrap();
        assert_eq!(document["error"]["exit"], 2);
    }

    #[test]
    fn nothing_foreign_acts_on_the_terminal() {
        let failure =
            Failure::usage("`a\x1b[2J` can't be read").why("b\r\x1b]0;c\x07\n\u{202e}d").help("e\x08");
        let text = "error: `a\\u{1b}[2J` can't be read\n  why: b\\u{d}\\u{1b}]0;c\\u{7}\n       \\u{202e}d\n  help: e\\u{8}\n";
        assert_eq!(failure.text(false), text);
    }
}
