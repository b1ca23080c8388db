//! `suture advisory …`: what the world is told about a case, and when.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use suture_advisory::links::{Purl, Url};
use suture_advisory::model::CreditRole;
use suture_advisory::weakness::WeaknessId;
use suture_case::model::Tlp;
use suture_case::values::{Digest, Line, Moment, Prose};

use super::case::PlaceArgs;

/// Write the advisory on a case: versions, stages, and the formats in which others read it
///
/// An advisory is the file `advisory.toml` in the directory of its case, which is meant to be kept in git and edited by hand;
/// docs/formats/advisory.md says what may stand in it. It goes from draft to embargoed to published, never back.
///
/// A process that was patched while it runs still reports the version of its files: every format says how to tell.
#[derive(Debug, Args)]
pub(crate) struct AdvisoryArgs {
    #[command(subcommand)]
    pub(crate) command: AdvisoryCommand,
}

/// What to do with an advisory.
#[derive(Debug, Subcommand)]
pub(crate) enum AdvisoryCommand {
    New(NewArgs),
    Update(UpdateArgs),
    Render(RenderArgs),
    Show(ShowArgs),
}

/// Begin the advisory on a case, as a draft
///
/// Takes from the case what the world may know: title, ids, versions, base metrics of CVSS, the delta, and who made and
/// reviewed the fix. Nothing about your own systems is taken over.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The case, or its directory
    #[arg(value_name = "CASE", value_hint = ValueHint::DirPath)]
    pub(crate) case: PathBuf,

    /// Who publishes it
    #[arg(long, value_name = "NAME")]
    pub(crate) publisher: Line,

    /// A web address of the publisher's, under which its advisories are
    #[arg(long, value_name = "URL")]
    pub(crate) namespace: Url,

    /// In what role the publisher speaks
    #[arg(long, value_enum, value_name = "ROLE", default_value_t = Category::Vendor)]
    pub(crate) category: Category,

    /// How to reach the publisher
    #[arg(long, value_name = "TEXT")]
    pub(crate) contact: Option<Line>,

    #[command(flatten)]
    pub(crate) changes: ChangeArgs,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Make the next version of an advisory, perhaps in its next stage
///
/// The number follows from what has changed since the last version, by edits in the file or by options here: below 1.0.0 before
/// publication; then a new major version when products or their status changed, a minor one when anything else did, and a patch
/// one with --editorial.
///
/// Publishing before the disclosure time is refused with exit code 5, and so is ending an embargo sooner than was said; --force
/// overrules both, and its reason stays on record. Publishing makes an advisory TLP:CLEAR.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The case, or its directory
    #[arg(value_name = "CASE", value_hint = ValueHint::DirPath)]
    pub(crate) case: PathBuf,

    /// What is new, in one line for the readers of the advisory
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Line,

    /// The stage that it is to have
    #[arg(long, value_enum, value_name = "STAGE")]
    pub(crate) stage: Option<StageChoice>,

    /// Only words have changed, and no meaning
    #[arg(long)]
    pub(crate) editorial: bool,

    /// Why it is published before its time, or the embargo is shortened
    #[arg(long, value_name = "REASON")]
    pub(crate) force: Option<Line>,

    /// Take over what the case has come to know: ids, versions, severity, the delta
    #[arg(long)]
    pub(crate) from_case: bool,

    #[command(flatten)]
    pub(crate) changes: ChangeArgs,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Print an advisory in a format that others read
///
/// What was published is rendered as its last version said it: if the file was edited since, make a version of it first.
///
/// Of a bundle the advisory on its case is rendered, completed with what the bundle proves: the builds that it patches, its
/// digest, the ids of its deltas, and credits to those who signed for it, in BUNDLE.intoto.jsonl. Only statements that count
/// under a trust root (--trust, or that of this machine) give credits; without one there are none but those of the file.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// The case, its directory, an advisory.toml, or a bundle
    #[arg(value_name = "CASE|FILE|BUNDLE", value_hint = ValueHint::AnyPath)]
    pub(crate) case: PathBuf,

    /// Which format
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// Where to write it instead of stdout
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    #[command(flatten)]
    pub(crate) bundle: BundledArgs,
}

/// What holds if a bundle is rendered.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of a bundle")]
pub(crate) struct BundledArgs {
    /// The advisory on its case; without it that in --cases, and else BUNDLE.advisory.toml beside it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) advisory: Option<PathBuf>,

    /// The trust root that says whose statements count: a directory with a `root.toml`, or that file
    #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) trust: Option<PathBuf>,

    /// Take no credits from statements: for those who don't want to be named
    #[arg(long, conflicts_with = "trust")]
    pub(crate) no_credits: bool,
}

/// Show how far an advisory has got: stage, versions, and whether it was edited since the last one
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The case, its directory, or an advisory.toml
    #[arg(value_name = "CASE|FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) case: PathBuf,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// What is written into an advisory.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ChangeArgs {
    /// What it is about, in one line
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<Line>,

    /// What the vulnerability is
    #[arg(long, value_name = "TEXT")]
    pub(crate) summary: Option<Prose>,

    /// What an attacker gains
    #[arg(long, value_name = "TEXT")]
    pub(crate) impact: Option<Prose>,

    /// What helps until a fix is in
    #[arg(long, value_name = "TEXT")]
    pub(crate) workaround: Option<Prose>,

    /// What kind of weakness it is, such as CWE-122
    #[arg(long, value_name = "CWE")]
    pub(crate) cwe: Option<WeaknessId>,

    /// Who makes the program
    #[arg(long, value_name = "NAME")]
    pub(crate) vendor: Option<Line>,

    /// The package URL of the program, without a version, such as pkg:deb/debian/redis
    #[arg(long, value_name = "PURL")]
    pub(crate) purl: Option<Purl>,

    /// A version or range that has the hole, such as `>=7.0.0, <7.0.12`; may be given several times
    #[arg(long, value_name = "RANGE")]
    pub(crate) affected: Vec<Line>,

    /// A version that has it no more; may be given several times
    #[arg(long, value_name = "VERSION")]
    pub(crate) fixed: Vec<Line>,

    /// A delta that patches a build while it runs, and the version that the build reports; may be given several times
    #[arg(long = "hot-patch", value_name = "FILE[=VERSION]")]
    pub(crate) hot_patches: Vec<PatchChoice>,

    /// The id of the bundle in which these deltas come
    #[arg(long, value_name = "SHA256", requires = "hot_patches")]
    pub(crate) bundle: Option<Digest>,

    /// Who is thanked: a reporter, author, reviewer or verifier; may be given several times
    #[arg(long = "credit", value_name = "ROLE=NAME[:TEAM]")]
    pub(crate) credits: Vec<CreditChoice>,

    /// Where to read on, as URL=TEXT; may be given several times
    #[arg(long = "reference", value_name = "URL=TEXT")]
    pub(crate) references: Vec<ReferenceChoice>,

    /// When it may be published, such as 2026-11-02T16:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) disclose_at: Option<Moment>,

    /// Who may read it before: amber, amber+strict, red
    #[arg(long, value_name = "LABEL")]
    pub(crate) tlp: Option<Tlp>,

    /// Who does this; without it the name of the user
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<Line>,
}

/// In what role somebody publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Category {
    /// Makes the program
    Vendor,
    /// Coordinates between others
    Coordinator,
    /// Has found the vulnerability
    Discoverer,
    /// Uses the program
    User,
    /// None of these
    Other,
}

/// A stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StageChoice {
    /// Being written
    Draft,
    /// Passed on to named others, who keep it to themselves until its time
    Embargoed,
    /// For everyone
    Published,
}

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// CSAF 2.0, profile security advisory
    Csaf,
    /// Open Source Vulnerability format
    Osv,
    #[value(help = "OpenVEX 0.2.0")]
    Openvex,
    /// For people, as text
    Markdown,
    /// For people, as one page that needs nothing else
    Html,
}

/// `FILE[=VERSION]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatchChoice {
    pub(crate) file: PathBuf,
    pub(crate) version: Option<Line>,
}

/// `ROLE=NAME[:TEAM]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreditChoice {
    pub(crate) role: CreditRole,
    pub(crate) name: Line,
    pub(crate) organization: Option<Line>,
}

/// `URL=TEXT`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReferenceChoice {
    pub(crate) url: Url,
    pub(crate) summary: Line,
}

impl FromStr for PatchChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (file, version) = match text.rsplit_once('=') {
            Some((file, version)) => (file, Some(version.parse()?)),
            None => (text, None),
        };
        Ok(Self { file: file.into(), version })
    }
}

impl FromStr for CreditChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (role, person) = text.split_once('=').ok_or("write ROLE=NAME or ROLE=NAME:TEAM")?;
        let role = CreditRole::ALL.into_iter().find(|known| known.name() == role);
        let role = role.ok_or("the roles are reporter, author, reviewer, verifier")?;
        let (name, organization) = match person.split_once(':') {
            Some((name, team)) => (name, Some(team.parse()?)),
            None => (person, None),
        };
        Ok(Self { role, name: name.parse()?, organization })
    }
}

impl FromStr for ReferenceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // An address may have the sign too.
        let at = text.rfind('=').ok_or("write URL=TEXT, such as https://example.org/fix=The fix")?;
        let (url, summary) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        Ok(Self { url: url.parse()?, summary: summary.parse()? })
    }
}
