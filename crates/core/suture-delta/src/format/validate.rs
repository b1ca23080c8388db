//! What holds for every delta, whoever made it. Checked before a delta is written and after one is read,
//! so that the surgery may rely on it: every index points to something, everything lies inside what
//! it belongs to, and no two writes into the old build meet.

use std::collections::BTreeSet;

use super::{
    ALIGN_MAX, FRAMES_SECTION, HOME_BYTES_MAX, META_SECTION, NAME_BYTES_MAX, REFERENCES_MAX, REFS_SECTION,
    SECTIONS_MAX, STACK_MAX, SYMBOLS_MAX, TEMPLATE_PREFIX,
    error::{Invalid, Place, Rule},
};
use crate::model::{
    BuildRef, Delta, Expected, JUMP_LEN, Overwrite, Range, Reference, Relocation, RelocationKind, Resolution,
    Section, SectionKind, Site, Symbol, SymbolKind, Target,
};
use crate::report::Verdict;

const BUILD_ID_BYTES_MAX: usize = 64;
const EXPECTED_BYTES_MAX: usize = 64;
const ENDBR64_LEN: u64 = 4;
const FRAMES_END: [u8; 4] = [0; 4];
/// Names that the file itself uses, so that no section of the delta may have them.
const RESERVED_NAMES: [&str; 5] = [REFS_SECTION, META_SECTION, ".symtab", ".strtab", ".shstrtab"];

impl Delta {
    /// Checks what the surgery and the reader of the file rely on.
    ///
    /// # Errors
    /// The first rule that does not hold, and where.
    pub fn validate(&self) -> Result<(), Invalid> {
        self.check_limits()?;
        self.check_meta()?;
        self.check_sections()?;
        for (index, symbol) in self.symbols.iter().enumerate() {
            let place = || Place::Symbol { index, name: symbol.name.clone() };
            self.check_symbol(symbol).map_err(|rule| Invalid { place: place(), rule })?;
        }
        for (index, reference) in self.references.iter().enumerate() {
            let place = || Place::Reference { index, name: reference.name.clone() };
            self.check_reference(reference).map_err(|rule| Invalid { place: place(), rule })?;
        }
        for section in &self.sections {
            self.check_relocations(section)?;
        }
        for (index, site) in self.meta.sites.iter().enumerate() {
            let place = || Place::Site { index, name: site.name.clone() };
            self.check_site(site).map_err(|rule| Invalid { place: place(), rule })?;
        }
        for (index, overwrite) in self.meta.overwrites.iter().enumerate() {
            let place = || Place::Overwrite { index, name: overwrite.name.clone() };
            self.check_overwrite(overwrite).map_err(|rule| Invalid { place: place(), rule })?;
        }
        self.check_templates_apart()?;
        self.check_hooks()?;
        self.check_writes_apart()
    }

    fn check_limits(&self) -> Result<(), Invalid> {
        let counts = [
            ("sections", self.sections.len(), SECTIONS_MAX),
            ("symbols", self.symbols.len(), SYMBOLS_MAX),
            ("references", self.references.len(), REFERENCES_MAX),
            ("deltas below this one", self.meta.on.len(), STACK_MAX),
        ];
        match counts.into_iter().find(|(_, count, limit)| count > limit) {
            Some((what, count, limit)) => {
                Err(Invalid { place: Place::Delta, rule: Rule::TooMany { what, count, limit } })
            }
            None => Ok(()),
        }
    }

    fn check_meta(&self) -> Result<(), Invalid> {
        let meta = |field, rule| Invalid { place: Place::Meta(field), rule };
        if self.meta.schema != self.lowest_schema() {
            return Err(meta("schema", Rule::Schema(self.meta.schema)));
        }
        check_build(&self.meta.old).map_err(|rule| meta("old", rule))?;
        check_build(&self.meta.new).map_err(|rule| meta("new", rule))?;
        for (index, id) in self.meta.on.iter().enumerate() {
            if !is_hex_of(id, 32..=32) {
                return Err(meta("on", Rule::DeltaId));
            }
            if self.meta.on[..index].contains(id) {
                return Err(meta("on", Rule::DeltaIdTwice));
            }
        }
        let image = self.meta.old.image;
        if let Some(address) =
            self.meta.register_frames.filter(|address| !(image.start..image.end).contains(address))
        {
            return Err(meta("register_frames", Rule::OutsideImage(address)));
        }
        if self.meta.report.verdict != Verdict::Hot || !self.meta.report.refusals.is_empty() {
            return Err(meta("report", Rule::NotHot));
        }
        Ok(())
    }

    fn check_sections(&self) -> Result<(), Invalid> {
        let mut home_bytes = 0_u64;
        let mut has_frames = false;
        for (index, section) in self.sections.iter().enumerate() {
            let invalid =
                |rule| Invalid { place: Place::Section { index, name: section.name.clone() }, rule };
            check_section(section).map_err(invalid)?;
            if section.kind == SectionKind::Frames && std::mem::replace(&mut has_frames, true) {
                return Err(invalid(Rule::FramesTwice));
            }
            home_bytes = home_bytes.saturating_add(section.size).saturating_add(section.align - 1);
            if home_bytes > HOME_BYTES_MAX {
                return Err(invalid(Rule::HomeTooLarge(home_bytes)));
            }
        }
        Ok(())
    }

    fn check_symbol(&self, symbol: &Symbol) -> Result<(), Rule> {
        check_name(&symbol.name)?;
        let section = self.section(symbol.section)?;
        if !fits(symbol.offset, symbol.size, section.size) {
            return Err(Rule::OutsideSection);
        }
        if symbol.kind == SymbolKind::Function && section.kind != SectionKind::Text {
            return Err(Rule::NotCode);
        }
        Ok(())
    }

    fn check_reference(&self, reference: &Reference) -> Result<(), Rule> {
        check_name(&reference.name)?;
        let image = self.meta.old.image;
        match &reference.resolution {
            // A symbol such as `_end` may name the first address behind the image.
            Resolution::Image { address } if !image.contains(*address) && *address != image.end => {
                Err(Rule::OutsideImage(*address))
            }
            Resolution::Import { symbol, version } | Resolution::Absent { symbol, version } => {
                check_name(symbol)?;
                version.as_deref().map_or(Ok(()), check_name)
            }
            Resolution::TlsOffset { anchor, .. } => check_inside(image, anchor.address, 8),
            Resolution::TlsModule { anchor_address } => check_inside(image, *anchor_address, 8),
            Resolution::Chosen { by } => self.check_resolver(*by),
            Resolution::Patch { id, .. } if !self.meta.on.contains(id) => Err(Rule::NotOnThatDelta),
            Resolution::Image { .. } | Resolution::Switch | Resolution::Patch { .. } => Ok(()),
        }
    }

    fn check_resolver(&self, resolver: Target) -> Result<(), Rule> {
        let is_code = match resolver {
            Target::Symbol(index) => self.symbol(index)?.kind == SymbolKind::Function,
            Target::Reference(index) => {
                let found = self.references.get(index as usize).ok_or(Rule::NoReference(index))?;
                matches!(found.resolution, Resolution::Image { .. } | Resolution::Patch { .. })
            }
        };
        if is_code { Ok(()) } else { Err(Rule::NotCode) }
    }

    fn check_relocations(&self, section: &Section) -> Result<(), Invalid> {
        let mut free_from = 0;
        for (index, relocation) in section.relocations.iter().enumerate() {
            let invalid =
                |rule| Invalid { place: Place::Relocation { section: section.name.clone(), index }, rule };
            self.check_target(relocation).map_err(invalid)?;
            if relocation.offset < free_from {
                return Err(invalid(Rule::RelocationOrder));
            }
            let width = relocation.kind.width();
            if !fits(relocation.offset, width, section.size) {
                return Err(invalid(Rule::OutsideSection));
            }
            free_from = relocation.offset + width;
        }
        Ok(())
    }

    fn check_target(&self, relocation: &Relocation) -> Result<(), Rule> {
        match relocation.target {
            Target::Symbol(index) => {
                let section = self.section(self.symbol(index)?.section)?;
                if section.kind == SectionKind::Template {
                    return Err(Rule::RefersToTemplate);
                }
            }
            Target::Reference(index) => {
                self.references.get(index as usize).ok_or(Rule::NoReference(index))?;
            }
        }
        Ok(())
    }

    fn check_site(&self, site: &Site) -> Result<(), Rule> {
        let image = self.meta.old.image;
        check_name(&site.symbol)?;
        check_inside(image, site.address, 1)?;
        check_inside(image, site.jump_address, JUMP_LEN as u64)?;
        if ![0, ENDBR64_LEN].map(|skip| site.address.checked_add(skip)).contains(&Some(site.jump_address)) {
            return Err(Rule::JumpAddress);
        }
        if !is_hex_of(&site.expected, JUMP_LEN..=EXPECTED_BYTES_MAX) {
            return Err(Rule::Expected);
        }
        for range in &site.ranges {
            if range.is_empty() {
                return Err(Rule::EmptyRange);
            }
            check_inside(image, range.start, range.len())?;
        }
        for code in &site.below {
            if !self.meta.on.contains(&code.id) {
                return Err(Rule::NotOnThatDelta);
            }
            if code.size == 0 || code.size > HOME_BYTES_MAX {
                return Err(Rule::EmptyRange);
            }
        }
        let mut jump = site.jump_address..site.jump_address + JUMP_LEN as u64;
        if !jump.all(|byte| site.ranges.iter().any(|range| range.contains(byte))) {
            return Err(Rule::JumpNotCovered);
        }
        self.check_code(site.code)?;
        self.check_code(site.stub)
    }

    fn check_overwrite(&self, overwrite: &Overwrite) -> Result<(), Rule> {
        check_inside(self.meta.old.image, overwrite.address, overwrite.size)?;
        self.check_content(overwrite.content, overwrite.size)?;
        overwrite.expected.as_ref().map_or(Ok(()), |expected| self.check_expected(expected, overwrite))
    }

    /// The template that is so many bytes of content, and nothing else.
    fn check_content(&self, content: u32, size: u64) -> Result<&Section, Rule> {
        let content = self.symbol(content)?;
        let section = self.section(content.section)?;
        if section.kind != SectionKind::Template {
            return Err(Rule::NotTemplate);
        }
        if size == 0 || [content.size, section.size] != [size; 2] {
            return Err(Rule::ContentSize);
        }
        Ok(section)
    }

    /// No template is the content of two things: reading a delta takes as long as the delta is.
    fn check_templates_apart(&self) -> Result<(), Invalid> {
        let mut used = BTreeSet::new();
        for (index, overwrite) in self.meta.overwrites.iter().enumerate() {
            let contents = overwrite.expected.iter().map(|expected| expected.content);
            let symbols = contents.chain([overwrite.content]).map(|symbol| self.symbol(symbol));
            let mut sections = symbols.flatten().map(|symbol| symbol.section);
            if sections.any(|section| !used.insert(section)) {
                let place = Place::Overwrite { index, name: overwrite.name.clone() };
                return Err(Invalid { place, rule: Rule::ContentTwice });
            }
        }
        Ok(())
    }

    fn check_expected(&self, expected: &Expected, overwrite: &Overwrite) -> Result<(), Rule> {
        let section = self.check_content(expected.content, overwrite.size)?;
        if overwrite.writable {
            return Err(Rule::ContentSize);
        }
        let is_image = |relocation: &Relocation| {
            let Target::Reference(index) = relocation.target else { return false };
            let found = self.references.get(index as usize).map(|reference| &reference.resolution);
            relocation.kind == RelocationKind::Abs64 && matches!(found, Some(Resolution::Image { .. }))
        };
        let is_ascending = expected.open.is_sorted_by(|a, b| a < b);
        let is_inside = expected.open.last().is_none_or(|last| *last < overwrite.size);
        let is_sound = is_ascending && is_inside && section.relocations.iter().all(is_image);
        is_sound.then_some(()).ok_or(Rule::Unexpectable)
    }

    fn check_hooks(&self) -> Result<(), Invalid> {
        let hooks = &self.meta.hooks;
        let named = [
            ("pre_apply", hooks.pre_apply),
            ("post_apply", hooks.post_apply),
            ("pre_revert", hooks.pre_revert),
            ("post_revert", hooks.post_revert),
        ];
        for (name, hook) in named {
            if let Some(symbol) = hook {
                self.check_code(symbol).map_err(|rule| Invalid { place: Place::Hook(name), rule })?;
            }
        }
        Ok(())
    }

    /// Everything that is written into the old build: entries with what is compared there, and objects.
    fn check_writes_apart(&self) -> Result<(), Invalid> {
        let sites = self.meta.sites.iter().enumerate().map(|(index, site)| {
            let end = site.jump_address.saturating_add(site.expected.len() as u64 / 2);
            (Range { start: site.address, end }, Place::Site { index, name: site.name.clone() })
        });
        let overwrites = self.meta.overwrites.iter().enumerate().map(|(index, overwrite)| {
            let end = overwrite.address.saturating_add(overwrite.size);
            let place = Place::Overwrite { index, name: overwrite.name.clone() };
            (Range { start: overwrite.address, end }, place)
        });
        let mut writes: Vec<_> = sites.chain(overwrites).collect();
        writes.sort_by_key(|(range, _)| *range);
        let met = writes.windows(2).find(|pair| pair[0].0.end > pair[1].0.start);
        match met {
            Some([_, (range, place)]) => {
                Err(Invalid { place: place.clone(), rule: Rule::Overlap(range.start) })
            }
            _ => Ok(()),
        }
    }

    fn check_code(&self, symbol: u32) -> Result<(), Rule> {
        // A function symbol stands in a section of code: checked with the symbols.
        (self.symbol(symbol)?.kind == SymbolKind::Function).then_some(()).ok_or(Rule::NotCode)
    }

    fn section(&self, index: u32) -> Result<&Section, Rule> {
        self.sections.get(index as usize).ok_or(Rule::NoSection(index))
    }

    fn symbol(&self, index: u32) -> Result<&Symbol, Rule> {
        self.symbols.get(index as usize).ok_or(Rule::NoSymbol(index))
    }
}

impl RelocationKind {
    /// Number of bytes that the relocation fills.
    pub fn width(self) -> u64 {
        match self {
            Self::Abs64 | Self::Pc64 => 8,
            Self::Abs32 | Self::Abs32Signed | Self::Pc32 => 4,
        }
    }
}

fn check_build(build: &BuildRef) -> Result<(), Rule> {
    if !is_hex_of(&build.build_id, 1..=BUILD_ID_BYTES_MAX) {
        return Err(Rule::BuildId);
    }
    check_name(&build.name)?;
    if build.image.is_empty() {
        return Err(Rule::EmptyRange);
    }
    check_inside(build.image, build.build_id_address, build.build_id.len() as u64 / 2)
}

fn check_section(section: &Section) -> Result<(), Rule> {
    check_name(&section.name)?;
    let is_template_name = section.name.starts_with(TEMPLATE_PREFIX);
    let is_frames_name = section.name == FRAMES_SECTION;
    if RESERVED_NAMES.contains(&section.name.as_str())
        || is_template_name != (section.kind == SectionKind::Template)
        || is_frames_name != (section.kind == SectionKind::Frames)
    {
        return Err(Rule::SectionName);
    }
    if !section.align.is_power_of_two() || section.align > ALIGN_MAX {
        return Err(Rule::Align);
    }
    let content = if section.kind == SectionKind::Bss { 0 } else { section.size };
    if section.data.len() as u64 != content {
        return Err(Rule::Size);
    }
    if section.kind == SectionKind::Bss && !section.relocations.is_empty() {
        return Err(Rule::RelocatedBss);
    }
    if section.kind == SectionKind::Frames && !section.data.ends_with(&FRAMES_END) {
        return Err(Rule::FramesEnd);
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Rule> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    (fits && !name.contains(char::is_control)).then_some(()).ok_or(Rule::Name)
}

fn check_inside(image: Range, address: u64, len: u64) -> Result<(), Rule> {
    match address.checked_add(len) {
        Some(end) if address >= image.start && end <= image.end => Ok(()),
        _ => Err(Rule::OutsideImage(address)),
    }
}

/// Whether `len` bytes from `offset` lie inside `size` bytes.
fn fits(offset: u64, len: u64, size: u64) -> bool {
    offset.checked_add(len).is_some_and(|end| end <= size)
}

fn is_hex_of(text: &str, bytes: std::ops::RangeInclusive<usize>) -> bool {
    text.len().is_multiple_of(2)
        && bytes.contains(&(text.len() / 2))
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
