//! Linking a delta to a place: section layout, and relocations against the live process.
//!
//! What a static linker does for an executable is done here for a patch, in two steps, because where a
//! home can be depends on how long it is: [`HomeLayout::new`] computes offsets from sizes alone, [`link`]
//! the bytes for one base address. Relocations are those of the System V psABI for x86-64, §4.4.

use suture_delta::model::{
    Delta, Range, Reference, RelocationKind, Resolution, Section, SectionKind, Target,
};
use thiserror::Error;

use crate::home::{BODY_LEN_MAX, SWITCH_OFFSET};

/// Page size of x86-64, bytes.
pub const PAGE: u64 = 4096;
/// Length of the stack on which injected functions run, bytes.
pub const CALL_STACK_LEN: u64 = 256 << 10;
/// Longest home that is accepted, bytes.
pub const HOME_LEN_MAX: u64 = 1 << 30;

/// Where everything of a home is, as offsets from its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeLayout {
    /// Head and record; read-write.
    pub header: Range,
    /// Prelude, stubs and new code; read-execute.
    pub text: Range,
    /// Constants and unwind tables; read-only.
    pub read_only: Range,
    /// New data, the room for overwritten objects, and new data that begins as zeros; read-write.
    pub writable: Range,
    /// Stack of injected functions, above a page that nothing may write.
    pub call_stack: Range,
    /// Offset of each section of the delta.
    pub sections: Vec<u64>,
    /// For each overwrite the offsets of its saved and its new content.
    pub overwrites: Vec<(u64, u64)>,
}

/// Protection of a part of a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Constants.
    ReadOnly,
    /// Code.
    ReadExecute,
    /// Data.
    ReadWrite,
}

/// A part of a home with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Addresses in the process.
    pub range: Range,
    /// Its protection.
    pub protection: Protection,
    /// Its first bytes; the rest is zero.
    pub bytes: Vec<u8>,
    /// How many of the zeros behind them are variables of the patch, which may hold something else by and by.
    pub zeros: u64,
}

/// A word of a home that gets its value in the process, before anything of the home runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choice {
    /// Address of the word.
    pub word: u64,
    /// Address of the function of the process that gives the value: the resolver of an indirect function
    /// (`STT_GNU_IFUNC`), which chooses the one that suits the processor.
    pub chooser: u64,
}

/// What a delta is at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// The parts of the home, ascending.
    pub parts: Vec<Part>,
    /// What is still open, ascending.
    pub choices: Vec<Choice>,
}

/// The value of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// An address, a thread-pointer offset or a TLS index.
    Known(u64),
    /// What the function at this address gives when it is called in the process.
    ChosenBy(u64),
}

/// What [`Resolution`]s need that only the process knows.
pub trait Resolver {
    /// The value of a reference that is not at a fixed place of the module. The error says why there is
    /// none.
    fn resolve(&self, reference: &Reference) -> Result<Value, String>;
}

/// Why a delta can't be linked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LinkError {
    /// A reference has no value in the process.
    #[error("{symbol} could not be resolved: {why}")]
    Unresolved {
        /// Its name.
        symbol: String,
        /// Why.
        why: String,
    },
    /// A value does not fit its place.
    #[error("{symbol} at {value:#x} is out of reach of {section}+{offset:#x}")]
    Overflow {
        /// What was referred to.
        symbol: String,
        /// Where it is.
        value: u64,
        /// The section that refers to it.
        section: String,
        /// Where in the section.
        offset: u64,
    },
    /// The delta contradicts itself.
    #[error("the delta is malformed: {0}")]
    Malformed(String),
    /// Its record would be longer than any that is read back.
    #[error("the record of the patch needs {0} bytes, more than the {BODY_LEN_MAX} that are read back")]
    RecordTooLong(u64),
    /// The home would be longer than any patch needs.
    #[error("the patch needs {0} bytes, more than the {HOME_LEN_MAX} that are accepted")]
    TooLong(u64),
}

impl HomeLayout {
    /// The layout of `delta`'s home with a record of up to `record_len` bytes and `prelude_len` bytes of
    /// the surgeon's own code at the beginning of the text.
    pub fn new(delta: &Delta, record_len: u64, prelude_len: u64) -> Result<Self, LinkError> {
        let mut sections = vec![0; delta.sections.len()];
        let mut next = Cursor { offset: 0 };
        let header = next.part(|at| at.take(record_len, 1))?;
        let text = next.part(|at| {
            at.take(prelude_len, 16)?;
            at.sections(delta, &mut sections, &[SectionKind::Text])
        })?;
        let kinds = [SectionKind::ReadOnly, SectionKind::Frames];
        let read_only = next.part(|at| at.sections(delta, &mut sections, &kinds))?;
        let mut overwrites = Vec::new();
        let writable = next.part(|at| {
            at.sections(delta, &mut sections, &[SectionKind::Data])?;
            for object in &delta.meta.overwrites {
                overwrites.push((at.take(object.size, 16)?, at.take(object.size, 16)?));
            }
            // Zeros come last: nothing stands behind them that would have to be held in memory with them.
            at.sections(delta, &mut sections, &[SectionKind::Bss])
        })?;
        next.take(PAGE, PAGE)?;
        let call_stack = next.part(|at| at.take(CALL_STACK_LEN, PAGE))?;
        Ok(Self { header, text, read_only, writable, call_stack, sections, overwrites })
    }

    /// Length of the home, bytes.
    pub fn len(&self) -> u64 {
        self.call_stack.end
    }

    /// Whether the home holds nothing; it never does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the variables end that begin as zeros.
    fn zeros_end(&self, delta: &Delta) -> u64 {
        let zeros =
            delta.sections.iter().zip(&self.sections).filter(|(section, _)| section.kind == SectionKind::Bss);
        zeros.map(|(section, offset)| offset + section.size).max().unwrap_or(0)
    }

    /// Address of a symbol of the delta in a home at `base`.
    pub fn symbol_address(&self, delta: &Delta, symbol: u32, base: u64) -> Result<u64, LinkError> {
        let symbol = delta
            .symbols
            .get(symbol as usize)
            .ok_or_else(|| LinkError::Malformed(format!("there is no symbol {symbol}")))?;
        let section = self
            .sections
            .get(symbol.section as usize)
            .ok_or_else(|| LinkError::Malformed(format!("{} is in no section", symbol.name)))?;
        Ok(base.wrapping_add(*section).wrapping_add(symbol.offset))
    }
}

/// Hands out offsets.
struct Cursor {
    offset: u64,
}

impl Cursor {
    fn take(&mut self, len: u64, align: u64) -> Result<u64, LinkError> {
        if !align.is_power_of_two() || align > PAGE {
            return Err(LinkError::Malformed(format!("alignment {align}")));
        }
        let at = self.offset.next_multiple_of(align);
        let end = at.checked_add(len).filter(|end| *end <= HOME_LEN_MAX);
        self.offset = end.ok_or(LinkError::TooLong(len))?;
        Ok(at)
    }

    /// A part of whole pages; empty if `fill` takes nothing.
    fn part(&mut self, fill: impl FnOnce(&mut Self) -> Result<u64, LinkError>) -> Result<Range, LinkError> {
        let start = self.take(0, PAGE)?;
        fill(self)?;
        let end = self.take(0, PAGE)?;
        Ok(Range { start, end })
    }

    fn sections(
        &mut self,
        delta: &Delta,
        offsets: &mut [u64],
        kinds: &[SectionKind],
    ) -> Result<u64, LinkError> {
        for kind in kinds {
            for (section, offset) in delta.sections.iter().zip(offsets.iter_mut()) {
                if section.kind == *kind {
                    *offset = self.take(section.size, section.align)?;
                }
            }
        }
        Ok(self.offset)
    }
}

/// The parts of the home at `base` for a module loaded at `bias`, without the record: the header's bytes
/// are left empty for the caller. `prelude` is the surgeon's own code.
pub fn link(
    delta: &Delta,
    layout: &HomeLayout,
    prelude: &[u8],
    base: u64,
    bias: u64,
    resolver: &dyn Resolver,
) -> Result<Linked, LinkError> {
    let linker = Linker { delta, layout, base, values: values(delta, layout, base, bias, resolver)? };
    let text = (layout.text, Protection::ReadExecute, [SectionKind::Text].as_slice());
    let constants =
        (layout.read_only, Protection::ReadOnly, [SectionKind::ReadOnly, SectionKind::Frames].as_slice());
    let data = (layout.writable, Protection::ReadWrite, [SectionKind::Data].as_slice());
    let mut parts = vec![linker.empty(layout.header, Protection::ReadWrite)];
    for (range, protection, kinds) in [text, constants, data] {
        let mut part = linker.empty(range, protection);
        for (index, section) in delta.sections.iter().enumerate() {
            if kinds.contains(&section.kind) {
                let at = layout.sections[index] - range.start;
                put(&mut part.bytes, at, &linker.section(section, base + layout.sections[index])?);
            }
        }
        parts.push(part);
    }
    put(&mut parts[1].bytes, 0, prelude);
    for (object, (_, content)) in delta.meta.overwrites.iter().zip(&layout.overwrites) {
        let bytes = linker.template(object.content, object.size, object.address.wrapping_add(bias))?;
        put(&mut parts[3].bytes, content - layout.writable.start, &bytes);
    }
    let data_len = parts[3].bytes.len() as u64;
    parts[3].zeros = layout.zeros_end(delta).saturating_sub(layout.writable.start + data_len);
    parts.push(linker.empty(layout.call_stack, Protection::ReadWrite));
    parts.retain(|part| !part.range.is_empty());
    Ok(Linked { parts, choices: linker.choices()? })
}

fn values(
    delta: &Delta,
    layout: &HomeLayout,
    base: u64,
    bias: u64,
    resolver: &dyn Resolver,
) -> Result<Vec<Value>, LinkError> {
    let at = |reference: &Reference| match &reference.resolution {
        Resolution::Image { address } => Ok(Value::Known(address.wrapping_add(bias))),
        Resolution::Switch => Ok(Value::Known(base + SWITCH_OFFSET)),
        _ => resolver
            .resolve(reference)
            .map_err(|why| LinkError::Unresolved { symbol: reference.name.clone(), why }),
    };
    let chooser = |by: Target| match by {
        Target::Symbol(symbol) => layout.symbol_address(delta, symbol, base),
        Target::Reference(index) => match delta.references.get(index as usize).map(at).transpose()? {
            Some(Value::Known(address)) => Ok(address),
            _ => Err(LinkError::Malformed(format!("reference {index} is no place of a resolver"))),
        },
    };
    let value = |reference: &Reference| match reference.resolution {
        Resolution::Chosen { by } => chooser(by).map(Value::ChosenBy),
        _ => at(reference),
    };
    delta.references.iter().map(value).collect()
}

fn put(bytes: &mut Vec<u8>, at: u64, content: &[u8]) {
    let at = at as usize;
    if bytes.len() < at + content.len() {
        bytes.resize(at + content.len(), 0);
    }
    bytes[at..at + content.len()].copy_from_slice(content);
}

struct Linker<'a> {
    delta: &'a Delta,
    layout: &'a HomeLayout,
    base: u64,
    values: Vec<Value>,
}

impl Linker<'_> {
    fn empty(&self, offsets: Range, protection: Protection) -> Part {
        let range = Range { start: self.base + offsets.start, end: self.base + offsets.end };
        Part { range, protection, bytes: Vec::new(), zeros: 0 }
    }

    /// The content of a section that stands at `address`.
    fn section(&self, section: &Section, address: u64) -> Result<Vec<u8>, LinkError> {
        let mut bytes = section.data.clone();
        for relocation in &section.relocations {
            let (name, value) = self.target(relocation.target)?;
            let Value::Known(value) = value else {
                // The word stays empty until the choice is made.
                continue;
            };
            let sum = value.wrapping_add_signed(relocation.addend);
            let place = address.wrapping_add(relocation.offset);
            let relative = sum.wrapping_sub(place);
            let (len, stored, fits) = match relocation.kind {
                RelocationKind::Abs64 => (8, sum, true),
                RelocationKind::Pc64 => (8, relative, true),
                RelocationKind::Abs32 => (4, sum, u32::try_from(sum).is_ok()),
                RelocationKind::Abs32Signed => (4, sum, i32::try_from(sum as i64).is_ok()),
                RelocationKind::Pc32 => (4, relative, i32::try_from(relative as i64).is_ok()),
            };
            if !fits {
                return Err(LinkError::Overflow {
                    symbol: name.to_owned(),
                    value: sum,
                    section: section.name.clone(),
                    offset: relocation.offset,
                });
            }
            let at = relocation.offset as usize;
            let field = at.checked_add(len).and_then(|end| bytes.get_mut(at..end)).ok_or_else(|| {
                LinkError::Malformed(format!("a relocation of {} lies outside it", section.name))
            })?;
            field.copy_from_slice(&stored.to_le_bytes()[..len]);
        }
        Ok(bytes)
    }

    /// Words whose value is chosen in the process. Only whole words of the home itself can be: they are what
    /// the delta's own slots are.
    fn choices(&self) -> Result<Vec<Choice>, LinkError> {
        let mut choices = Vec::new();
        for (section, offset) in self.delta.sections.iter().zip(&self.layout.sections) {
            for relocation in &section.relocations {
                let (name, Value::ChosenBy(chooser)) = self.target(relocation.target)? else { continue };
                let is_slot = relocation.kind == RelocationKind::Abs64
                    && relocation.addend == 0
                    && section.kind != SectionKind::Template;
                if !is_slot {
                    let why = format!("it is chosen at run time, and {} needs it at once", section.name);
                    return Err(LinkError::Unresolved { symbol: name.to_owned(), why });
                }
                choices.push(Choice { word: self.base + offset + relocation.offset, chooser });
            }
        }
        choices.sort_unstable_by_key(|choice| choice.word);
        Ok(choices)
    }

    fn target(&self, target: Target) -> Result<(&str, Value), LinkError> {
        match target {
            Target::Symbol(index) => {
                let address = self.layout.symbol_address(self.delta, index, self.base)?;
                Ok((&self.delta.symbols[index as usize].name, Value::Known(address)))
            }
            Target::Reference(index) => {
                let reference = self.delta.references.get(index as usize);
                let value = self.values.get(index as usize);
                reference
                    .zip(value)
                    .map(|(reference, value)| (reference.name.as_str(), *value))
                    .ok_or_else(|| LinkError::Malformed(format!("there is no reference {index}")))
            }
        }
    }

    /// New content of an object of the old build, relocated for the place where that object stands.
    fn template(&self, symbol: u32, size: u64, address: u64) -> Result<Vec<u8>, LinkError> {
        let malformed = |what: &str| LinkError::Malformed(format!("new content of an object: {what}"));
        let symbol = self.delta.symbols.get(symbol as usize).ok_or_else(|| malformed("no such symbol"))?;
        let section =
            self.delta.sections.get(symbol.section as usize).ok_or_else(|| malformed("no such section"))?;
        let bytes = self.section(section, address.wrapping_sub(symbol.offset))?;
        let end = symbol.offset.checked_add(size).ok_or_else(|| malformed("too long"))?;
        let content =
            bytes.get(symbol.offset as usize..end as usize).ok_or_else(|| malformed("too short"))?;
        Ok(content.to_vec())
    }
}
