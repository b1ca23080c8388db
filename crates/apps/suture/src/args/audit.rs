//! `suture audit …`: the record of every act, and how it is checked.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// Keep, show and check the record of every act
///
/// With `SUTURE_AUDIT_DIR` set to a log that `suture audit init` has made, every act on a case, an advisory, a dossier, a bundle,
/// a key, a channel or a process becomes an entry of it: who, with which key, what, on what digest, when, and whether it was done,
/// refused or has failed. Entries are committed to by a Merkle tree whose root the log's key signs, so that none can be changed,
/// dropped, moved or dated back unseen. An act that can't be recorded is not begun, and one whose program is killed is recorded
/// with the next. Only the way back (`revert`, `toggle off`) is done all the same, ends with exit code 1, and says what is missing. What
/// only reads is no act.
///
/// Whoever is given the log sees digests, fingerprints and names that are public anyway; of what is under embargo only
/// digests and opaque names. docs/formats/audit-log.md lists the acts.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

/// What to do with a log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    Init(InitArgs),
    Show(ShowArgs),
    Verify(VerifyArgs),
    Export(ExportArgs),
    Prove(ProveArgs),
    Consistency(ConsistencyArgs),
    Witness(WitnessArgs),
    Receive(ReceiveArgs),
}

/// Make an empty log
///
/// DIR/public then holds what any web server may serve: checkpoint, hashes and entries as C2SP tlog-tiles lays them out. What
/// an auditor needs beside it is the public key that this prints.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where the log is to be
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,

    /// Name of the log, unique in the world: a URL without `https://`, such as `example.com/suture-audit`
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: String,

    /// The log's private key: an Ed25519 key of OpenSSH, or `agent:NAME` for one of the agent at `SSH_AUTH_SOCK`
    ///
    /// Nobody is there to be asked when an act is recorded: an encrypted key needs its passphrase in the file that
    /// `SUTURE_PASSPHRASE_FILE` names.
    #[arg(long, value_name = "FILE|agent:NAME", value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,

    /// The directory of a log that this one follows: its first entry then vouches for all of that one's
    ///
    /// For a log that takes no more entries, as one whose last entry was made with a clock far ahead. Keep both: no entry of the
    /// old one is changed, and its last state stands in the new one. The old one takes no entries from here on; acts that are noted beside it
    /// and have ended are added to the new one, now or later.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) after: Option<PathBuf>,
}

/// Show entries
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Only these entries: a number, or a range such as 10..20
    #[arg(value_name = "ENTRY")]
    pub(crate) entries: Option<EntryRange>,

    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// Only the newest entries, as many as this
    #[arg(long, value_name = "COUNT", conflicts_with = "entries")]
    pub(crate) last: Option<u64>,

    /// Only acts that begin with this, such as `process` or `bundle.create`
    #[arg(long, value_name = "ACT")]
    pub(crate) act: Option<String>,

    /// Only acts on what has this in its digest or name
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Option<String>,
}

/// Check a log, an export of it, or a proof, with nothing but that and public keys
///
/// Every entry must be the one that was signed for, in its place, and dated no earlier than the one before it. A finding names the
/// entry, or the smallest range of entries that what was signed lets it be narrowed down to. Exit code 5 means that
/// something was found, or that not enough of those whose signatures are asked for have signed.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// An export, a proof, or the directory of a log; without it, the log of `SUTURE_AUDIT_DIR`
    #[arg(value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) what: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) trust: LogTrustArgs,

    /// A checkpoint of the log that was kept earlier: the log must go on from it; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) since: Vec<PathBuf>,
}

/// Which keys are believed.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct LogTrustArgs {
    /// The public key of the log, as `suture audit init` prints it, or a file with it
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,

    /// A policy: keys of logs and of witnesses, and how many of these must have signed (C2SP tlog-policy)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) policy: Option<PathBuf>,
}

/// Write the whole log into one file, for whoever is to check it
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// Where to write it
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

/// Write the proof that an entry is in the log
///
/// The file has the entry, its way to the root, and the checkpoint (C2SP tlog-proof); `suture audit verify FILE` needs nothing
/// else but the public key.
#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// Number of the entry
    #[arg(value_name = "ENTRY")]
    pub(crate) entry: u64,

    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// Where to write it; without it, to stdout
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

/// Check that the log went on from an earlier state
///
/// OLD and NEW are checkpoints that were kept, or numbers of entries. Exit code 5 means that it did not.
#[derive(Debug, Args)]
pub(crate) struct ConsistencyArgs {
    /// The earlier state
    #[arg(value_name = "OLD")]
    pub(crate) old: String,

    /// The later state; without it, the newest
    #[arg(value_name = "NEW")]
    pub(crate) new: Option<String>,

    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// Where to write the proof, which `suture audit verify FILE --since OLD` checks; NEW must be the newest state then
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

/// Sign the newest checkpoint of a log as its witness
///
/// A witness signs only what goes on from everything that it has signed before; what that is, it keeps in the --state file. Two
/// histories of one log then never both have its signature. The cosignature is put into the log, or, where that is only a copy, into
/// a file for `suture audit receive`; its time is a bound for the times of entries before and behind it.
#[derive(Debug, Args)]
pub(crate) struct WitnessArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// Public key of the log, or a file with it
    #[arg(long, value_name = "KEY")]
    pub(crate) log_key: String,

    /// The witness's private key, which must be used for nothing else: an Ed25519 key of OpenSSH, or `agent:NAME`
    #[arg(long, value_name = "FILE|agent:NAME", value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,

    /// Name of the witness: a URL without `https://`, such as `witness.example/w1`
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,

    /// What this witness has signed last; it is made if it is not there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) state: PathBuf,

    /// Write the cosigned checkpoint here instead of putting it into the log
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

/// Put cosignatures that witnesses have made elsewhere into the log
#[derive(Debug, Args)]
pub(crate) struct ReceiveArgs {
    /// The cosigned checkpoint, which must be the newest
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// Who is a witness (C2SP tlog-policy)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) policy: PathBuf,
}

/// Which log.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The directory of the log; without it, `SUTURE_AUDIT_DIR`
    #[arg(long = "log", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: Option<PathBuf>,
}

/// Numbers of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryRange {
    /// The first.
    pub(crate) first: u64,
    /// The one behind the last.
    pub(crate) end: u64,
}

impl std::str::FromStr for EntryRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number =
            |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number of an entry"));
        let range = match text.split_once("..") {
            Some((first, "")) => Self { first: number(first)?, end: u64::MAX },
            Some((first, end)) => Self { first: number(first)?, end: number(end)? },
            None => Self { first: number(text)?, end: number(text)?.saturating_add(1) },
        };
        if range.first < range.end { Ok(range) } else { Err("it has no entries".to_owned()) }
    }
}
