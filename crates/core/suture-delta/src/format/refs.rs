//! `.suture.refs`: where each reference to the old build is found, one line of JSON each, in the order
//! of the symbol table. A first line names the layout.

use serde::{Deserialize, Serialize};

use super::{
    REFERENCES_MAX, REFS_SECTION,
    error::{FormatError, json_fault},
};
use crate::model::{Reference, Resolution};

const FIRST_LINE: &str = "suture-refs 1";

#[derive(Serialize)]
struct LineOut<'a> {
    name: &'a str,
    #[serde(flatten)]
    resolution: &'a Resolution,
}

#[derive(Deserialize)]
struct LineIn {
    name: String,
    #[serde(flatten)]
    resolution: Resolution,
}

pub(super) fn encode(references: &[Reference]) -> Vec<u8> {
    let mut text = FIRST_LINE.as_bytes().to_vec();
    text.push(b'\n');
    for Reference { name, resolution } in references {
        let line = LineOut { name, resolution };
        serde_json::to_writer(&mut text, &line).expect("a reference is plain data with text keys");
        text.push(b'\n');
    }
    text
}

pub(super) fn decode(text: &[u8]) -> Result<Vec<Reference>, FormatError> {
    let damaged = |line, column, what| FormatError::Text { section: REFS_SECTION, line, column, what };
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    if first != format!("{FIRST_LINE}\n").as_bytes() {
        return Err(damaged(1, 0, format!("it does not begin with `{FIRST_LINE}`")));
    }
    let mut references = Vec::new();
    for (index, line) in lines.enumerate() {
        if index == REFERENCES_MAX {
            return Err(FormatError::TooMany { what: "references", limit: REFERENCES_MAX });
        }
        let LineIn { name, resolution } = serde_json::from_slice(line)
            .map_err(|error| damaged(index + 2, error.column(), json_fault(&error)))?;
        references.push(Reference { name, resolution });
    }
    Ok(references)
}
