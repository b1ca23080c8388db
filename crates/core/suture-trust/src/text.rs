//! Text that people write into statements and that other people's terminals show.

use std::fmt;

/// Longest comment or reason, in bytes.
pub(crate) const TEXT_LEN_MAX: usize = 4096;
/// Longest name, URI or type, in bytes.
pub(crate) const NAME_LEN_MAX: usize = 1024;

/// Whether `text` is short enough and free of what moves cursors; line ends and tabs are text.
pub(crate) fn check_text(field: &str, text: &str) -> Result<(), String> {
    check(field, text, TEXT_LEN_MAX, |c| c.is_control() && c != '\n' && c != '\t')
}

/// The same for what stands on one line.
pub(crate) fn check_name(field: &str, text: &str) -> Result<(), String> {
    check(field, text, NAME_LEN_MAX, char::is_control)
}

/// What a parser says about foreign text, which it may quote: on one line, of bounded length.
pub(crate) fn told(error: &impl fmt::Display) -> String {
    const TOLD_MAX: usize = 300;
    let told = error.to_string();
    let mut line = String::new();
    for c in told.trim_end().chars().take(TOLD_MAX) {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

fn check(field: &str, text: &str, limit: usize, is_wrong: impl Fn(char) -> bool) -> Result<(), String> {
    if text.len() > limit {
        return Err(format!("`{field}` is {} bytes long, at most {limit} are read", text.len()));
    }
    match text.chars().find(|c| is_wrong(*c)) {
        Some(c) => Err(format!("`{field}` has the control character {}", c.escape_unicode())),
        None => Ok(()),
    }
}
