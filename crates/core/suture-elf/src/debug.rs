//! Debug information (DWARF 3 to 5): source lines, functions, variables and type layouts of a build.
//!
//! ```text
//!  Build ─► DebugSections ─► DebugInfo ─► units by address ─► line_at, function_at, variable_at
//!           (decompressed)                                └─► shapes: layouts of types, one level at a time
//! ```
//!
//! Units are listed once and read only when something in them is asked for, so that a build with hundreds
//! of megabytes of debug information costs what the changed functions need. gimli decodes; what is here is
//! the lookup and the meaning.
//!
//! Places (lines, functions, variables) that can't be read are answered with `None`, because nothing is
//! decided on them but what people see and which difference a line number explains. Types are answered
//! with an error, because a layout that is not compared might be one that has changed.

mod closures;
mod definitions;
mod entry;
mod error;
mod functions;
mod index;
mod inlined;
mod lines;
mod names;
mod sections;
mod shape;
mod touched;
mod types;
mod unit;
mod variables;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use definitions::Definitions;
use unit::Unit;

pub use entry::EntryId;
pub use error::DebugError;
pub use functions::FunctionInfo;
pub use inlined::{Inlined, InlinedCode};
pub use lines::SourceLine;
pub use sections::DebugSections;
pub use shape::{
    Aggregate, AggregateKind, Enumeration, Member, Place, PointerKind, Shape, Variant, Variants,
};
pub use touched::{Signature, Uses};
pub use variables::{Declared, VariableInfo};

type Slice<'s> = gimli::EndianSlice<'s, gimli::LittleEndian>;

/// Most units that are read.
pub const UNITS_MAX: usize = 1 << 20;

/// The debug information of one build.
#[derive(Debug)]
pub struct DebugInfo<'s> {
    dwarf: gimli::Dwarf<Slice<'s>>,
    code: &'s [(u64, u64)],
    /// Those of `.debug_info` ascending by offset, then those of `.debug_types`.
    units: Vec<Unit<'s>>,
    /// Number of units in `.debug_info`.
    info_units: usize,
    /// Ascending by first address.
    ranges: Vec<UnitRange>,
    signatures: HashMap<u64, EntryId>,
    shapes: RefCell<HashMap<EntryId, Rc<Shape>>>,
    definitions: OnceCell<Result<Definitions, DebugError>>,
}

/// Code that a unit covers.
#[derive(Debug, Clone, Copy)]
struct UnitRange {
    start: u64,
    end: u64,
    /// The highest end of this and all ranges before: where a search backwards may stop.
    reach: u64,
    unit: u32,
}

impl<'s> DebugInfo<'s> {
    /// Lists the units of `sections`. Without debug information the list is empty. Fails for sections that
    /// can't be read, and for information that is split off into other files (`-gsplit-dwarf`).
    pub fn new(sections: &'s DebugSections<'_>) -> Result<Self, DebugError> {
        let mut info = Self {
            dwarf: sections.dwarf(),
            code: sections.code(),
            units: Vec::new(),
            info_units: 0,
            ranges: Vec::new(),
            signatures: HashMap::new(),
            shapes: RefCell::default(),
            definitions: OnceCell::new(),
        };
        info.list_units()?;
        info.list_ranges()?;
        Ok(info)
    }

    /// Whether there is no debug information at all.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Compilers and options that the units name, each once. Two builds that are alike name the same.
    pub fn producers(&self) -> Result<BTreeSet<String>, DebugError> {
        let mut producers = BTreeSet::new();
        for unit in 0..self.info_units as u32 {
            producers.extend(self.producer(unit)?);
        }
        Ok(producers)
    }

    fn producer(&self, unit: u32) -> Result<Option<String>, DebugError> {
        Ok(self.root(unit)?.and_then(|root| self.string(unit, &root, gimli::DW_AT_producer)))
    }

    /// The name of the source file that the compiler was given for the code at `address`; for code of
    /// link-time optimisation the file that it was written in, not the partition that it ended up in.
    pub fn source_file_of(&self, address: u64) -> Option<String> {
        let function = self.function_entry_at(address);
        let unit = match function {
            Some(entry) => self.declaration(entry).ok()?.unit,
            None => self.units_at(address).next()?,
        };
        self.unit_name(unit)
    }

    fn list_units(&mut self) -> Result<(), DebugError> {
        let mut headers = self.dwarf.units();
        while let Some(header) = headers.next()? {
            self.add_unit(header)?;
        }
        self.info_units = self.units.len();
        let mut headers = self.dwarf.type_units();
        while let Some(header) = headers.next()? {
            self.add_unit(header)?;
        }
        Ok(())
    }

    fn add_unit(&mut self, header: gimli::UnitHeader<Slice<'s>>) -> Result<(), DebugError> {
        if self.units.len() >= UNITS_MAX {
            return Err(DebugError::TooManyUnits { limit: UNITS_MAX });
        }
        let number = self.units.len() as u32;
        if let gimli::UnitType::Type { type_signature, type_offset }
        | gimli::UnitType::SplitType { type_signature, type_offset } = header.type_()
        {
            self.signatures.insert(type_signature.0, EntryId { unit: number, offset: type_offset.0 });
        }
        self.units.push(Unit::new(header));
        Ok(())
    }

    fn list_ranges(&mut self) -> Result<(), DebugError> {
        for number in 0..self.info_units {
            let header = self.units[number].header;
            // Parsed for its ranges and let go, so that only units that matter stay in memory.
            let unit = self.dwarf.unit(header)?;
            if unit.dwo_id.is_some() {
                let name = unit.name.map(|name| name.to_string_lossy().into_owned());
                return Err(DebugError::Split { unit: name.unwrap_or_default() });
            }
            let mut ranges = self.dwarf.unit_ranges(&unit)?;
            while let Some(range) = ranges.next()? {
                if self.is_code(range.begin, range.end) {
                    let (start, end) = (range.begin, range.end);
                    self.ranges.push(UnitRange { start, end, reach: end, unit: number as u32 });
                }
            }
        }
        self.ranges.sort_unstable_by_key(|range| (range.start, range.end, range.unit));
        let mut reach = 0;
        for range in &mut self.ranges {
            reach = range.end.max(reach);
            range.reach = reach;
        }
        Ok(())
    }

    /// Units whose code covers `address`, the narrowest range first. A linker that folds equal functions
    /// leaves the debug information of each.
    fn units_at(&self, address: u64) -> impl Iterator<Item = u32> + '_ {
        let next = self.ranges.partition_point(|range| range.start <= address);
        self.ranges[..next]
            .iter()
            .rev()
            .take_while(move |range| range.reach > address)
            .filter(move |range| range.end > address)
            .map(|range| range.unit)
    }

    /// Whether these addresses are code: linkers leave those of discarded functions at 0 or somewhere else
    /// where no code is.
    fn is_code(&self, start: u64, end: u64) -> bool {
        start < end && self.code.iter().any(|(from, to)| (*from..*to).contains(&start) && end <= *to)
    }
}
