//! Names of members: paths that mean the same file, and only that, wherever a bundle is unpacked.
//!
//! The folder says what a member is for, so that a reader of `tar -tf` sees it too and no second place can say
//! otherwise.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::{BundleError, DOCUMENT_BYTES_MAX, DOSSIER_BYTES_MAX, NAME_BYTES_MAX};

/// A path in a bundle that has been checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberName(String);

/// What a member is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// `deltas/NAME.delta`: what changes one build.
    Delta,
    /// `documents/…`: whatever a reader should have at hand.
    Document,
    /// `dossier.toml`: the paper that goes with the patch.
    Dossier,
}

/// The rule that a name breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameRule {
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("it is longer than {NAME_BYTES_MAX} bytes")]
    TooLong,
    /// `/etc/passwd`
    #[error("it begins with `/`")]
    Absolute,
    /// `a/../../b`, `./a`, `.profile`
    #[error("a part of it begins with `.`")]
    Dot,
    /// `-rf`: a word that tools take for an option.
    #[error("a part of it begins with `-`")]
    Dash,
    /// `a//b`, `a/`
    #[error("a part of it is empty")]
    EmptyPart,
    /// Anything but letters, digits, and `.`, `_`, `+`, `-`.
    #[error("it has a character other than the letters and digits of ASCII and `._+-/`")]
    Character,
    /// A name outside the folders that there are.
    #[error("it is none of `deltas/NAME.delta`, `dossier.toml` and `documents/NAME`")]
    Place,
}

impl MemberName {
    /// Checks a name.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn new(name: &str) -> Result<Self, NameRule> {
        check_path(name)?;
        role(name).ok_or(NameRule::Place)?;
        Ok(Self(name.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path behind the last `/`.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// What the member is for.
    pub fn role(&self) -> Role {
        role(&self.0).unwrap_or(Role::Document)
    }

    /// What kind of content a member of this name has, by its extension (RFC 6838).
    pub fn media_type(&self) -> &'static str {
        match self.0.rsplit_once('.').map_or("", |(_, extension)| extension) {
            "delta" => "application/vnd.suture.delta",
            "html" => "text/html",
            "json" => "application/json",
            "md" => "text/markdown",
            "patch" | "diff" => "text/x-diff",
            "pdf" => "application/pdf",
            "toml" => "application/toml",
            "txt" => "text/plain",
            _ => "application/octet-stream",
        }
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for MemberName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Role {
    /// Longest member of this role, in bytes.
    pub fn bytes_max(self) -> usize {
        match self {
            Self::Delta => suture_delta::format::FILE_BYTES_MAX,
            Self::Document => DOCUMENT_BYTES_MAX,
            Self::Dossier => DOSSIER_BYTES_MAX,
        }
    }

    /// The word for it in the manifest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Document => "document",
            Self::Dossier => "dossier",
        }
    }
}

fn role(name: &str) -> Option<Role> {
    if name == "dossier.toml" {
        return Some(Role::Dossier);
    }
    let (folder, rest) = name.split_once('/')?;
    match folder {
        "deltas" if !rest.contains('/') => {
            rest.strip_suffix(".delta").filter(|stem| !stem.is_empty()).map(|_| Role::Delta)
        }
        "documents" => Some(Role::Document),
        _ => None,
    }
}

/// Whether `name` is a relative path without surprises.
pub(crate) fn check_path(name: &str) -> Result<(), NameRule> {
    if name.is_empty() {
        return Err(NameRule::Empty);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(NameRule::TooLong);
    }
    if name.starts_with('/') {
        return Err(NameRule::Absolute);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-/".contains(&byte);
    if !name.bytes().all(allowed) {
        return Err(NameRule::Character);
    }
    for part in name.split('/') {
        match part.as_bytes().first() {
            None => return Err(NameRule::EmptyPart),
            Some(b'.') => return Err(NameRule::Dot),
            Some(b'-') => return Err(NameRule::Dash),
            Some(_) => {}
        }
    }
    Ok(())
}

/// Whether all `names`, ascending, can be files beside each other, on file systems too that don't tell `A` from `a`.
pub(crate) fn check_together<'n>(names: impl Iterator<Item = &'n MemberName>) -> Result<(), BundleError> {
    let mut last: Option<&MemberName> = None;
    let mut files: BTreeMap<String, &MemberName> = BTreeMap::new();
    for name in names {
        match last {
            Some(last) if last == name => return Err(BundleError::Duplicate { name: name.to_string() }),
            Some(last) if last > name => {
                return Err(BundleError::Order { name: name.to_string(), before: last.to_string() });
            }
            _ => last = Some(name),
        }
        if let Some(other) = files.insert(name.0.to_ascii_lowercase(), name) {
            return Err(BundleError::Clash { name: name.to_string(), other: other.to_string() });
        }
    }
    for (lower, name) in &files {
        let mut parents = lower.match_indices('/').map(|(at, _)| &lower[..at]);
        if let Some(other) = parents.find_map(|parent| files.get(parent)) {
            return Err(BundleError::Clash { name: name.to_string(), other: other.to_string() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_file_wherever_it_is_unpacked() {
        let long = format!("documents/{}", "a".repeat(NAME_BYTES_MAX));
        let rows = [
            ("", NameRule::Empty),
            (&long, NameRule::TooLong),
            ("/etc/passwd", NameRule::Absolute),
            ("documents/../../x", NameRule::Dot),
            ("./documents/x", NameRule::Dot),
            ("documents/.bashrc", NameRule::Dot),
            ("documents/-rf", NameRule::Dash),
            ("documents//x", NameRule::EmptyPart),
            ("documents/x/", NameRule::EmptyPart),
            ("documents\\x", NameRule::Character),
            ("documents/a\nb", NameRule::Character),
            ("documents/größe", NameRule::Character),
            ("c:x", NameRule::Character),
            ("manifest.json", NameRule::Place),
            ("deltas/x", NameRule::Place),
            ("deltas/a/b.delta", NameRule::Place),
            ("deltas/.delta", NameRule::Dot),
            ("documents", NameRule::Place),
            ("other/x", NameRule::Place),
        ];
        for (name, rule) in rows {
            assert_eq!(MemberName::new(name), Err(rule), "{name:?}");
        }
    }

    #[test]
    fn the_folder_says_what_a_member_is_for() {
        let rows = [
            ("deltas/server-1.delta", Role::Delta, "application/vnd.suture.delta"),
            ("dossier.toml", Role::Dossier, "application/toml"),
            ("documents/fix.patch", Role::Document, "text/x-diff"),
            ("documents/a/README", Role::Document, "application/octet-stream"),
        ];
        for (name, role, media_type) in rows {
            let name = MemberName::new(name).unwrap();
            assert_eq!((name.role(), name.media_type()), (role, media_type), "{name}");
        }
    }
}
