//! The command surface (DESIGN §8). Help texts are the manual: what it does, when it refuses, how it ends.

pub(crate) mod advisory;
pub(crate) mod audit;
mod bundle;
pub(crate) mod case;
pub(crate) mod channel;
mod choices;
mod data_choice;
mod dossier;
mod duration;
mod key;
pub(crate) mod leak_check;
mod policy;
mod reproduce;
mod sign;
mod signer;
mod statements;
mod type_choice;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum, ValueHint};

pub(crate) use bundle::{
    BundleArgs, BundleCommand, BundleCreateArgs, BundleDiffArgs, BundleShowArgs, BundleVerifyArgs,
};
pub(crate) use data_choice::DataChoice;
pub(crate) use dossier::{
    DossierArgs, DossierCommand, DossierLintArgs, DossierNewArgs, DossierRenderArgs, FormatName, PaperName,
};
pub(crate) use key::{KeyArgs, KeyCommand, KeyNewArgs, KeyShowArgs, KeyType};
pub(crate) use policy::{
    PolicyArgs, PolicyCheckArgs, PolicyCommand, PolicyRouteArgs, PolicyShowArgs, PolicyTestArgs,
    PolicyTryArgs,
};
pub(crate) use reproduce::ReproduceArgs;
pub(crate) use sign::{SignArgs, Withdraw};
pub(crate) use signer::SignerArgs;
pub(crate) use statements::StatementsArgs;
pub(crate) use type_choice::TypeChoice;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or it was so before
  1  failed unexpectedly
  2  wrong command line, or a file that can't be used
  3  refused by analysis: the change can't be a hot patch
  4  refused by the target: busy, another build, no permission; nothing was changed in it
  5  refused by a policy or a signature

Environment:
  SUTURE_LOG              what to log, such as `debug` or `suture_process=trace`; instead of -v
  SUTURE_STATE_DIR        where the journal is kept
  SUTURE_TRUST_DIR        the trust directory: who is believed, by which rules
  SUTURE_AUDIT_DIR        the audit log in which every act is recorded; without it none is
  SUTURE_AUDIT_KEY        the private key of the audit log, if not the one named in its `log.toml`: a file or agent:NAME
  SUTURE_PASSPHRASE_FILE  the first line of this file is the passphrase of keys
  SSH_AUTH_SOCK           where ssh-agent listens
  NO_COLOR                no colours";

/// Patches running native Linux processes: a source fix becomes a delta between two builds, and the delta goes
/// into the process without restarting it.
#[derive(Debug, Parser)]
#[command(name = "suture", version, after_long_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print exactly one JSON document on stdout
    #[arg(long, global = true, display_order = 900)]
    pub(crate) json: bool,

    /// Log more to stderr: -v what is done, -vv how, -vvv everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 901)]
    pub(crate) verbose: u8,

    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto, display_order = 902)]
    pub(crate) color: ColorChoice,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Diff(DiffArgs),
    Build(BuildArgs),
    Inspect(InspectArgs),
    Ps(PsArgs),
    Apply(ApplyArgs),
    Toggle(ToggleArgs),
    Revert(RevertArgs),
    Case(Box<case::CaseArgs>),
    Policy(PolicyArgs),
    Key(KeyArgs),
    Sign(SignArgs),
    Statements(StatementsArgs),
    Dossier(DossierArgs),
    Bundle(BundleArgs),
    Reproduce(ReproduceArgs),
    Audit(audit::AuditArgs),
    Channel(channel::ChannelArgs),
    Fetch(channel::FetchArgs),
    Advisory(Box<advisory::AdvisoryArgs>),
    LeakCheck(leak_check::LeakCheckArgs),
    #[command(hide = true)]
    Completions(CompletionsArgs),
}

/// Compare two linked builds, and write the delta between them
///
/// Both builds must come from the same build system with the same flags, and with these three added, none of
/// which changes the code: `-ffunction-sections -fdata-sections` for the compiler, `-Wl,--emit-relocs` for the
/// linker, `-g` for both. `suture build` does that by itself.
///
/// The verdict is `hot` if the change can go into a running process, and `full-update` if it needs a restart;
/// then every reason is named with its place and what can be done about it, no delta is written, and the exit
/// code is 3.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The build that runs
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) old: PathBuf,

    /// The build with the fix
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) new: PathBuf,

    /// Where to write the delta; without it the builds are only compared
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) comparison: ComparisonArgs,
}

/// What the author decides about a comparison.
#[derive(Debug, Clone, Args)]
pub(crate) struct ComparisonArgs {
    /// What happens to a writable object whose initial value differs: keep its live value, or overwrite it
    ///
    /// Live state is never silently overwritten, so a changed initialiser is refused unless this says what is
    /// meant. Of a new object that could be what one that is gone was, `keep` says that it is the same, and
    /// `overwrite` that it begins anew. May be given several times.
    #[arg(long, value_name = "NAME=keep|overwrite")]
    pub(crate) data: Vec<DataChoice>,

    /// A type whose layout changed, whose values in the process the hooks of the patch convert
    ///
    /// Without this a changed layout is refused. The fix must bring a `suture_pre_apply` hook; other threads run
    /// old code until it is done, so it may only touch what they do not. May be given several times.
    #[arg(long = "type", value_name = "NAME=hooks")]
    pub(crate) types: Vec<TypeChoice>,

    /// A patch that the processes have already, on which this one is to stand
    ///
    /// The old build is the one that was started, the new one has all fixes; what the patches named here have
    /// brought is left out, and their new variables go on being used. Name every patch of the process, oldest
    /// first. The delta can then only be applied on top of them, and they are reverted after it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) on: Vec<PathBuf>,

    /// What is critical for consensus, formats or protocols: call paths between it and the change are reported
    ///
    /// A TOML file with a table `[critical]` that has `functions` and `files`, lists of patterns such as
    /// `"raft_*"` and `"src/consensus/*"`; tables under it, such as `[critical.protocol]`, are groups of their
    /// own. A pattern that marks nothing in either build is told, and like a project without marks counts as the strictest
    /// consensus class; `none = "why"` in the place of patterns says that nothing is critical. Without this option
    /// `suture.toml` in the working directory is used if it is there.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) critical: Option<PathBuf>,

    /// An object or a function that differs in every build, such as one with a build date: that it does is no change
    ///
    /// May be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) ignore_symbol: Vec<String>,
}

/// Build a project twice, without and with a source fix, and compare the two
///
/// Both builds are made from a copy of the tree that stands at the tree's own path, so that the tree is left as it
/// was found and a reproducible build gives the same file as always. Wrappers around the compilers add what the
/// comparison needs, for make, cmake, meson, autotools and cargo alike; if they are missed, the error says which
/// variable to set. Then this does what `suture diff` does.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The source tree, without the fix
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) source: PathBuf,

    /// The fix, as `git diff` or `diff -u` writes it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) patch: PathBuf,

    /// How the project is built, run by a shell in the tree, once without and once with the fix
    #[arg(long, value_name = "CMD")]
    pub(crate) run: String,

    /// The executable or shared library that the build makes, relative to the source tree
    #[arg(long, value_name = "PATH")]
    pub(crate) artifact: PathBuf,

    /// Where to write the delta; without it the builds are only compared
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Keep the two builds in this directory, as NAME.old and NAME.new
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) keep: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) comparison: ComparisonArgs,
}

/// Show what a delta or a bundle contains and what it does to the builds that it is for
///
/// A delta is an ELF file: `readelf -a`, `nm` and `objdump -dr` show the same in their own words. A bundle is a tar
/// archive.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The delta or the bundle
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// Show code: of FUNCTION, or of all functions in the delta
    ///
    /// With --old, old and new code stand side by side and what differs is marked.
    #[arg(long, value_name = "FUNCTION", num_args = 0..=1, default_missing_value = "")]
    pub(crate) disasm: Option<String>,

    /// The build that the delta is for: it has the old code, which is not in the delta
    #[arg(long, value_name = "FILE", requires = "disasm", value_hint = ValueHint::FilePath)]
    pub(crate) old: Option<PathBuf>,
}

/// Show processes, their builds, which patches they have, and whether they could be patched
///
/// What is applied is read from the memory of the processes, so it is right even when every file about it is lost.
#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    /// Only this process; may be given several times
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Vec<i32>,

    /// Write the symbols of the patches of the one --pid into this directory
    ///
    /// `gdb -p PID -x DIR/patches.gdb` then names their functions in backtraces, and so does
    /// `perf report --symfs DIR`.
    #[arg(long, value_name = "DIR", requires = "pid", value_hint = ValueHint::DirPath)]
    pub(crate) symbols: Option<PathBuf>,
}

/// Put a patch into running processes
///
/// Every thread is stopped, or kept asleep, for a moment and its stack looked at. If none is in a function that is to be
/// replaced, the patch is switched on; otherwise the process goes on and it is tried again until the deadline.
/// A process that refuses is not changed, and the reason is named.
///
/// Before any process is touched, the policy of this machine is asked, with the statements in FILE.intoto.jsonl and on
/// facts that are computed from the deltas. The exit code is 5 if it says no; `suture policy check FILE` says why.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The delta, or a bundle
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) patience: PatienceArgs,

    /// Put the patch in place but leave the old code running; `suture toggle FILE on` activates it
    #[arg(long)]
    pub(crate) dark: bool,

    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// Switch an applied patch on or off: the fastest way back, and forth again
#[derive(Debug, Args)]
pub(crate) struct ToggleArgs {
    /// The file of the delta or of a bundle, or the delta's id or the beginning of it
    #[arg(value_name = "FILE|PATCH-ID")]
    pub(crate) patch: String,

    /// Which code is to run: `on` for the new, `off` for the old
    #[arg(value_enum, value_name = "on|off", hide_possible_values = true)]
    pub(crate) switch: Switch,

    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
}

/// Take a patch back
///
/// The process runs its old code again, from the same bytes as before. Patches that stand on this one have to be
/// taken back first; the refusal names them in order. What the new code has written in the meantime stays.
#[derive(Debug, Args)]
pub(crate) struct RevertArgs {
    /// The file of the delta or of a bundle, or the delta's id or the beginning of it
    #[arg(value_name = "FILE|PATCH-ID")]
    pub(crate) patch: String,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
}

/// Who is believed.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// The trust directory: `root.toml`, rules in `policy/*.cedar`, `node.toml`
    ///
    /// Without it the one that `SUTURE_TRUST_DIR` names counts, and else `/etc/suture/trust` if it is there. A machine
    /// that has none runs any patch, and says that nothing was verified.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) trust: Option<PathBuf>,

    /// The case that the patch is for, for rules that ask about it; the bundle must name the same
    ///
    /// What the case is comes from its record on this machine, never from the bundle. Without it, rules that ask about a
    /// case are silent.
    #[arg(long, value_name = "CASE")]
    pub(crate) case: Option<suture_case::names::CaseId>,

    /// The directory that has one directory for each case
    #[arg(long, value_name = "DIR", default_value = "cases", requires = "case", value_hint = ValueHint::DirPath)]
    pub(crate) cases: PathBuf,
}

/// Which processes.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TargetArgs {
    /// This process; may be given several times
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Vec<i32>,

    /// Every process that has the build mapped, of those that this user may look into
    #[arg(long)]
    pub(crate) all: bool,
}

/// How long to try, and how.
#[derive(Debug, Args)]
pub(crate) struct PatienceArgs {
    /// How long to try while a thread is in the way, such as 500ms, 10s, 1m30s; 0 for a single try
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::patience)]
    pub(crate) deadline: Duration,

    /// Stop every thread, also where those that sleep could be left asleep
    ///
    /// Of a process with many threads that sleep none is woken where that can be avoided: all processors are held for the
    /// moment of the change instead, a few hundred microseconds, in which nothing else runs on this machine either.
    #[arg(long)]
    pub(crate) stop_all: bool,
}

/// Which code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// The new code.
    On,
    /// The old code.
    Off,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_surface_is_consistent() {
        Arguments::command().debug_assert();
    }
}
