//! `suture policy`: arguments of the commands about rules.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// Show, test and try the rules that decide what may run
///
/// Rules are written in Cedar; a directory of `*.cedar` files is a policy pack. Without a directory these commands use
/// the default pack, which is built in and stands in `policies/default` of the source. What a rule may speak of, and how
/// to write one, is in docs/formats/policy.md.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
}

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    Show(PolicyShowArgs),
    Test(PolicyTestArgs),
    Check(PolicyCheckArgs),
    Try(PolicyTryArgs),
    Route(PolicyRouteArgs),
}

/// Print the rules for people: what each says, what it needs, and where it stands
#[derive(Debug, Args)]
pub(crate) struct PolicyShowArgs {
    #[command(flatten)]
    pub(crate) pack: PackArgs,

    /// Print this rule alone, as it is written
    #[arg(long, value_name = "ID")]
    pub(crate) rule: Option<String>,
}

/// Put example cases to the rules, and compare the answers with those that are expected
///
/// The cases are the `*.toml` files in `tests` below the directory. Each asks one question of the pack and says what the
/// answer must be and which rules must speak. Rules that no case makes speak, or lets be silent, are named. The exit code
/// is 5 if an answer is not as expected.
#[derive(Debug, Args)]
pub(crate) struct PolicyTestArgs {
    #[command(flatten)]
    pub(crate) pack: PackArgs,

    /// Fail as well if a rule is left untried
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Ask whether a patch would run on this machine, and if not, what is missing and who could give it
///
/// The question is the one that `suture apply` asks: facts are computed from the deltas, signatures are verified against the
/// trust root. The exit code is 5 if the answer is no.
///
/// With --summary a yes is signed as well: a SLSA verification summary that can be published while the fix is under embargo. It
/// says which bundle passed, which rules held, and the digests of the statements that counted; no name of a person, a
/// file or a function is in it. If the answer is no, nothing is signed.
#[derive(Debug, Args)]
pub(crate) struct PolicyCheckArgs {
    /// The bundle, or a delta
    #[arg(value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) trust: super::TrustArgs,

    /// Where the statements are, if not in BUNDLE.intoto.jsonl
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) statements: Option<PathBuf>,

    /// Ask for putting it in place with its code off
    #[arg(long, conflicts_with = "summary")]
    pub(crate) dark: bool,

    /// If the answer is yes, sign a verification summary, as commander or operator; needs --key or --agent
    #[arg(long, requires = "signing")]
    pub(crate) summary: bool,

    #[command(flatten)]
    pub(crate) signer: super::SignerArgs,

    /// Who verifies, as a URI; `urn:suture:key:` and the name of the key if not given
    #[arg(long, value_name = "URI", requires = "summary")]
    pub(crate) verifier: Option<String>,

    /// Add the summary to this file instead of BUNDLE.vsa.intoto.jsonl
    #[arg(short, long, value_name = "FILE", requires = "summary", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

/// Ask one question that is written down in a file
///
/// The file has the keys of an example case (docs/formats/policy.md). The answer is a table of what is asked, what is
/// there, what is missing and who could give it. The exit code is 5 if the answer is no.
#[derive(Debug, Args)]
pub(crate) struct PolicyTryArgs {
    /// The question: facts, statements, people
    #[arg(value_name = "FILE.toml", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// The policy pack; the default pack if not given
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) policy: Option<PathBuf>,
}

/// Decide the route of a case
///
/// The route is `hot-patch`, `mitigate-by-toggle` or `full-update`. Before there is a delta the rules about it are
/// silent, and the answer says so. The facts are computed from the record of the case, or read from a file, which
/// `suture case show --facts` writes: other facts and other rules can be tried so. The exit code is 5 if the rules leave no
/// route open.
#[derive(Debug, Args)]
pub(crate) struct PolicyRouteArgs {
    /// The case
    #[arg(value_name = "CASE", required_unless_present = "facts", conflicts_with = "facts")]
    pub(crate) case: Option<suture_case::names::CaseId>,

    /// The facts instead: `now`, `[case]`, `[patch]` once there is a delta, `[[people]]`
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath)]
    pub(crate) facts: Option<PathBuf>,

    /// The policy pack [default: that of the trust directory for a case, or else the default pack]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) policy: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) place: super::case::PlaceArgs,

    #[command(flatten)]
    pub(crate) rules: super::case::RulesArgs,
}

/// Which pack.
#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// The policy pack; the default pack if not given
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: Option<PathBuf>,
}
