//! The sections that debug information is read from.

use std::borrow::Cow;

use gimli::SectionId;

use crate::build::Build;
use crate::error::ElfError;

use super::Slice;

/// The debug sections of a build, decompressed: what [`DebugInfo`](super::DebugInfo) borrows from.
#[derive(Debug)]
pub struct DebugSections<'d> {
    sections: gimli::DwarfSections<Cow<'d, [u8]>>,
    code: Vec<(u64, u64)>,
}

impl<'d> DebugSections<'d> {
    /// Takes the sections from `build`. Fails if one can't be decompressed.
    pub fn load(build: &Build<'d>) -> Result<Self, ElfError> {
        let load = |id: SectionId| match id {
            // Macros, location lists and indexes answer no question that is asked here.
            SectionId::DebugAbbrev
            | SectionId::DebugAddr
            | SectionId::DebugInfo
            | SectionId::DebugLine
            | SectionId::DebugLineStr
            | SectionId::DebugRanges
            | SectionId::DebugRngLists
            | SectionId::DebugStr
            | SectionId::DebugStrOffsets
            | SectionId::DebugTypes => build.section_data(id.name()),
            _ => Ok(Cow::Borrowed(&[][..])),
        };
        let code = build.sections().iter().filter(|section| section.is_loaded() && section.is_code());
        let code = code.map(|section| (section.address, section.address.saturating_add(section.size)));
        Ok(Self { sections: gimli::DwarfSections::load(load)?, code: code.collect() })
    }

    pub(super) fn dwarf(&self) -> gimli::Dwarf<Slice<'_>> {
        let mut dwarf = self.sections.borrow(|section| Slice::new(section, gimli::LittleEndian));
        dwarf.populate_abbreviations_cache(gimli::AbbreviationsCacheStrategy::Duplicates);
        dwarf
    }

    /// Addresses of code.
    pub(super) fn code(&self) -> &[(u64, u64)] {
        &self.code
    }
}
