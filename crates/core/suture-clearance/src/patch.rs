//! What is to run: a bundle, or a delta by itself.

use std::str::FromStr as _;

use suture_bundle::{
    Bundle, BundleError, BundledDelta, Contents, ContentsError, Facts, begins_like_a_bundle,
};
use suture_delta::Delta;
use suture_delta::format::{self, FormatError};
use suture_delta::page::counted;
use suture_dossier::{Dossier, lint};
use suture_policy::Class;
use suture_trust::Digest;
use thiserror::Error;

/// A patch that has been read.
#[derive(Debug)]
pub struct Patch {
    /// SHA-256 of its file: what statements are about.
    pub digest: Digest,
    /// Length of its file, in bytes.
    pub bytes: usize,
    /// Its deltas, each with what is in it. A bare delta is the only one.
    pub deltas: Vec<(Delta, Facts)>,
    /// Consensus class that its author declares.
    pub declared: Option<Class>,
    /// The case that it is for.
    pub case: Option<String>,
    /// What its dossier calls it, in a line.
    pub title: Option<String>,
    /// Whether it is a bundle.
    pub is_bundle: bool,
    /// What is open or wrong in its dossier; it can be taken back all the same, and is used for nothing else.
    pub gaps: Option<Gaps>,
}

/// What is open or wrong in the dossier of a bundle: how much of it, and the first.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("its dossier has {}, first {first}: {asks}", counted(*count, "gap"))]
pub struct Gaps {
    count: usize,
    first: String,
    asks: String,
}

impl Gaps {
    /// What `suture dossier lint` finds in a dossier of these deltas.
    pub fn of(dossier: &Dossier, facts: &[Facts]) -> Option<Self> {
        let found = lint(dossier, Some(facts));
        let first = found.first()?;
        Some(Self { count: found.len(), first: first.id.clone(), asks: first.asks.clone() })
    }
}

/// Why a file is no patch.
#[derive(Debug, Error)]
pub enum PatchError {
    /// A delta that can't be used.
    #[error("{0}")]
    Delta(FormatError),
    /// A bundle that can't be used.
    #[error("{0}")]
    Bundle(BundleError),
    /// A bundle in which something is not as it must be.
    #[error("{0}")]
    Contents(ContentsError),
    /// A bundle whose dossier says nothing that can be used.
    #[error("dossier.toml: {0}")]
    Dossier(String),
}

impl Patch {
    /// Reads a file: a bundle or a delta.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, PatchError> {
        let digest = Digest::of(bytes);
        if begins_like_a_bundle(bytes) { bundle(digest, bytes) } else { bare(digest, bytes) }
    }
}

fn bare(digest: Digest, bytes: &[u8]) -> Result<Patch, PatchError> {
    let delta = format::read(bytes).map_err(PatchError::Delta)?;
    let facts = Facts::of(&delta, &format::id(bytes), bytes.len());
    let deltas = vec![(delta, facts)];
    Ok(Patch {
        digest,
        bytes: bytes.len(),
        deltas,
        declared: None,
        case: None,
        title: None,
        is_bundle: false,
        gaps: None,
    })
}

fn bundle(digest: Digest, bytes: &[u8]) -> Result<Patch, PatchError> {
    let bundle = Bundle::read(bytes).map_err(PatchError::Bundle)?;
    let contents = Contents::read(&bundle).map_err(PatchError::Contents)?;
    let dossier = Dossier::parse(contents.dossier).map_err(|error| PatchError::Dossier(error.to_string()))?;
    let title = Some(dossier.answers.title.trim().to_owned()).filter(|title| !title.is_empty());
    let case = &dossier.answers.case;
    let class = Some(case.consensus_class.trim()).filter(|class| !class.is_empty());
    let declared = class.map(declared).transpose()?;
    let case = Some(case.id.trim().to_owned()).filter(|id| !id.is_empty());
    let facts: Vec<Facts> = contents.deltas.iter().map(|delta| delta.facts.clone()).collect();
    let gaps = Gaps::of(&dossier, &facts);
    let deltas =
        contents.deltas.into_iter().map(|BundledDelta { delta, facts, .. }| (delta, facts)).collect();
    Ok(Patch { digest, bytes: bytes.len(), deltas, declared, case, title, is_bundle: true, gaps })
}

fn declared(class: &str) -> Result<Class, PatchError> {
    let known = suture_case::consensus::Class::from_str(class);
    known.map(crate::facts::word).map_err(|_| {
        PatchError::Dossier(format!(
            "`{class}` is no consensus class; it is one of `local`, `wire` and `replicated`"
        ))
    })
}
