//! What two builds must agree on for the unwind rules of a function to be the same.

use crate::build::Build;

use super::error::FrameError;
use super::pointer::Pointer;
use super::{Fde, Frames};

/// The unwind rules of a piece of code, apart from where the linker has put things.
///
/// The rules of two pieces are the same if `rules` are equal and each pointer of one means the same as the
/// pointer at the same place in the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity<'d> {
    /// What is the same wherever the code stands.
    pub rules: Vec<Rules<'d>>,
    /// What the rules refer to, in a fixed order: personality routines, type information, and code.
    pub pointers: Vec<Pointer>,
}

/// One entry of the rules, relative to the piece of code that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rules<'d> {
    /// Offset of the code that it covers.
    pub offset: u64,
    /// Number of bytes that it covers.
    pub len: u64,
    /// Factors, return address register and kind of frame.
    pub common: (u64, i64, u64, bool),
    /// Whether there is a personality routine: the next of the pointers.
    pub has_personality: bool,
    /// Initial instructions.
    pub initial: &'d [u8],
    /// Instructions.
    pub instructions: &'d [u8],
    /// The exception table.
    pub table: Option<TableRules<'d>>,
}

/// The exception table without its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableRules<'d> {
    /// Whether landing pads count from elsewhere than the beginning of the code: from the next of the
    /// pointers, in another fragment of the function.
    pub has_landing_base: bool,
    /// Encoding and bytes of the call sites.
    pub call_sites: (u8, &'d [u8]),
    /// Actions.
    pub actions: &'d [u8],
    /// For each type whether it is one of the pointers (or catches everything).
    pub types: Vec<bool>,
    /// Exception specifications.
    pub specifications: &'d [u8],
}

impl<'d> Frames<'d> {
    /// The rules for the code in `start..end` of `build`, from which these frames were read.
    pub fn identity(&self, build: &Build<'d>, start: u64, end: u64) -> Result<Identity<'d>, FrameError> {
        let mut identity = Identity { rules: Vec::new(), pointers: Vec::new() };
        for fde in self.in_range(start, end) {
            let rules = self.rules(build, fde, start, &mut identity.pointers)?;
            identity.rules.push(rules);
        }
        Ok(identity)
    }

    fn rules(
        &self,
        build: &Build<'d>,
        fde: &Fde<'d>,
        start: u64,
        pointers: &mut Vec<Pointer>,
    ) -> Result<Rules<'d>, FrameError> {
        let cie = self.cie(fde);
        let personality = cie.and_then(|cie| cie.personality);
        pointers.extend(personality);
        let table = self.table(build, fde)?.map(|table| {
            pointers.extend(table.landing_base.map(Pointer::Direct));
            pointers.extend(table.types.iter().flatten());
            TableRules {
                has_landing_base: table.landing_base.is_some(),
                call_sites: (table.call_site_encoding, table.call_sites),
                actions: table.actions,
                types: table.types.iter().map(Option::is_some).collect(),
                specifications: table.specifications,
            }
        });
        Ok(Rules {
            offset: fde.start.wrapping_sub(start),
            len: fde.len,
            common: cie
                .map(|c| (c.code_align, c.data_align, c.return_register, c.signal))
                .unwrap_or_default(),
            has_personality: personality.is_some(),
            initial: cie.map(|cie| cie.instructions).unwrap_or_default(),
            instructions: self.instructions(fde)?,
            table,
        })
    }
}
