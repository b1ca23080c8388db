//! Decision tables: data in `tables/*.toml`, each with its source and version, read and checked here.
//!
//! A table has points (questions with answers in order), an outcome (values from the least to the most urgent) and one
//! row for each combination of answers. It is refused unless it is whole: no combination missing, none twice. It must be
//! monotone as well: a graver answer never leads to a less urgent outcome (SSVC demands that of its tables), which is what makes
//! it sound to take the gravest answer where one is missing ([`crate::urgency`]).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::CaseError;
use crate::inputs::Input;
use crate::values::{Line, Prose};

/// Longest table that is read, in bytes.
pub const TABLE_BYTES_MAX: usize = 256 << 10;
/// Most rows.
pub const ROWS_MAX: usize = 4096;
const HELP: &str = "see docs/formats/case.md for what a decision table says";

/// A decision table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name on command lines and in documents.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `namespace:key:version` in SSVC.
    pub identity: String,
    /// Where the original can be read.
    pub uri: String,
    /// What is from where.
    pub source: String,
    /// Its questions.
    pub points: Vec<Point>,
    /// The SSVC identity of its outcome.
    pub outcome_identity: String,
    /// The name of its outcome.
    pub outcome_name: String,
    /// The values of its outcome, from the least to the most urgent.
    pub outcomes: Vec<Outcome>,
    /// One row for each combination of answers, as in the source.
    pub rows: Vec<Row>,
}

/// A question of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// `namespace:key:version` in SSVC.
    pub identity: String,
    /// Its name for people.
    pub name: String,
    /// What answers it.
    pub input: Input,
    /// SSVC keys of its answers and the words that cases use, from the harmless to the grave.
    pub values: Vec<(String, String)>,
}

/// A value of a table's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// SSVC key.
    pub key: String,
    /// For people.
    pub name: String,
    /// Calendar days until it is due; nothing if the table sets no date.
    pub days: Option<u16>,
    /// Whether forensics are asked for.
    #[serde(default)]
    pub forensics: bool,
}

/// A row: for each point the index of its answer, and the index of the outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Indices of answers, one for each point.
    pub answers: Vec<usize>,
    /// Index of the outcome.
    pub outcome: usize,
}

/// The three tables that come with Suture.
const BUILT_IN: [&str; 3] = [
    include_str!("../tables/cisa-bod-26-04.toml"),
    include_str!("../tables/ssvc-coordinator.toml"),
    include_str!("../tables/ssvc-deployer.toml"),
];

/// The tables that come with Suture: BOD 26-04, SSVC coordinator, SSVC deployer.
///
/// # Errors
/// Never as built; the tests read them.
pub fn built_in() -> Result<Vec<Table>, CaseError> {
    BUILT_IN.into_iter().map(Table::parse).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    id: Line,
    name: Line,
    version: Line,
    identity: Line,
    uri: Line,
    source: Prose,
    point: Vec<PointFile>,
    outcome: OutcomeFile,
    mapping: MappingFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PointFile {
    identity: Line,
    name: Line,
    input: Input,
    values: Vec<ValueFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueFile {
    key: String,
    answer: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomeFile {
    identity: Line,
    name: Line,
    values: Vec<Outcome>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    rows: Vec<toml::Spanned<Vec<String>>>,
}

impl Table {
    /// Reads the text of a table.
    ///
    /// # Errors
    /// If it is too long, can't be read, has rows that don't fit, is not whole or not monotone.
    pub fn parse(text: &str) -> Result<Self, CaseError> {
        if text.len() > TABLE_BYTES_MAX {
            let what = format!("{} bytes where at most {TABLE_BYTES_MAX} may be", text.len());
            return Err(CaseError::in_line(1, what, HELP));
        }
        let file: TableFile = toml::from_str(text).map_err(|error| CaseError::of_toml(text, &error, HELP))?;
        let whole = |what: String| CaseError::in_line(1, what, HELP);
        let points = file.point.into_iter().map(Point::of).collect::<Result<Vec<_>, _>>().map_err(whole)?;
        let mut table = Self {
            id: file.id.to_string(),
            name: file.name.to_string(),
            version: file.version.to_string(),
            identity: file.identity.to_string(),
            uri: file.uri.to_string(),
            source: file.source.to_string(),
            points,
            outcome_identity: file.outcome.identity.to_string(),
            outcome_name: file.outcome.name.to_string(),
            outcomes: file.outcome.values,
            rows: Vec::new(),
        };
        for row in &file.mapping.rows {
            let read = table.row(row.get_ref());
            let read = read.map_err(|what| CaseError::at(text, row.span().start, what, HELP))?;
            table.rows.push(read);
        }
        table.check_whole().and_then(|()| table.check_monotone()).map_err(whole)?;
        Ok(table)
    }

    fn row(&self, keys: &[String]) -> Result<Row, String> {
        let Some((outcome, answers)) =
            keys.split_last().filter(|(_, answers)| answers.len() == self.points.len())
        else {
            return Err(format!(
                "a row has {} keys: one for each point, then the outcome",
                self.points.len() + 1
            ));
        };
        let no_key = |key: &str, of: &str| format!("{key:?} is no key of {of}");
        let index = |(point, key): (&Point, &String)| {
            let found = point.values.iter().position(|(known, _)| known == key);
            found.ok_or_else(|| no_key(key, &point.name))
        };
        let found = self.outcomes.iter().position(|known| known.key == *outcome);
        Ok(Row {
            answers: self.points.iter().zip(answers).map(index).collect::<Result<_, _>>()?,
            outcome: found.ok_or_else(|| no_key(outcome, &self.outcome_name))?,
        })
    }

    /// One row for each combination of answers.
    fn check_whole(&self) -> Result<(), String> {
        let combinations =
            self.points.iter().try_fold(1_usize, |product, point| product.checked_mul(point.values.len()));
        let combinations = combinations.filter(|product| *product <= ROWS_MAX);
        let combinations =
            combinations.ok_or_else(|| format!("the points have more than {ROWS_MAX} combinations"))?;
        let mut places = BTreeMap::new();
        for (number, row) in self.rows.iter().enumerate() {
            if let Some(other) = places.insert(&row.answers, number) {
                return Err(format!("rows {other} and {number} ask for the same answers"));
            }
        }
        if places.len() != combinations {
            return Err(format!("{} rows where {combinations} combinations of answers are", places.len()));
        }
        Ok(())
    }

    /// A graver answer never leads to a less urgent outcome. It is enough to compare neighbours.
    fn check_monotone(&self) -> Result<(), String> {
        let by_answers: BTreeMap<&[usize], (usize, usize)> = (0..)
            .zip(&self.rows)
            .map(|(number, row)| (row.answers.as_slice(), (number, row.outcome)))
            .collect();
        for (number, row) in self.rows.iter().enumerate() {
            for place in 0..row.answers.len() {
                let mut graver = row.answers.clone();
                graver[place] += 1;
                if let Some((other, outcome)) = by_answers.get(graver.as_slice())
                    && *outcome < row.outcome
                {
                    return Err(format!(
                        "row {other} has a graver answer than row {number} and a less urgent outcome"
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Point {
    fn of(file: PointFile) -> Result<Self, String> {
        let known = file.input.answers();
        let words: Vec<&str> = file.values.iter().map(|value| value.answer.as_str()).collect();
        if words != known {
            return Err(format!(
                "{} has the answers {}, and not {}",
                file.input,
                known.join(", "),
                words.join(", ")
            ));
        }
        Ok(Self {
            identity: file.identity.to_string(),
            name: file.name.to_string(),
            input: file.input,
            values: file.values.into_iter().map(|value| (value.key, value.answer)).collect(),
        })
    }
}
