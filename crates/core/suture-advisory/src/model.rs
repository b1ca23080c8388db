//! The advisory as a value: what is said, to whom, since when.
//!
//! Nothing of it is looked up elsewhere, so that a copy of `advisory.toml` is enough to render it again years later.

use serde::{Deserialize, Serialize};
use suture_case::model::{Tlp, VERSIONS_MAX, Vectors};
use suture_case::names::{CaseId, VulnerabilityId};
use suture_case::values::{Digest, Line, List, Moment, Prose};

use crate::links::{Purl, Url};
use crate::revision::Revision;
use crate::stage::Stage;
use crate::weakness::WeaknessId;

/// The version of the format that this crate reads and writes.
pub const SCHEMA: u32 = 1;
/// Most ids of one vulnerability.
pub const IDS_MAX: usize = 64;
/// Most builds that there is a hot patch for.
pub const PATCHES_MAX: usize = 256;
/// Most people and references.
pub const NAMES_MAX: usize = 64;
/// Most revisions of one advisory.
pub const REVISIONS_MAX: usize = 1000;
/// Most commits that brought the hole, or closed it.
pub const COMMITS_MAX: usize = 64;

/// What is said about one vulnerability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    /// Version of the format.
    pub schema: Schema,
    /// Its id: that of the case.
    pub id: CaseId,
    /// What it is about, in one line.
    pub title: Line,
    /// How far it has got.
    pub stage: Stage,
    /// Who may read it.
    pub tlp: Tlp,
    /// When it may be published, if that is agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclose_at: Option<Moment>,
    /// CVE and GHSA ids of the vulnerability.
    #[serde(default)]
    pub ids: List<VulnerabilityId, IDS_MAX>,
    /// What kind of weakness it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwe: Option<WeaknessId>,
    /// What the vulnerability is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Prose>,
    /// What an attacker gains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Prose>,
    /// What helps until a fix is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workaround: Option<Prose>,
    /// Who says it.
    pub publisher: Publisher,
    /// About which program.
    pub program: Program,
    /// CVSS vectors, base metrics only: the others are about somebody's own systems.
    #[serde(default, skip_serializing_if = "Vectors::is_empty")]
    pub severity: Vectors,
    /// Builds that can be patched while they run.
    #[serde(default, skip_serializing_if = "is_none")]
    pub hot_patch: List<HotPatch, PATCHES_MAX>,
    /// Who is thanked, and for what.
    #[serde(default, skip_serializing_if = "is_none")]
    pub credit: List<Credit, NAMES_MAX>,
    /// Where to read on.
    #[serde(default, skip_serializing_if = "is_none")]
    pub reference: List<Reference, NAMES_MAX>,
    /// What was said when, oldest first; `suture advisory update` writes it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub revision: List<Revision, REVISIONS_MAX>,
}

fn is_none<T, const MAX: usize>(list: &List<T, MAX>) -> bool {
    list.is_empty()
}

/// [`SCHEMA`], and no other version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Schema;

impl TryFrom<u32> for Schema {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, String> {
        if version == SCHEMA {
            return Ok(Self);
        }
        Err(format!(
            "this is version {version} of the format, and version {SCHEMA} is what can be read; use a suture that knows it"
        ))
    }
}

impl From<Schema> for u32 {
    fn from(_: Schema) -> Self {
        SCHEMA
    }
}

/// Who publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// In what role: the words of CSAF 2.0, 3.2.1.8.1.
    pub category: PublisherCategory,
    /// The name.
    pub name: Line,
    /// A web address under the publisher's control; it makes ids unique in the world.
    pub namespace: Url,
    /// How to reach them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Line>,
}

/// In what role somebody publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublisherCategory {
    /// Coordinates between others.
    Coordinator,
    /// Has found it.
    Discoverer,
    /// Uses the program.
    User,
    /// Makes the program.
    Vendor,
    /// None of these.
    Other,
}

impl PublisherCategory {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Discoverer => "discoverer",
            Self::User => "user",
            Self::Vendor => "vendor",
            Self::Other => "other",
        }
    }
}

/// What is affected, and what is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name.
    pub name: Line,
    /// Who makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Line>,
    /// Its package URL, without a version; `pkg:generic/NAME` if nothing better is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<Purl>,
    /// The package in an ecosystem that OSV knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// Where its source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Url>,
    /// Commits that brought the hole.
    #[serde(default, skip_serializing_if = "is_none")]
    pub introduced_commits: List<Commit, COMMITS_MAX>,
    /// Commits that closed it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub fixed_commits: List<Commit, COMMITS_MAX>,
    /// Versions or ranges that have the hole.
    #[serde(default)]
    pub affected: List<Line, VERSIONS_MAX>,
    /// Versions or ranges that have it no more.
    #[serde(default)]
    pub fixed: List<Line, VERSIONS_MAX>,
}

/// A package in an ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The ecosystem, such as `Debian:12`.
    pub ecosystem: crate::osv::Ecosystem,
    /// The name there.
    pub name: Line,
}

/// A full commit id: 40 or 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Commit(String);

impl Commit {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Commit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if matches!(text.len(), 40 | 64) && is_hex(&text) {
            return Ok(Self(text));
        }
        Err("not a full commit id in lower-case hexadecimal digits; `git rev-parse COMMIT` prints it"
            .to_owned())
    }
}

impl From<Commit> for String {
    fn from(commit: Commit) -> Self {
        commit.0
    }
}

/// A GNU build-id in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BuildId(String);

impl BuildId {
    /// Most hexadecimal digits.
    pub const DIGITS_MAX: usize = 128;

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BuildId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = (2..=Self::DIGITS_MAX).contains(&text.len()) && text.len().is_multiple_of(2);
        if fits && is_hex(&text) {
            return Ok(Self(text));
        }
        Err("not a build-id in lower-case hexadecimal digits; `readelf -n FILE` prints it".to_owned())
    }
}

impl From<BuildId> for String {
    fn from(id: BuildId) -> Self {
        id.0
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A build that can be patched while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HotPatch {
    /// The version that the build reports, before the patch and after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Line>,
    /// The build.
    pub build_id: BuildId,
    /// The delta's id: the patch id that `suture ps` shows.
    pub patch: Digest,
    /// The bundle that it comes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Digest>,
}

/// Somebody who is thanked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// For what.
    pub role: CreditRole,
    /// The name.
    pub name: Line,
    /// The organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Line>,
}

/// What somebody is thanked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CreditRole {
    /// Has reported the vulnerability.
    Reporter,
    /// Has made the fix.
    Author,
    /// Has read the fix and approved it.
    Reviewer,
    /// Has tested that it closes the hole.
    Verifier,
}

impl CreditRole {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Reporter, Self::Author, Self::Reviewer, Self::Verifier];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reporter => "reporter",
            Self::Author => "author",
            Self::Reviewer => "reviewer",
            Self::Verifier => "verifier",
        }
    }

    /// What they did, for people.
    pub fn deed(self) -> &'static str {
        match self {
            Self::Reporter => "reported the vulnerability",
            Self::Author => "made the fix",
            Self::Reviewer => "reviewed the fix",
            Self::Verifier => "verified the fix",
        }
    }
}

/// Where to read on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What is there.
    pub summary: Line,
    /// The address.
    pub url: Url,
    /// What kind of page it is.
    #[serde(default)]
    pub kind: ReferenceKind,
}

/// Kinds of pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceKind {
    /// Another advisory on it.
    Advisory,
    /// The change in the source.
    Fix,
    /// The report.
    Report,
    /// Anything else.
    #[default]
    Web,
}
