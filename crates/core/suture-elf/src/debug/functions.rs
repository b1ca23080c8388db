//! Functions by address.

use gimli::AttributeValue;

use super::DebugInfo;
use super::entry::EntryId;

/// A function and where it is declared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FunctionInfo {
    /// Name as in the source, without its scope.
    pub name: String,
    /// Linkage name, if it differs.
    pub linkage_name: Option<String>,
    /// Path of the file as the compiler was told; empty if unknown.
    pub file: String,
    /// Line of the declaration; 0 if unknown.
    pub line: u32,
    /// The main source file of its unit.
    pub unit: String,
    /// The directory in which the compiler ran, to which `file` and `unit` may be relative.
    pub directory: String,
}

impl FunctionInfo {
    /// File and line of the declaration; empty and 0 if unknown.
    pub fn place(self) -> (String, u32) {
        (self.file, self.line)
    }

    /// The linkage name, which is the name if nothing else is said.
    pub fn linkage(&self) -> &str {
        self.linkage_name.as_deref().unwrap_or(&self.name)
    }

    /// The main source file of its unit and the file that it is written in, as whole paths if the directory is
    /// known.
    pub fn source_files(&self) -> Vec<String> {
        let whole = |file: &str| {
            let is_whole = file.starts_with('/') || self.directory.is_empty();
            if is_whole { file.to_owned() } else { format!("{}/{file}", self.directory) }
        };
        let mut files = vec![whole(&self.unit)];
        if !self.file.is_empty() && self.file != self.unit {
            files.push(whole(&self.file));
        }
        files
    }
}

impl DebugInfo<'_> {
    /// The function (not an inlined one) to which the code at `address` belongs.
    pub fn function_at(&self, address: u64) -> Option<FunctionInfo> {
        self.function(self.function_entry_at(address)?)
    }

    /// What the entry of a function, or of an instance of one, says.
    pub(super) fn function(&self, id: EntryId) -> Option<FunctionInfo> {
        let ask = |name| {
            let text = self.through_origins(id, |id, entry| Ok(self.string(id.unit, entry, name)));
            text.ok().flatten()
        };
        let (file, line) = self.declared_at(id);
        let unit = self.declaration(id).ok()?.unit;
        let directory = self.parsed(unit).ok()?.comp_dir.map(|text| text.to_string_lossy().into_owned());
        Some(FunctionInfo {
            name: ask(gimli::DW_AT_name).unwrap_or_default(),
            linkage_name: ask(gimli::DW_AT_linkage_name).or_else(|| ask(gimli::DW_AT_MIPS_linkage_name)),
            file,
            line,
            unit: self.unit_name(unit).unwrap_or_default(),
            directory: directory.unwrap_or_default(),
        })
    }

    /// File and line of the declaration of a function, variable or type that is nearest to its definition;
    /// empty and 0 if unknown.
    pub fn declared_at(&self, id: EntryId) -> (String, u32) {
        let place = self.through_origins(id, |id, entry| {
            let file = match entry.attr_value(gimli::DW_AT_decl_file) {
                Some(AttributeValue::FileIndex(file)) => self.file_name(id.unit, file),
                _ => None,
            };
            let line = super::entry::unsigned(entry, gimli::DW_AT_decl_line);
            Ok(file.zip(line.and_then(|line| u32::try_from(line).ok())))
        });
        place.ok().flatten().unwrap_or_default()
    }

    /// The entry with code at `address`.
    pub(super) fn function_entry_at(&self, address: u64) -> Option<EntryId> {
        self.units_at(address).find_map(|unit| {
            let offset = self.index(unit).ok()?.function_at(address)?;
            Some(EntryId { unit, offset })
        })
    }
}
