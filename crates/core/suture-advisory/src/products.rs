//! The things that readers have to tell apart: affected, fixed, and patched while it runs.
//!
//! One list for all renderings, so that none can forget one of them. The ids say what they are about and stay the same from
//! version to version.

use crate::links::Purl;
use crate::model::{Advisory, HotPatch};
use crate::versions::Versions;

/// One thing that an advisory says something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product<'a> {
    /// What it is.
    pub what: What<'a>,
    /// Its id within the advisory.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Its package URL.
    pub purl: String,
}

/// What a product is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What<'a> {
    /// Versions of the program that have the hole.
    Affected(Versions<'a>),
    /// Versions that have it no more.
    Fixed(Versions<'a>),
    /// A build that has it, and could be patched.
    Build(&'a HotPatch),
    /// The same build with the patch in the running process.
    Patched(&'a HotPatch),
    /// The program, when nobody knows which versions.
    Unknown,
}

/// All products of an advisory: affected, builds, patched, fixed; or the program alone if there are none.
pub fn products(advisory: &Advisory) -> Vec<Product<'_>> {
    let program = &advisory.program;
    let mut all: Vec<Product<'_>> = Vec::new();
    all.extend(program.affected.iter().map(|line| {
        let versions = Versions::of(line.as_str());
        product(advisory, format!("AFFECTED {line}"), line.as_str(), What::Affected(versions))
    }));
    let mut builds: Vec<&HotPatch> = Vec::new();
    for patch in advisory.hot_patch.iter() {
        if builds.iter().all(|known| known.build_id != patch.build_id) {
            builds.push(patch);
            all.push(build(advisory, patch));
        }
    }
    all.extend(advisory.hot_patch.iter().map(|patch| patched(advisory, patch)));
    all.extend(program.fixed.iter().map(|line| {
        let versions = Versions::of(line.as_str());
        product(advisory, format!("FIXED {line}"), line.as_str(), What::Fixed(versions))
    }));
    if all.is_empty() {
        let purl = purl(advisory).to_string();
        let name = program.name.to_string();
        all.push(Product { what: What::Unknown, id: "PROGRAM".to_owned(), name, purl });
    }
    all
}

/// How to tell a process that was patched from one that was not: in every rendering.
pub fn how_to_tell(patch: &HotPatch) -> String {
    let version = patch.version.as_ref().map_or(String::new(), |version| format!(", {version}"));
    format!(
        "A process that was patched while it runs still reports the version of the files that it was started from{version}. \
         To tell, run `suture ps --pid PID` on its machine: the process is protected if it has the build-id {} and the \
         patch {} in state on. Once it is started again from the same files it is affected again.",
        patch.build_id.as_str(),
        patch.patch
    )
}

/// What to do about a build that can be patched.
pub fn what_to_do(patch: &HotPatch) -> String {
    format!(
        "Apply the hot patch {} with `suture apply` to the running process; no restart is needed. Install a fixed version \
         before the process is started again.",
        patch.patch
    )
}

/// The version that a build reports, or its build-id.
pub fn build_name(patch: &HotPatch) -> String {
    match &patch.version {
        Some(version) => format!("{version} (build-id {})", patch.build_id.as_str()),
        None => format!("build {}", patch.build_id.as_str()),
    }
}

fn product<'a>(advisory: &'a Advisory, id: String, line: &str, what: What<'a>) -> Product<'a> {
    let base = purl(advisory);
    let purl = match &what {
        What::Affected(Versions::One(version)) | What::Fixed(Versions::One(version)) => base.at(version),
        What::Affected(versions) | What::Fixed(versions) => match versions.vers() {
            Some(vers) => Purl::qualified(base.as_str(), "vers", &vers),
            None => Purl::qualified(base.as_str(), "versions", &plain(line)),
        },
        _ => base.to_string(),
    };
    Product { what, id, name: format!("{} {line}", advisory.program.name), purl }
}

/// Words as one word: some readers decode qualifiers twice and stumble over what a sign in it then means.
fn plain(words: &str) -> String {
    words.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

fn build<'a>(advisory: &'a Advisory, patch: &'a HotPatch) -> Product<'a> {
    Product {
        what: What::Build(patch),
        id: format!("BUILD {}", patch.build_id.as_str()),
        name: format!("{} {}", advisory.program.name, build_name(patch)),
        purl: build_purl(advisory, patch),
    }
}

fn patched<'a>(advisory: &'a Advisory, patch: &'a HotPatch) -> Product<'a> {
    Product {
        what: What::Patched(patch),
        id: format!("PATCHED {} {}", patch.build_id.as_str(), patch.patch),
        name: format!("{} {}, hot-patched with {}", advisory.program.name, build_name(patch), patch.patch),
        purl: Purl::qualified(&build_purl(advisory, patch), "suture_patch", patch.patch.as_str()),
    }
}

fn build_purl(advisory: &Advisory, patch: &HotPatch) -> String {
    let base = purl(advisory);
    let base = patch.version.as_ref().map_or_else(|| base.to_string(), |version| base.at(version.as_str()));
    Purl::qualified(&base, "build_id", patch.build_id.as_str())
}

fn purl(advisory: &Advisory) -> Purl {
    let program = &advisory.program;
    program.purl.clone().unwrap_or_else(|| Purl::generic(program.name.as_str()))
}
