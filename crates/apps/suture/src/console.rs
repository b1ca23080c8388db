//! Where answers go: one document or text to stdout, talk and progress to stderr.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::time::Duration;

use clap::ColorChoice;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use suture_delta::page::{Look, clean};

use crate::exit::Exit;
use crate::failure::Failure;

/// The terminal, pipe or file that a command talks to.
pub(crate) struct Console {
    json: bool,
    color: ColorChoice,
    /// Answers that are held back.
    held: RefCell<Option<String>>,
}

/// Progress of one piece of work; it leaves the terminal when dropped.
pub(crate) struct Progress(ProgressBar);

/// Work that takes less shows no progress.
const PROGRESS_AFTER: Duration = Duration::from_secs(1);
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Wider lines than this are hard to read, however wide the terminal.
const WIDTH_MAX: usize = 160;

impl Console {
    /// `json`: the command owes a document instead of text.
    pub(crate) fn new(json: bool, color: ColorChoice) -> Self {
        Self { json, color, held: RefCell::new(None) }
    }

    /// Prints the answer of a command: `document` with `--json`, otherwise `text`.
    pub(crate) fn answer(
        &self,
        document: &impl Serialize,
        text: impl FnOnce(&Look) -> String,
    ) -> Result<(), Failure> {
        if self.json { self.print(&in_one_line(document)?) } else { self.print(&text(&self.look())) }
    }

    /// Prints an answer that is the same for people and for scripts.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        match self.held.borrow_mut().as_mut() {
            Some(held) => held.push_str(text),
            None => print(text)?,
        }
        Ok(())
    }

    /// Holds answers back from here on: what they say is not certain before it is recorded.
    pub(crate) fn hold(&self) {
        self.held.replace(Some(String::new()));
    }

    /// Prints what was held back.
    pub(crate) fn release(&self) -> Result<(), Failure> {
        self.held.take().map_or(Ok(()), |text| print(&text))
    }

    /// Says how an act has ended, and that the log does not have it: what it answers, or why it does not, comes with that. Gives the code to
    /// end with.
    pub(crate) fn unrecorded(
        &self,
        ended: Result<Exit, Failure>,
        unrecorded: &Failure,
    ) -> Result<Exit, Failure> {
        let held = self.held.take().unwrap_or_default();
        if self.json {
            let (exit, answer) = match &ended {
                Ok(exit) => (*exit, held),
                Err(failure) => (failure.exit(), in_one_line(&failure.document())?),
            };
            // What is no document is a text.
            let answer = serde_json::from_str(&answer).unwrap_or(serde_json::Value::String(answer));
            print(&in_one_line(&unrecorded.document_with(exit, &answer))?)?;
        } else {
            match ended {
                Ok(_) => print(&held)?,
                Err(failure) => drop(self.explain(&failure)),
            }
        }
        Ok(self.explain(unrecorded))
    }

    /// Whether the command owes a document.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Says why there is no answer, and with what code to end.
    pub(crate) fn fail(&self, failure: &Failure) -> Exit {
        // There is no third place to complain to if neither can be written.
        if self.json {
            let _ = in_one_line(&failure.document()).and_then(|document| print(&document));
        }
        self.explain(failure)
    }

    /// Says why the answer is a refusal, beside a document that has been printed, and with what code to end.
    pub(crate) fn explain(&self, failure: &Failure) -> Exit {
        let _ = io::stderr().write_all(failure.text(self.colour_for(&io::stderr())).as_bytes());
        failure.exit()
    }

    /// Says something that is no answer and no failure, to stderr.
    pub(crate) fn note(&self, text: &str) {
        let stderr = io::stderr();
        let word = if self.colour_for(&stderr) { "\x1b[1;33mnote:\x1b[0m" } else { "note:" };
        // Whoever does not listen misses nothing that the answer depends on.
        let _ = writeln!(stderr.lock(), "{word} {}", clean(text));
    }

    fn look(&self) -> Look {
        let stdout = io::stdout();
        let width =
            terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0).min(WIDTH_MAX));
        Look { width, colour: self.colour_for(&stdout) }
    }

    /// <https://no-color.org>: any value but the empty one.
    fn colour_for(&self, stream: &impl io::IsTerminal) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }
}

impl Progress {
    /// Shows that `what` is being done, on a terminal, if it takes more than a second.
    pub(crate) fn start(what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        if let (true, Ok(style)) = (io::stderr().is_terminal(), style) {
            bar.set_style(style);
            bar.set_message(what.to_owned());
            let shown = bar.downgrade();
            std::thread::spawn(move || {
                std::thread::sleep(PROGRESS_AFTER);
                if let Some(bar) = shown.upgrade().filter(|bar| !bar.is_finished()) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(PROGRESS_EVERY);
                }
            });
        }
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn in_one_line(document: &impl Serialize) -> Result<String, Failure> {
    let mut json = serde_json::to_string(document)
        .map_err(|error| Failure::unexpected("the answer can't be written as JSON").why(&error))?;
    json.push('\n');
    Ok(json)
}

/// Whoever stops reading (`suture ps | head -1`) has what they wanted.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::unexpected("the answer can't be written to stdout").why(&error))
        }
        _ => Ok(()),
    }
}
