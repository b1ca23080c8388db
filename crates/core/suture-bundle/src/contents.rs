//! What a bundle must hold to be a patch: deltas that can be used, each under the name that it gives itself, and one
//! dossier.

use std::str;

use suture_delta::format::{self, DeltaId, FormatError};
use suture_delta::page::clean;
use thiserror::Error;

use crate::{Bundle, DELTAS_MAX, Facts, MemberName, NameRule, Role};

/// Name of the member with the dossier.
pub const DOSSIER: &str = "dossier.toml";
/// How many digits of a delta's id stand in its name.
const ID_DIGITS: usize = 16;
/// How much of a program's name stands there.
const PROGRAM_BYTES_MAX: usize = 64;

/// A bundle that has been looked into.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// Its deltas, ascending by name.
    pub deltas: Vec<BundledDelta>,
    /// Text of the dossier.
    pub dossier: &'a str,
}

/// One delta of a bundle.
#[derive(Debug, Clone)]
pub struct BundledDelta {
    /// Its member.
    pub name: MemberName,
    /// SHA-256 of its file.
    pub id: DeltaId,
    /// What is in the file.
    pub delta: suture_delta::Delta,
    /// The same in short.
    pub facts: Facts,
}

/// Why members of a bundle are no patch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContentsError {
    /// Nothing to apply.
    #[error("there is no delta in it")]
    NoDelta,
    /// More than [`DELTAS_MAX`].
    #[error("it has more than {DELTAS_MAX} deltas")]
    TooManyDeltas,
    /// No paper.
    #[error("there is no {DOSSIER} in it")]
    NoDossier,
    /// Not UTF-8.
    #[error("{DOSSIER} is no UTF-8 text from byte {offset} on")]
    DossierNotText {
        /// First byte that is none.
        offset: usize,
    },
    /// A delta that can't be used.
    #[error("{name}: {error}")]
    Delta {
        /// Its member.
        name: MemberName,
        /// What is wrong with it.
        error: FormatError,
    },
    /// A delta under a name that it would not give itself.
    #[error("{name} should be called {expected}")]
    Misnamed {
        /// Its member.
        name: MemberName,
        /// The name by program and id.
        expected: String,
    },
    /// A delta that replaces functions of which its report is silent.
    #[error("{name} replaces {replaced} functions, but its report tells of {reported}")]
    Unreported {
        /// Its member.
        name: MemberName,
        /// Functions that are redirected.
        replaced: usize,
        /// Functions that the report names.
        reported: usize,
    },
    /// Two deltas, each of which would be the patch of a process.
    #[error(
        "{one} and {other} are both for build {} of {}, and neither stands on the other",
        clean(build_id),
        clean(program)
    )]
    SameBuild {
        /// The one.
        one: MemberName,
        /// The other.
        other: MemberName,
        /// Their program.
        program: String,
        /// Their old build.
        build_id: String,
    },
}

impl ContentsError {
    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoDelta | Self::NoDossier | Self::Misnamed { .. } => {
                "`suture bundle create` makes a bundle of deltas and a dossier"
            }
            Self::TooManyDeltas => "make a bundle for each platform",
            Self::DossierNotText { .. } => "write it as UTF-8",
            Self::Delta { error, .. } => error.help(),
            Self::Unreported { .. } => "do not apply it; make the delta again from the two builds",
            Self::SameBuild { .. } => "keep the one that is meant, or make the later one with `--on`",
        }
    }
}

impl<'a> Contents<'a> {
    /// Looks into `bundle`.
    ///
    /// # Errors
    /// What is missing or can't be used; see [`ContentsError`].
    pub fn read(bundle: &Bundle<'a>) -> Result<Self, ContentsError> {
        let of_role = |role| bundle.members().iter().filter(move |member| member.name.role() == role);
        if of_role(Role::Delta).count() > DELTAS_MAX {
            return Err(ContentsError::TooManyDeltas);
        }
        let deltas: Vec<_> = of_role(Role::Delta)
            .map(|member| BundledDelta::read(&member.name, member.content))
            .collect::<Result<_, _>>()?;
        if deltas.is_empty() {
            return Err(ContentsError::NoDelta);
        }
        check_builds(&deltas)?;
        let dossier = bundle.content(DOSSIER).ok_or(ContentsError::NoDossier)?;
        let dossier = str::from_utf8(dossier)
            .map_err(|error| ContentsError::DossierNotText { offset: error.valid_up_to() })?;
        Ok(Self { deltas, dossier })
    }
}

impl BundledDelta {
    fn read(name: &MemberName, content: &[u8]) -> Result<Self, ContentsError> {
        let delta =
            format::read(content).map_err(|error| ContentsError::Delta { name: name.clone(), error })?;
        let id = format::id(content);
        let expected = spelled_name(&delta.meta.old.name, &id.to_string());
        if name.as_str() != expected {
            return Err(ContentsError::Misnamed { name: name.clone(), expected });
        }
        let (replaced, reported) = (delta.meta.sites.len(), delta.meta.report.changed.len());
        if replaced != reported {
            return Err(ContentsError::Unreported { name: name.clone(), replaced, reported });
        }
        let facts = Facts::of(&delta, &id, content.len());
        Ok(Self { name: name.clone(), id, delta, facts })
    }
}

/// The name of a delta in every bundle: by its program and its id, so that the name of the file from which it was
/// taken counts for nothing.
///
/// # Errors
/// None that a name which is made like this can break.
pub fn delta_name(delta: &suture_delta::Delta, id: &DeltaId) -> Result<MemberName, NameRule> {
    MemberName::new(&spelled_name(&delta.meta.old.name, &id.to_string()))
}

/// The same name as text, of a delta with this id for a build with this file name.
fn spelled_name(program: &str, id: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let mut file: String =
        program.chars().take(PROGRAM_BYTES_MAX).map(|c| if allowed(c) { c } else { '_' }).collect();
    if !file.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        file.insert(0, '_');
    }
    format!("deltas/{file}-{}.delta", id.get(..ID_DIGITS).unwrap_or(id))
}

/// A process that runs some build must not find two patches for it that don't know of each other.
fn check_builds(deltas: &[BundledDelta]) -> Result<(), ContentsError> {
    for (index, one) in deltas.iter().enumerate() {
        let build = &one.delta.meta.old;
        let stands_on =
            |upper: &BundledDelta, lower: &BundledDelta| upper.delta.meta.on.contains(&lower.facts.id);
        let other = deltas[index + 1..].iter().find(|other| {
            other.delta.meta.old.build_id == build.build_id
                && !stands_on(one, other)
                && !stands_on(other, one)
        });
        if let Some(other) = other {
            return Err(ContentsError::SameBuild {
                one: one.name.clone(),
                other: other.name.clone(),
                program: build.name.clone(),
                build_id: build.build_id.clone(),
            });
        }
    }
    Ok(())
}
