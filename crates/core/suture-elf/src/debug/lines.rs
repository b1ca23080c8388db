//! Source lines by address.

use std::cell::RefCell;
use std::rc::Rc;

use gimli::ColumnType;

use super::error::DebugError;
use super::{DebugInfo, Slice};

/// A place in the source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceLine {
    /// Path as the compiler was told: relative to where it ran, or absolute.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1; 0 for the whole line.
    pub column: u32,
}

/// The line table of a unit: its sequences, of which only the last one asked for is spelled out.
#[derive(Debug)]
pub(super) struct Lines<'s> {
    program: Option<gimli::CompleteLineProgram<Slice<'s>>>,
    /// Ascending by address.
    sequences: Vec<gimli::LineSequence<Slice<'s>>>,
    last: RefCell<Option<(usize, Rc<[Row]>)>>,
}

/// From `address` up to the next row's.
#[derive(Debug, Clone, Copy)]
struct Row {
    address: u64,
    file: u64,
    line: u32,
    column: u32,
}

impl<'s> Lines<'s> {
    pub(super) fn read(info: &DebugInfo<'s>, unit: &gimli::Unit<Slice<'s>>) -> Result<Self, DebugError> {
        let Some(program) = unit.line_program.clone() else {
            return Ok(Self { program: None, sequences: Vec::new(), last: RefCell::default() });
        };
        let (program, mut sequences) = program.sequences()?;
        sequences.retain(|sequence| info.is_code(sequence.start, sequence.end));
        sequences.sort_by_key(|sequence| sequence.start);
        Ok(Self { program: Some(program), sequences, last: RefCell::default() })
    }

    fn row(&self, address: u64) -> Option<Row> {
        let number = self.sequences.partition_point(|s| s.start <= address).checked_sub(1)?;
        self.sequences.get(number).filter(|sequence| address < sequence.end)?;
        let rows = self.rows(number).ok()?;
        let next = rows.partition_point(|row| row.address <= address);
        rows.get(next.checked_sub(1)?).copied().filter(|row| row.line != 0)
    }

    fn rows(&self, number: usize) -> Result<Rc<[Row]>, DebugError> {
        if let Some((_, rows)) = self.last.borrow().as_ref().filter(|(last, _)| *last == number) {
            return Ok(Rc::clone(rows));
        }
        let mut rows: Vec<Row> = Vec::new();
        if let (Some(program), Some(sequence)) = (&self.program, self.sequences.get(number)) {
            let mut machine = program.resume_from(sequence);
            while let Some((_, row)) = machine.next_row()?.filter(|(_, row)| !row.end_sequence()) {
                let column = match row.column() {
                    ColumnType::LeftEdge => 0,
                    ColumnType::Column(column) => u32::try_from(column.get()).unwrap_or(0),
                };
                let line = row.line().and_then(|line| u32::try_from(line.get()).ok()).unwrap_or(0);
                rows.push(Row { address: row.address(), file: row.file_index(), line, column });
            }
        }
        // The last of several rows for one address is the one that holds.
        rows.sort_by_key(|row| row.address);
        let rows: Rc<[Row]> = rows.into();
        *self.last.borrow_mut() = Some((number, Rc::clone(&rows)));
        Ok(rows)
    }
}

impl Lines<'_> {
    fn rows_in(&self, start: u64, end: u64) -> Option<Vec<Row>> {
        let number = self.sequences.partition_point(|s| s.start <= start).checked_sub(1)?;
        self.sequences.get(number).filter(|sequence| start < sequence.end)?;
        let rows = self.rows(number).ok()?;
        let first = rows.partition_point(|row| row.address <= start).saturating_sub(1);
        let last = rows.partition_point(|row| row.address < end);
        rows.get(first..last).map(<[Row]>::to_vec)
    }
}

impl DebugInfo<'_> {
    /// Rows of the line table for the code from `start` to `end`: address and line number, ascending by
    /// address; several for one address stand in the order of the table. Nothing if there is no table.
    pub fn line_numbers_in(&self, start: u64, end: u64) -> Vec<(u64, u32)> {
        let rows = self.units_at(start).find_map(|unit| self.lines(unit).ok()?.rows_in(start, end));
        rows.unwrap_or_default().iter().map(|row| (row.address.max(start), row.line)).collect()
    }

    /// The source line of the instruction at `address`. For inlined code it is the line in the function
    /// that was inlined: where the instruction was written.
    pub fn line_at(&self, address: u64) -> Option<SourceLine> {
        let (unit, row) = self.row_at(address)?;
        Some(SourceLine { file: self.file_name(unit, row.file)?, line: row.line, column: row.column })
    }

    /// The line number alone, for asking often.
    pub fn line_number_at(&self, address: u64) -> Option<u32> {
        self.row_at(address).map(|(_, row)| row.line)
    }

    fn row_at(&self, address: u64) -> Option<(u32, Row)> {
        self.units_at(address).find_map(|unit| Some((unit, self.lines(unit).ok()?.row(address)?)))
    }

    /// Path of a file of the unit's line table, as the compiler was told.
    pub(super) fn file_name(&self, unit: u32, file: u64) -> Option<String> {
        let parsed = self.parsed(unit).ok()?;
        let header = parsed.line_program.as_ref()?.header();
        let file = header.file(file)?;
        let text = |value| self.dwarf.attr_string(parsed, value).ok().map(|text| text.to_string_lossy());
        let name = text(file.path_name())?;
        // Directory 0 is where the compiler ran.
        let directory = file.directory(header).filter(|_| file.directory_index() != 0).and_then(text);
        match directory {
            Some(directory) if !name.starts_with('/') && !directory.is_empty() => {
                Some(format!("{}/{name}", directory.trim_end_matches('/')))
            }
            _ => Some(name.into_owned()),
        }
    }

    /// Name of the unit: the path of its main source file, as the compiler was told.
    pub fn unit_name(&self, unit: u32) -> Option<String> {
        self.parsed(unit).ok()?.name.map(|name| name.to_string_lossy().into_owned())
    }
}
