//! The delta as a value: what changes one build, and how each reference resolves in the old build.
//!
//! This is the hinge of the whole project: the comparison produces it, [`format`](crate::format)
//! writes it as an ELF relocatable file that a reviewer can read with ordinary tools, and the surgery
//! links it into a live process. Everything that can be decided from the two builds is decided here;
//! what is left for the surgery is arithmetic on addresses that only the process knows.
//!
//! Addresses named `address` are link-time virtual addresses of the **old** build (as `readelf` shows
//! them). The surgery adds the load bias of the module.

use serde::{Deserialize, Serialize};

use crate::report::Report;

/// What changes one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// What the delta is for and what it does to the old build.
    pub meta: Meta,
    /// New code and data, in the order in which they stand in the file.
    pub sections: Vec<Section>,
    /// Names for places in `sections`. Relocations and the metadata speak of them by index.
    pub symbols: Vec<Symbol>,
    /// What the sections refer to outside the delta.
    pub references: Vec<Reference>,
}

/// Metadata: the JSON document in `.suture.meta`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Version of this document; readers refuse versions they do not know. That of its content: [`Report::schema`].
    pub schema: u32,
    /// Name and version of the tool that made the delta.
    pub tool: String,
    /// The build that the delta applies to.
    pub old: BuildRef,
    /// The build that it was made from.
    pub new: BuildRef,
    /// Deltas (hex SHA-256 ids) that must be applied before, oldest first. Empty unless stacked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
    /// Functions whose entry is redirected.
    pub sites: Vec<Site>,
    /// Bytes of the old build's data that are changed in place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overwrites: Vec<Overwrite>,
    /// Functions of the delta that run inside the process around an operation.
    #[serde(default)]
    pub hooks: Hooks,
    /// Address of `__register_frame_info` in the old build, if the unwinder of libgcc is part of it (`-static`, `-static-libgcc`) and has
    /// to be told of the delta's frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register_frames: Option<u64>,
    /// What a person wants to know: changes, impact, verdict.
    pub report: Report,
}

/// The version of [`Meta`] and of the file format, unless the report has what came later.
pub const SCHEMA: u32 = 1;
/// The version of a delta whose report names the groups of marks that were looked for.
pub const SCHEMA_MARKED: u32 = 2;
/// The version of a delta whose report has patterns that match nothing, or says why nothing is critical.
pub const SCHEMA_MARKS_TOLD: u32 = 3;
/// The version of a delta whose report says what was followed from the change to the marks, or who refers to data that changes.
pub const SCHEMA_FOLLOWED: u32 = 4;

/// The version of a delta for a build with an unwinder of its own.
pub const SCHEMA_OWN_UNWINDER: u32 = 5;
/// The version of a delta that says what the constants hold that it changes, or what the process must not have.
pub const SCHEMA_EXPECTED: u32 = 6;
/// The newest version.
pub const SCHEMA_NEWEST: u32 = SCHEMA_EXPECTED;

impl Delta {
    /// The version of this delta: each has the lowest that has all its keys, so that a delta without the later ones is read
    /// by earlier versions too, and has one spelling.
    pub fn lowest_schema(&self) -> u32 {
        let is_absent = |reference: &Reference| matches!(reference.resolution, Resolution::Absent { .. });
        if self.meta.overwrites.iter().any(|object| object.expected.is_some())
            || self.references.iter().any(is_absent)
        {
            SCHEMA_EXPECTED
        } else if self.meta.register_frames.is_some() {
            SCHEMA_OWN_UNWINDER
        } else {
            self.meta.report.schema()
        }
    }
}

/// Which build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRef {
    /// GNU build-id, lower-case hex.
    pub build_id: String,
    /// File name without directories, for people.
    pub name: String,
    /// How the kernel or the loader maps it.
    pub kind: BuildKind,
    /// Lowest and one-past-highest virtual address of its loaded segments.
    pub image: Range,
    /// Virtual address of the build-id note's descriptor, so that it can be read from memory.
    pub build_id_address: u64,
}

/// How a build is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildKind {
    /// `ET_EXEC`: at the addresses it names; its code may hold 32-bit absolute addresses.
    Executable,
    /// `ET_DYN` with an entry point and an interpreter, or static PIE.
    Pie,
    /// `ET_DYN` that other programs load.
    SharedLibrary,
}

/// Half-open range of virtual addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

/// One function of the old build whose entry is redirected to new code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Demangled name.
    pub name: String,
    /// Name as in the symbol table.
    pub symbol: String,
    /// Entry of the old function: calls and function pointers go on meaning this address.
    pub address: u64,
    /// Where the five bytes `e9 rel32` are written: `address`, or behind an `endbr64`.
    pub jump_address: u64,
    /// The bytes that the old build has at `jump_address`, hex; at least [`JUMP_LEN`] of them, read
    /// back and compared before anything is written.
    pub expected: String,
    /// The old function with all its fragments (`.cold`, `.part`) and padding that the jump covers.
    /// No thread may stand in one of these or return into one while the function is switched.
    pub ranges: Vec<Range>,
    /// The same of earlier patches: their code for this function, where this patch replaces that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<PatchCode>,
    /// Symbol (index into [`Delta::symbols`]) of the new code: where the jump goes while the patch is on.
    pub code: u32,
    /// Symbol of the stub: where the jump goes during the switch. The stub tests the patch's switch
    /// byte ([`Resolution::Switch`]) and goes on to the new code or to the old behaviour, so that a
    /// surgeon killed between two writes leaves the process wholly on one side.
    pub stub: u32,
}

/// Code in the home of an earlier patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchCode {
    /// Hex SHA-256 id of that delta.
    pub id: String,
    /// Index into that delta's symbols.
    pub symbol: u32,
    /// Length in bytes.
    pub size: u64,
}

/// Length of the jump written at a [`Site`], in bytes: `e9 rel32`.
pub const JUMP_LEN: usize = 5;

/// Bytes of an object of the old build that are replaced where they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overwrite {
    /// Name of the object.
    pub name: String,
    /// Address of the first byte.
    pub address: u64,
    /// Symbol (index into [`Delta::symbols`]) of the new content, which travels in a section of kind
    /// [`SectionKind::Template`] and is relocated like any other.
    pub content: u32,
    /// Number of bytes.
    pub size: u64,
    /// Whether the object is writable: its live value is then saved before it is overwritten, and
    /// written back on revert; a constant must still have the content of the old build.
    pub writable: bool,
    /// That content, for a constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
}

/// What a constant of the old build holds in a process: read and compared before anything is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Symbol (index into [`Delta::symbols`]) of the content, in a section of kind [`SectionKind::Template`] whose relocations are
    /// all [`RelocationKind::Abs64`] and speak of places in the old build ([`Resolution::Image`]).
    pub content: u32,
    /// Offsets of the words, 8 bytes each or as many as there are, that hold what the loader has found by name; ascending. They are
    /// not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<u64>,
}

/// Symbols (indices into [`Delta::symbols`]) of hook functions, `int hook(void)`; a result other than 0 stops the operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hooks {
    /// `suture_pre_apply`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_apply: Option<u32>,
    /// `suture_post_apply`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_apply: Option<u32>,
    /// `suture_pre_revert`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_revert: Option<u32>,
    /// `suture_post_revert`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_revert: Option<u32>,
}

/// One section of new code or data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `.text.NAME`, `.rodata.NAME`, …
    pub name: String,
    /// Which part of the patch's home it goes to.
    pub kind: SectionKind,
    /// Alignment in bytes, a power of two.
    pub align: u64,
    /// Content; empty for [`SectionKind::Bss`].
    pub data: Vec<u8>,
    /// Size in bytes: `data.len()`, or the number of zero bytes.
    pub size: u64,
    /// What to add in, ascending by offset.
    pub relocations: Vec<Relocation>,
}

/// What a section holds, hence the protection of its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SectionKind {
    /// Code: readable and executable.
    Text,
    /// Constants, GOT slots, exception tables: read-only once relocated.
    ReadOnly,
    /// `.eh_frame`: read-only; registered with the process's unwinder. At most one such section, and
    /// it ends with the zero terminator.
    Frames,
    /// Initialised writable data, new in this patch.
    Data,
    /// Zero-initialised writable data, new in this patch.
    Bss,
    /// Content for an [`Overwrite`]: relocated by the surgeon, not mapped into the process.
    Template,
}

/// A named place in a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Linkage name, not necessarily unique.
    pub name: String,
    /// Index into [`Delta::sections`].
    pub section: u32,
    /// Offset in the section.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// Code or data.
    pub kind: SymbolKind,
}

/// What a symbol names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SymbolKind {
    /// Code.
    Function,
    /// Data.
    Object,
}

/// A place in a section that holds an address (or a value) known only in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    /// Offset in the section.
    pub offset: u64,
    /// What is stored.
    pub kind: RelocationKind,
    /// What it speaks of: S.
    pub target: Target,
    /// Added to S: A. Other than in a linked build this is the plain ELF addend, so a call has -4.
    pub addend: i64,
}

/// How a relocation is computed (psABI x86-64, table 4.9; S symbol, A addend, P place).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelocationKind {
    /// `R_X86_64_64`: S + A.
    Abs64,
    /// `R_X86_64_32`: S + A, must fit 32 bits zero-extended.
    Abs32,
    /// `R_X86_64_32S`: S + A, must fit 32 bits sign-extended.
    Abs32Signed,
    /// `R_X86_64_PC32`: S + A - P.
    Pc32,
    /// `R_X86_64_PC64`: S + A - P.
    Pc64,
}

/// What a relocation speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A symbol of the delta (index into [`Delta::symbols`]).
    Symbol(u32),
    /// Something outside (index into [`Delta::references`]).
    Reference(u32),
}

/// Something outside the delta, under the name that tools show, and how to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Linkage name where there is one, else a description such as `.rodata+0x1234`.
    pub name: String,
    /// Where it is.
    pub resolution: Resolution,
}

/// Where something outside the delta is: one line of `.suture.refs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Resolution {
    /// At this address of the old build: a function's entry, an object, a PLT stub, a GOT slot.
    Image {
        /// Link-time address in the old build.
        address: u64,
    },
    /// A symbol that the old build does not import, or that it exports itself and leaves to the process; looked up as the dynamic
    /// linker would for the patched module.
    Import {
        /// Symbol name.
        symbol: String,
        /// Symbol version, such as `GLIBC_2.34`; absent: the default version.
        version: Option<String>,
    },
    /// The value (not an address) to add to the thread pointer to reach `offset` in the TLS block of the
    /// module: for shared libraries, where it is known only at run time.
    TlsOffset {
        /// Offset in the module's TLS segment.
        offset: u64,
        /// A GOT slot of the old build that holds a thread-pointer offset of the same module.
        anchor: TlsAnchor,
    },
    /// The value of the module's TLS index, as in the first word of a general-dynamic GOT pair.
    TlsModule {
        /// Address of a word of the old build that the dynamic linker filled with the index.
        anchor_address: u64,
    },
    /// No place: nothing refers to it. No other module may have it that the patched one would find first: a variable that comes with
    /// the delta, of which all modules use one (of a template, or in an inline function), or a thread-local one that the old build
    /// leaves to the process and has no word for.
    Absent {
        /// Symbol name.
        symbol: String,
        /// Symbol version.
        version: Option<String>,
    },
    /// The switch byte of this patch: 0 while off, 1 while on.
    Switch,
    /// A place in the home of an earlier patch that this one is stacked on.
    Patch {
        /// Hex SHA-256 id of that delta.
        id: String,
        /// Index into that delta's symbols.
        symbol: u32,
    },
}

/// A word of the old build from which a module's thread-pointer offset can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsAnchor {
    /// Address of the GOT slot (`R_X86_64_TPOFF64`).
    pub address: u64,
    /// The offset in the TLS segment that the slot's relocation names.
    pub offset: u64,
}

impl Range {
    /// Whether `address` lies inside.
    pub fn contains(self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Length in bytes.
    pub fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether nothing lies inside.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// Bytes as the metadata and people spell them: two hexadecimal digits each.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
