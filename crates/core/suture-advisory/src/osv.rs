//! An advisory in the Open Source Vulnerability format.
//!
//! <https://ossf.github.io/osv-schema/>. The id has the prefix for databases that are not registered, and the CVE and GHSA ids are
//! its aliases: `CVE-…` as an id would claim to be the CVE programme's own record. Versions come as ranges only where
//! the ecosystem that orders them is known, as commits where the repository is, and as they were written in any case. What is not
//! listed is not affected, for a machine: where something can't be said the single versions are left out ([`unsaid`]). OSV has no
//! word for a hot patch: it is told in the details and, for programs, under `database_specific`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{Advisory, Commit, CreditRole, ReferenceKind};
use crate::products;
use crate::scores;
use crate::versions::{Comparison, Versions};

/// The version of the schema.
const SCHEMA_VERSION: &str = "1.7.4";
/// Ecosystems of the schema in which programs are published that run for long.
const ECOSYSTEMS: [&str; 24] = [
    "AlmaLinux",
    "Alpaquita",
    "Alpine",
    "Azure Linux",
    "Bitnami",
    "Chainguard",
    "ConanCenter",
    "crates.io",
    "Debian",
    "FreeBSD",
    "GIT",
    "Go",
    "Linux",
    "Mageia",
    "MinimOS",
    "openEuler",
    "openSUSE",
    "OSS-Fuzz",
    "Photon OS",
    "Red Hat",
    "Rocky Linux",
    "SUSE",
    "Ubuntu",
    "Wolfi",
];
/// Those of them whose versions are semantic.
const SEMANTIC: [&str; 2] = ["crates.io", "Go"];

/// An ecosystem, perhaps with a release behind a colon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ecosystem(String);

impl Ecosystem {
    fn range_type(&self) -> &'static str {
        if SEMANTIC.contains(&self.0.as_str()) { "SEMVER" } else { "ECOSYSTEM" }
    }
}

impl FromStr for Ecosystem {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, release) = text.split_once(':').unwrap_or((text, "-"));
        let is_release =
            !release.is_empty() && release.len() <= 64 && release.chars().all(|c| c.is_ascii_graphic());
        if ECOSYSTEMS.contains(&name) && is_release {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(40).collect();
        Err(format!("{shown:?} is no ecosystem that is known here; these are {}", ECOSYSTEMS.join(", ")))
    }
}

impl TryFrom<String> for Ecosystem {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Ecosystem> for String {
    fn from(ecosystem: Ecosystem) -> Self {
        ecosystem.0
    }
}

/// An OSV record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Osv {
    schema_version: &'static str,
    id: String,
    modified: String,
    published: String,
    aliases: Vec<String>,
    summary: String,
    details: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    severity: Vec<Severity>,
    affected: Vec<Affected>,
    references: Vec<Reference>,
    credits: Vec<Credit>,
    database_specific: Specific,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Severity {
    r#type: &'static str,
    score: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Affected {
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<Package>,
    ranges: Vec<Range>,
    versions: Vec<String>,
    database_specific: Written,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Range {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    repo: Option<String>,
    events: Vec<Event>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Introduced(String),
    Fixed(String),
    LastAffected(String),
}

/// Program and versions as the advisory has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Written {
    program: String,
    affected: Vec<String>,
    fixed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Reference {
    r#type: &'static str,
    url: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Credit {
    name: String,
    r#type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Specific {
    version: String,
    tlp: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cwe_ids: Vec<String>,
    hot_patches: Vec<HotPatch>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct HotPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_version: Option<String>,
    build_id: String,
    patch_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    restart_required: bool,
    how_to_tell: String,
}

/// `advisory` as OSV; nothing if it has no version yet.
pub fn osv(advisory: &Advisory) -> Option<Osv> {
    let (first, last) = (advisory.history().next()?, advisory.history().next_back()?);
    let reference = |reference: &crate::model::Reference| Reference {
        r#type: match reference.kind {
            ReferenceKind::Advisory => "ADVISORY",
            ReferenceKind::Fix => "FIX",
            ReferenceKind::Report => "REPORT",
            ReferenceKind::Web => "WEB",
        },
        url: reference.url.to_string(),
    };
    let credit = |credit: &crate::model::Credit| Credit {
        name: credit.name.to_string(),
        r#type: match credit.role {
            CreditRole::Reporter => "REPORTER",
            CreditRole::Author => "REMEDIATION_DEVELOPER",
            CreditRole::Reviewer => "REMEDIATION_REVIEWER",
            CreditRole::Verifier => "REMEDIATION_VERIFIER",
        },
    };
    Some(Osv {
        schema_version: SCHEMA_VERSION,
        id: format!("x_suture-{}", advisory.id),
        modified: last.at.to_string(),
        published: first.at.to_string(),
        aliases: advisory.ids.iter().map(ToString::to_string).collect(),
        summary: advisory.title.to_string(),
        details: details(advisory),
        severity: severity(advisory),
        affected: vec![affected(advisory)],
        references: advisory.reference.iter().map(reference).collect(),
        credits: advisory.credit.iter().map(credit).collect(),
        database_specific: Specific {
            version: last.number.to_string(),
            tlp: advisory.tlp.name().to_uppercase(),
            cwe_ids: advisory.cwe.iter().map(ToString::to_string).collect(),
            hot_patches: advisory.hot_patch.iter().map(hot_patch).collect(),
        },
    })
}

/// `CommonMark`, so what people wrote is escaped.
fn details(advisory: &Advisory) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut part = |heading: &str, text: &str| {
        let text = crate::markdown::escaped(text);
        parts.push(if heading.is_empty() { text } else { format!("## {heading}\n\n{text}") });
    };
    if let Some(summary) = &advisory.summary {
        part("", summary.as_str());
    }
    if let Some(impact) = &advisory.impact {
        part("Impact", impact.as_str());
    }
    for patch in advisory.hot_patch.iter() {
        let text = format!("{} {}", products::what_to_do(patch), products::how_to_tell(patch));
        part(&format!("Hot patch for {}", crate::markdown::escaped(&products::build_name(patch))), &text);
    }
    if let Some(workaround) = &advisory.workaround {
        part("Workaround", workaround.as_str());
    }
    parts.join("\n\n")
}

fn severity(advisory: &Advisory) -> Vec<Severity> {
    let v3 =
        scores::v3(&advisory.severity).map(|scored| Severity { r#type: "CVSS_V3", score: scored.vector });
    let v4 =
        scores::v4(&advisory.severity).map(|scored| Severity { r#type: "CVSS_V4", score: scored.vector });
    v3.into_iter().chain(v4).collect()
}

/// What a machine would take for not affected although the advisory does not say so, in words; nothing if the OSV record says all.
///
/// Commits say which versions are affected to those who go by the repository, and to nobody who goes by a package.
pub fn unsaid(advisory: &Advisory) -> Vec<String> {
    let program = &advisory.program;
    if program.package.is_none() && commits(advisory).is_some() {
        return Vec::new();
    }
    if program.affected.is_empty() {
        return vec!["all versions, since none is named as affected".to_owned()];
    }
    let is_said = |line: &&str| match Versions::of(line) {
        Versions::One(_) => true,
        range @ Versions::Range(_) => program.package.is_some() && events(&range).is_some(),
        Versions::Words(_) => false,
    };
    let lines = program.affected.iter().map(suture_case::values::Line::as_str);
    lines.filter(|line| !is_said(line)).map(str::to_owned).collect()
}

fn affected(advisory: &Advisory) -> Affected {
    let program = &advisory.program;
    let lines = || program.affected.iter().map(|line| Versions::of(line.as_str()));
    let mut versions: Vec<String> = lines()
        .filter_map(|versions| match versions {
            Versions::One(version) => Some(version.to_owned()),
            _ => None,
        })
        .collect();
    for patch in advisory.hot_patch.iter() {
        if let Some(version) =
            patch.version.as_ref().map(ToString::to_string).filter(|new| !versions.contains(new))
        {
            versions.push(version);
        }
    }
    if !unsaid(advisory).is_empty() {
        versions.clear();
    }
    let mut ranges: Vec<Range> = commits(advisory).into_iter().collect();
    if let Some(package) = &program.package {
        let events = lines().filter_map(|versions| events(&versions));
        ranges.extend(events.map(|events| Range {
            r#type: package.ecosystem.range_type(),
            repo: None,
            events,
        }));
    }
    let written = |list: &[suture_case::values::Line]| list.iter().map(ToString::to_string).collect();
    Affected {
        package: program.package.as_ref().map(|package| Package {
            ecosystem: package.ecosystem.clone().into(),
            name: package.name.to_string(),
        }),
        ranges,
        versions,
        database_specific: Written {
            program: program.name.to_string(),
            affected: written(&program.affected),
            fixed: written(&program.fixed),
        },
    }
}

/// A range of versions as events; nothing for one that events can't say: they know no version that is just above another.
fn events(versions: &Versions<'_>) -> Option<Vec<Event>> {
    let Versions::Range(bounds) = versions else { return None };
    let mut events = Vec::new();
    if bounds.iter().all(|bound| matches!(bound.comparison, Comparison::AtMost | Comparison::Below)) {
        events.push(Event::Introduced("0".to_owned()));
    }
    for bound in bounds {
        let version = bound.version.to_owned();
        events.push(match bound.comparison {
            Comparison::AtLeast => Event::Introduced(version),
            Comparison::Below => Event::Fixed(version),
            Comparison::AtMost => Event::LastAffected(version),
            Comparison::Above => return None,
        });
    }
    Some(events)
}

/// Affected commits; nothing without any, and nothing where a version is fixed and no commit is: all that come would be affected.
fn commits(advisory: &Advisory) -> Option<Range> {
    let program = &advisory.program;
    let repo = program.repository.as_ref()?;
    let (introduced, fixed) = (&program.introduced_commits, &program.fixed_commits);
    if fixed.is_empty() && (introduced.is_empty() || !program.fixed.is_empty()) {
        return None;
    }
    let id = |commit: &Commit| commit.as_str().to_owned();
    let mut events: Vec<Event> = introduced.iter().map(id).map(Event::Introduced).collect();
    if events.is_empty() {
        events.push(Event::Introduced("0".to_owned()));
    }
    events.extend(fixed.iter().map(id).map(Event::Fixed));
    Some(Range { r#type: "GIT", repo: Some(repo.to_string()), events })
}

fn hot_patch(patch: &crate::model::HotPatch) -> HotPatch {
    HotPatch {
        reported_version: patch.version.as_ref().map(ToString::to_string),
        build_id: patch.build_id.as_str().to_owned(),
        patch_id: patch.patch.to_string(),
        bundle: patch.bundle.as_ref().map(ToString::to_string),
        restart_required: false,
        how_to_tell: products::how_to_tell(patch),
    }
}
