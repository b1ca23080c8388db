//! EPSS scores, from the published CSV file.
//!
//! <https://www.first.org/epss/data_stats>: a comment line `#model_version:…,score_date:…`, a line `cve,epss,percentile`, then one line
//! for each CVE. A score is a probability of exploitation in the next thirty days; it informs, and sets no deadline.

use serde::{Deserialize, Serialize};

use crate::error::CaseError;
use crate::names::{VulnerabilityId, is_cve};
use crate::values::{Fraction, Line, List};

/// Longest file that is read, in bytes: 400,000 lines take some fifteen million.
pub const FILE_BYTES_MAX: usize = 256 << 20;
/// Most lines of it.
pub const LINES_MAX: usize = 5_000_000;
const HELP: &str = "give the file epss_scores-YYYY-MM-DD.csv as FIRST publishes it, unpacked";
const COLUMNS: &str = "cve,epss,percentile";

/// What EPSS said about the CVEs of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// Version of the model.
    pub model: Line,
    /// Date of the scores, in the words of the file.
    pub date: Line,
    /// The CVEs of the case that have a score.
    #[serde(default)]
    pub scores: List<Score, { crate::model::IDS_MAX }>,
}

/// The score of a CVE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// The CVE.
    pub cve: VulnerabilityId,
    /// Probability of exploitation in the next thirty days.
    pub epss: Fraction,
    /// The part of all CVEs that have no higher score.
    pub percentile: Fraction,
}

impl Prediction {
    /// The highest score.
    pub fn highest(&self) -> Option<&Score> {
        self.scores.iter().max_by(|a, b| a.epss.value().total_cmp(&b.epss.value()))
    }
}

/// Looks `cves` up in the text of a file of scores.
///
/// # Errors
/// If it is too long or is no such file. Every line is checked, whether it is asked for or not.
pub fn look_up(text: &str, cves: &[VulnerabilityId]) -> Result<Prediction, CaseError> {
    let fault = |line: usize, what: String| CaseError::in_line(line, what, HELP);
    if text.len() > FILE_BYTES_MAX {
        return Err(fault(1, format!("{} bytes where at most {FILE_BYTES_MAX} may be", text.len())));
    }
    let mut lines = (1..).zip(text.lines());
    let first = lines.next().map_or("", |(_, line)| line);
    let (model, date) = heading(first).map_err(|what| fault(1, what))?;
    match lines.next() {
        Some((_, COLUMNS)) => {}
        _ => return Err(fault(2, format!("the second line is not '{COLUMNS}'"))),
    }
    let mut scores: Vec<Score> = Vec::new();
    for (number, line) in lines {
        if number > LINES_MAX {
            return Err(fault(number, format!("more than {LINES_MAX} lines")));
        }
        let score = row(line, cves).map_err(|what| fault(number, what))?;
        if let Some(score) = score {
            if scores.iter().any(|other| other.cve == score.cve) {
                return Err(fault(number, format!("{} has two scores", score.cve)));
            }
            scores.push(score);
        }
    }
    let scores = List::new(scores).map_err(|what| fault(1, what))?;
    Ok(Prediction { model, date, scores })
}

/// `#model_version:v2025.03.14,score_date:2025-12-01T00:00:00+0000`
fn heading(line: &str) -> Result<(Line, Line), String> {
    let wrong = || "the first line is not '#model_version:…,score_date:…'".to_owned();
    let (model, date) = line
        .strip_prefix("#model_version:")
        .and_then(|rest| rest.split_once(",score_date:"))
        .ok_or_else(wrong)?;
    Ok((model.parse()?, date.parse()?))
}

fn row(line: &str, cves: &[VulnerabilityId]) -> Result<Option<Score>, String> {
    let mut columns = line.split(',');
    let (Some(cve), Some(epss), Some(percentile), None) =
        (columns.next(), columns.next(), columns.next(), columns.next())
    else {
        return Err(format!("the line has not the three columns {COLUMNS}"));
    };
    if !is_cve(cve) {
        return Err("the first column is no CVE id".to_owned());
    }
    let (epss, percentile) = (epss.parse::<Fraction>()?, percentile.parse::<Fraction>()?);
    let asked = cves.iter().find(|other| other.as_str() == cve);
    Ok(asked.map(|cve| Score { cve: cve.clone(), epss, percentile }))
}
