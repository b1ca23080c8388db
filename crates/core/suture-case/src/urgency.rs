//! How urgent, by a decision table, and by when.
//!
//! Where an answer is missing, the rows that the others leave are looked at: if all of them say the same, the table has
//! decided; otherwise the most urgent of them counts, and the answers that would settle it are named. What is unknown is
//! unsafe, and a missing answer must not buy time.
//!
//! Only BOD 26-04 counts days. They are calendar days in UTC from the day of detection, or of listing in KEV if that was
//! earlier, and the last of them is the day on which it is due. The others set priorities; no date is made up for them.

use serde::Serialize;

use crate::inputs::Input;
use crate::table::{Outcome, Table};
use crate::values::Day;

/// What one table says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Urgency {
    /// The table's id.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where the original can be read.
    pub uri: String,
    /// The row that decided, counted from 0 as in the source.
    pub row: usize,
    /// The questions, in the order of the table, with the answers of that row.
    pub answers: Vec<Answer>,
    /// SSVC key of the outcome.
    pub key: String,
    /// The outcome in words.
    pub outcome: String,
    /// Whether the answers that are there decide it; otherwise it is the worst that is possible.
    pub decided: bool,
    /// The answers that would settle it.
    pub open: Vec<Input>,
    /// The last day.
    pub due: Option<Day>,
    /// Whether forensics are asked for.
    pub forensics: bool,
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The SSVC identity of the question.
    pub point: String,
    /// The question.
    pub input: Input,
    /// SSVC key of the answer.
    pub key: String,
    /// The answer in words.
    pub answer: String,
    /// Whether nobody has given it, so that the gravest one stands in.
    pub assumed: bool,
}

/// Asks `table`. `answer` gives the word for the answer to a question, `from` is the day that days are counted from.
pub fn decide(table: &Table, answer: &dyn Fn(Input) -> Option<&'static str>, from: Day) -> Option<Urgency> {
    let given: Vec<Option<usize>> = table
        .points
        .iter()
        .map(|point| {
            let word = answer(point.input)?;
            point.values.iter().position(|(_, known)| known == word)
        })
        .collect();
    let fits = |answers: &[usize]| {
        answers.iter().zip(&given).all(|(have, want)| want.is_none_or(|want| want == *have))
    };
    let left = || (0..).zip(&table.rows).filter(|(_, row)| fits(&row.answers));
    // Of the rows with the worst outcome the one with the gravest answers, so that the assumption shows.
    let (number, row): (usize, _) = left().max_by_key(|(_, row)| (row.outcome, &row.answers))?;
    let decided = left().all(|(_, other)| other.outcome == row.outcome);
    let outcome: &Outcome = table.outcomes.get(row.outcome)?;
    let answers = table.points.iter().zip(&row.answers).zip(&given).filter_map(|((point, index), given)| {
        let (key, word) = point.values.get(*index)?;
        Some(Answer {
            point: point.identity.clone(),
            input: point.input,
            key: key.clone(),
            answer: word.clone(),
            assumed: given.is_none(),
        })
    });
    let answers: Vec<Answer> = answers.collect();
    let open =
        answers.iter().filter(|answer| answer.assumed && !decided).map(|answer| answer.input).collect();
    Some(Urgency {
        table: table.id.clone(),
        name: table.name.clone(),
        version: table.version.clone(),
        uri: table.uri.clone(),
        row: number,
        answers,
        key: outcome.key.clone(),
        outcome: outcome.name.clone(),
        decided,
        open,
        due: outcome.days.map(|days| from.plus_days(days)),
        forensics: outcome.forensics,
    })
}
