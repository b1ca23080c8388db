//! Emission of unwind rules and exception tables for the code that a delta carries.
//!
//! The rules of the new build are written down again: instructions, call sites, actions and exception
//! specifications are copied, for they speak only of offsets in the function; every address becomes a
//! relocation, relative to its place, so that the patch's home may be anywhere near the old build. Without
//! them an exception that passes new code would end the process.
//!
//! Code is added piece by piece, as the emission finds that it has to travel, because an exception table
//! may name type information that is new as well and brings code of its own.

mod number;
mod table;

use std::collections::HashMap;

use suture_elf::Build;
use suture_elf::frames::{Cie, Fde, FrameError, Frames, Pointer};
use thiserror::Error;

use number::{signed, unsigned};

use crate::format::FRAMES_SECTION;
use crate::model::{Range, Relocation, RelocationKind, Section, SectionKind, Target};

/// `DW_EH_PE_pcrel | DW_EH_PE_sdata4`
const RELATIVE: u8 = 0x1b;
/// The same through a slot: `DW_EH_PE_indirect`
const RELATIVE_SLOT: u8 = 0x9b;
/// `DW_EH_PE_omit`
const OMIT: u8 = 0xff;
/// Entries of `.eh_frame` begin at multiples of this.
const ENTRY_ALIGN: usize = 8;
/// Unwind instruction that does nothing.
const NOP: u8 = 0;

/// A piece of code that the delta carries: a function, or a part that was split off from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'n> {
    /// Linkage name.
    pub name: &'n str,
    /// Where it stands in the build that it is from.
    pub range: Range,
    /// Its symbol in the delta, at its first byte.
    pub code: u32,
}

/// Where code comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a, 'd> {
    /// The build.
    pub build: &'a Build<'d>,
    /// Its unwind rules.
    pub frames: &'a Frames<'d>,
}

/// What the rules refer to, and where what is emitted goes.
pub trait Outside {
    /// Where the thing that `pointer` of the origin names is for the delta: a personality routine, type
    /// information, or for [`Pointer::Slot`] a word that holds its address. With the distance from there.
    /// An error says why it has no place.
    fn resolve(&mut self, pointer: Pointer) -> Result<(Target, i64), String>;

    /// Where the code at `address` of the origin is in the delta, with the distance from there.
    fn code(&mut self, address: u64) -> Result<(Target, i64), String>;

    /// Takes an exception table for the code named `name`, and gives the symbol of its first byte.
    fn place_table(&mut self, name: &str, table: Section) -> Target;
}

/// Why code can't be carried with its unwind rules.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnwindError {
    /// The rules of the origin can't be read.
    #[error(transparent)]
    Unreadable(#[from] FrameError),
    /// What the rules refer to has no place.
    #[error("the unwind rules of {name} refer to {address:#x}, which has no certain meaning: {why}")]
    Unresolved {
        /// The code.
        name: String,
        /// Address in the origin.
        address: u64,
        /// Why.
        why: String,
    },
    /// The rules cover more than the code that travels, and can't be cut.
    #[error("the unwind rules of {name} begin before it, at {start:#x}")]
    BeginBefore {
        /// The code.
        name: String,
        /// Where the rules begin.
        start: u64,
    },
}

/// The `.eh_frame` section of a delta under construction.
#[derive(Debug, Default)]
pub struct Rules<'d> {
    data: Vec<u8>,
    relocations: Vec<Relocation>,
    common: HashMap<Common<'d>, usize>,
}

/// What makes two entries share their common part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Common<'d> {
    code_align: u64,
    data_align: i64,
    return_register: u64,
    signal: bool,
    /// Encoding, place and distance.
    personality: Option<(u8, Target, i64)>,
    has_table: bool,
    instructions: &'d [u8],
}

impl<'d> Rules<'d> {
    /// Adds the rules of one piece of code, if it has any. A piece may be added only once.
    pub fn add(
        &mut self,
        origin: Origin<'_, 'd>,
        piece: &Piece<'_>,
        outside: &mut dyn Outside,
    ) -> Result<(), UnwindError> {
        let Range { start, end } = piece.range;
        if let Some(fde) = origin.frames.fde_for(start).filter(|fde| fde.start < start) {
            return Err(UnwindError::BeginBefore { name: piece.name.to_owned(), start: fde.start });
        }
        for fde in origin.frames.in_range(start, end) {
            self.add_entry(origin, piece, fde, outside)?;
        }
        Ok(())
    }

    /// The finished section; `None` if no code with rules was added.
    pub fn finish(mut self) -> Option<Section> {
        if self.data.is_empty() {
            return None;
        }
        self.data.extend([0; 4]);
        self.relocations.sort_by_key(|relocation| relocation.offset);
        Some(Section {
            name: FRAMES_SECTION.to_owned(),
            kind: SectionKind::Frames,
            align: ENTRY_ALIGN as u64,
            size: self.data.len() as u64,
            data: self.data,
            relocations: self.relocations,
        })
    }

    fn add_entry(
        &mut self,
        Origin { build, frames }: Origin<'_, 'd>,
        piece: &Piece<'_>,
        fde: &Fde<'d>,
        outside: &mut dyn Outside,
    ) -> Result<(), UnwindError> {
        let Some(cie) = frames.cie(fde) else { return Ok(()) };
        let instructions = frames.instructions(fde)?;
        let table = match frames.table(build, fde)? {
            Some(table) => Some(table::carry(piece, fde.start, &table, outside)?),
            None => None,
        };
        let common = self.common(piece, cie, table.is_some(), outside)?;
        let at = self.begin();
        let distance = (self.data.len() - common) as u32;
        self.data.extend(distance.to_le_bytes());
        self.point(Target::Symbol(piece.code), (fde.start - piece.range.start) as i64);
        // The code ends with the piece, whatever the rules claim.
        let len = fde.len.min(piece.range.end - fde.start) as u32;
        self.data.extend(len.to_le_bytes());
        match table {
            Some(table) => {
                self.data.push(4);
                self.point(table, 0);
            }
            None => self.data.push(0),
        }
        self.data.extend(instructions);
        self.end(at);
        Ok(())
    }

    /// Offset of the common part that fits.
    fn common(
        &mut self,
        piece: &Piece<'_>,
        cie: &Cie<'d>,
        has_table: bool,
        outside: &mut dyn Outside,
    ) -> Result<usize, UnwindError> {
        let personality = match cie.personality {
            Some(pointer) => {
                let (target, distance) = resolve(piece, pointer, outside)?;
                Some((encoding(pointer), target, distance))
            }
            None => None,
        };
        let key = Common {
            code_align: cie.code_align,
            data_align: cie.data_align,
            return_register: cie.return_register,
            signal: cie.signal,
            personality,
            has_table,
            instructions: cie.instructions,
        };
        if let Some(at) = self.common.get(&key) {
            return Ok(*at);
        }
        let at = self.begin();
        self.data.extend([0; 4]);
        self.data.push(1);
        self.data.push(b'z');
        self.data.extend(personality.map(|_| b'P'));
        self.data.extend(has_table.then_some(b'L'));
        self.data.push(b'R');
        self.data.extend(cie.signal.then_some(b'S'));
        self.data.push(0);
        unsigned(&mut self.data, cie.code_align);
        signed(&mut self.data, cie.data_align);
        unsigned(&mut self.data, cie.return_register);
        let augmentation_len = 5 * u8::from(personality.is_some()) + u8::from(has_table) + 1;
        self.data.push(augmentation_len);
        if let Some((encoding, target, distance)) = personality {
            self.data.push(encoding);
            self.point(target, distance);
        }
        self.data.extend(has_table.then_some(RELATIVE));
        self.data.push(RELATIVE);
        self.data.extend(cie.instructions);
        self.end(at);
        self.common.insert(key, at);
        Ok(at)
    }

    /// Begins an entry, whose length is written at its end.
    fn begin(&mut self) -> usize {
        let at = self.data.len();
        self.data.extend([0; 4]);
        at
    }

    fn end(&mut self, at: usize) {
        self.data.resize(self.data.len().next_multiple_of(ENTRY_ALIGN), NOP);
        let len = (self.data.len() - at - 4) as u32;
        if let Some(field) = self.data.get_mut(at..at + 4) {
            field.copy_from_slice(&len.to_le_bytes());
        }
    }

    fn point(&mut self, target: Target, distance: i64) {
        let offset = self.data.len() as u64;
        self.relocations.push(Relocation { offset, kind: RelocationKind::Pc32, target, addend: distance });
        self.data.extend([0; 4]);
    }
}

fn resolve(
    piece: &Piece<'_>,
    pointer: Pointer,
    outside: &mut dyn Outside,
) -> Result<(Target, i64), UnwindError> {
    let unresolved =
        |why| UnwindError::Unresolved { name: piece.name.to_owned(), address: pointer.address(), why };
    outside.resolve(pointer).map_err(unresolved)
}

fn encoding(pointer: Pointer) -> u8 {
    match pointer {
        Pointer::Direct(_) => RELATIVE,
        Pointer::Slot(_) => RELATIVE_SLOT,
    }
}
