//! The arguments of `suture channel` and `suture fetch`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use jiff::Timestamp;
use suture_case::names::CaseId;
use suture_case::values::Line;
use suture_channel::{Lifetime, Role};

/// Run a channel: the way by which bundles and the trust policy get to the machines that use them
///
/// A channel is a TUF repository (The Update Framework): static files, which any web server or CDN may serve without being
/// trusted. Five roles sign them, with Ed25519 keys in OpenSSH's files. `root` says whose keys the others have; its keys stay
/// offline, and a threshold of them signs. `targets` signs the trust policy, and delegates the bundles to `patches`, the patch
/// team. `snapshot` signs which versions belong together, and `timestamp` what is newest, often: clients refuse what has
/// expired.
///
/// Only the directory `public` in the channel's directory is for others. `docs/operate/channel.md` says how to run one.
#[derive(Debug, Args)]
pub(crate) struct ChannelArgs {
    #[command(subcommand)]
    pub(crate) command: ChannelCommand,
}

/// What to do with a channel.
#[derive(Debug, Subcommand)]
pub(crate) enum ChannelCommand {
    Init(InitArgs),
    Add(AddArgs),
    Reveal(RevealArgs),
    Remove(RemoveArgs),
    Publish(PublishArgs),
    Refresh(RefreshArgs),
    Rotate(RotateArgs),
    Show(ShowArgs),
}

/// Keys for roles. A private key file names its public half; a `.pub` file will do where nothing is signed with it.
#[derive(Debug, Args)]
pub(crate) struct RoleKeyArgs {
    /// A key of root; give it once for each key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) root_key: Vec<PathBuf>,

    /// How many keys of root must sign [default: more than half]
    #[arg(long, value_name = "N", requires = "root_key")]
    pub(crate) root_threshold: Option<u64>,

    /// A key of targets, for the trust policy; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) targets_key: Vec<PathBuf>,

    /// How many keys of targets must sign [default: 1]
    #[arg(long, value_name = "N", requires = "targets_key")]
    pub(crate) targets_threshold: Option<u64>,

    /// A key of the patch team, for bundles; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) patches_key: Vec<PathBuf>,

    /// How many keys of the patch team must sign [default: 1]
    #[arg(long, value_name = "N", requires = "patches_key")]
    pub(crate) patches_threshold: Option<u64>,

    /// A key of snapshot; may be given several times, one signs
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) snapshot_key: Vec<PathBuf>,

    /// A key of timestamp; may be given several times, one signs
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) timestamp_key: Vec<PathBuf>,
}

/// Keys to sign with.
#[derive(Debug, Args)]
pub(crate) struct SigningArgs {
    /// A private key to sign with, an OpenSSH file; may be given several times, and each signs for the roles that it has
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: Vec<PathBuf>,

    /// Sign with this key of the agent at `SSH_AUTH_SOCK`: its name (SHA256:…) or its comment; may be given several times
    #[arg(long, value_name = "KEYID")]
    pub(crate) agent: Vec<String>,

    /// A file whose first line is the passphrase of the private keys that are encrypted, instead of the one that
    /// `SUTURE_PASSPHRASE_FILE` names; with neither it is typed at the terminal
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// Date what is signed as if it were this time, such as 2026-11-26T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
}

/// Found a channel: name the keys of its roles, and sign the first root
///
/// Private keys of root sign at once. If fewer are given than must sign, the others do so later, each with
/// `suture channel rotate DIR --key FILE`, on their own machines if need be: `DIR/pending/root.json` is all that they need
/// beside `channel.toml`. Nothing is public before `suture channel publish`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The directory of the channel; made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,

    #[command(flatten)]
    pub(crate) roles: RoleKeyArgs,

    /// How long the metadata of a role is good for, such as timestamp=12h; may be given several times
    ///
    /// [defaults: root=365d, targets=90d, patches=30d, snapshot=7d, timestamp=1d]
    #[arg(long, value_name = "ROLE=TIME", value_parser = expiry)]
    pub(crate) expires: Vec<(Role, Lifetime)>,

    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

/// Put a bundle with its statements, or a trust policy, into a channel
///
/// It becomes public with the next `suture channel publish`, and not before. A bundle of the same name is replaced.
///
/// Of a bundle that is public already new statements are put in the same way: a refusal, for example, that nodes have to
/// learn of. A refusal that the channel was once told of has to be among the statements, with its withdrawal if there is one;
/// without it the bundle is refused with exit code 5. So is a file of statements with a line that may be a refusal and can't be
/// judged: it is no statement, or its signature does not fit the key of somebody who is believed, by the trust directory
/// of this machine or the policy in the channel.
///
/// With --embargo-until the bundle and its statements are encrypted (age) to the recipients named. Everybody else sees a random
/// name and a size class, until `suture channel reveal`. The embargo holds until its time, also if the bundle is taken out
/// again: the same bytes are not put in in the clear (exit code 5), nor with an earlier time but with --early.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The directory of the channel
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,

    /// The bundle; the statements about it are in FILE.intoto.jsonl
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "policy", conflicts_with = "policy")]
    pub(crate) bundle: Option<PathBuf>,

    /// Where the statements are, if not in FILE.intoto.jsonl
    #[arg(long, value_name = "FILE", requires = "bundle", value_hint = ValueHint::FilePath)]
    pub(crate) statements: Option<PathBuf>,

    /// A trust policy instead: a trust directory, of which root.toml and policy/*.cedar are taken; it replaces the one in the
    /// channel as a whole, and is refused if a node could not use it or nobody is in it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) policy: Option<PathBuf>,

    /// The trust directory that says whose refusals count, beside the policy in the channel [default: that of this machine]
    #[arg(long, value_name = "DIR", requires = "bundle", value_hint = ValueHint::DirPath)]
    pub(crate) trust: Option<PathBuf>,

    /// Forget what was remembered of refusals of this bundle and no key that is known has signed; what counts stays
    #[arg(long, requires = "bundle")]
    pub(crate) drop_doubtful: bool,

    /// Encrypt the bundle, which must not be known before this time, such as 2026-11-26T12:00:00Z
    #[arg(long, value_name = "TIME", requires = "bundle")]
    pub(crate) embargo_until: Option<Timestamp>,

    /// Who may have it before: `age1…`, or an `ssh-ed25519 …` public key; may be given several times
    #[arg(long, value_name = "RECIPIENT", requires = "embargo_until")]
    pub(crate) to: Vec<String>,

    /// Let the embargo end earlier than was declared before, since it has become known
    #[arg(long, requires = "embargo_until")]
    pub(crate) early: bool,

    /// A file of recipients, one a line
    #[arg(long, value_name = "FILE", requires = "embargo_until", value_hint = ValueHint::FilePath)]
    pub(crate) to_file: Vec<PathBuf>,
}

/// End an embargo: put a bundle that was encrypted into the channel in the clear
///
/// It becomes public with the next `suture channel publish`. Before the disclosure time that is refused, with exit code 5.
#[derive(Debug, Args)]
pub(crate) struct RevealArgs {
    /// The directory of the channel
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,

    /// The name of the bundle, or its opaque one
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// Do so before the disclosure time, since it has become known
    #[arg(long)]
    pub(crate) early: bool,
}

/// Take something out of a channel that was put in: a bundle with its statements, or a trust policy
///
/// What is public stays so until the next `suture channel publish`; from then on nodes that fetch don't get it any more. Where a
/// bundle runs it goes on running: `suture sign --refuse` keeps it from being applied again, `suture revert` takes it out
/// of processes.
///
/// An embargo holds until its time all the same, and nothing is published that gives it away. With --early it ends now. What is
/// encrypted and nobody here knows any more, since `embargo` was lost or damaged, is taken out by its opaque name and with --early
/// alone, as nobody can say when its embargo ends.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The directory of the channel
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,

    /// The name of the bundle, or its opaque one
    #[arg(value_name = "NAME", required_unless_present = "policy", conflicts_with = "policy")]
    pub(crate) name: Option<String>,

    /// End its embargo before the disclosure time, since it has become known
    #[arg(long, conflicts_with = "policy")]
    pub(crate) early: bool,

    /// The trust policy that is not public yet; one that is stays, since nodes would be left without
    #[arg(long)]
    pub(crate) policy: bool,
}

/// Sign what has changed in a channel, and make it public
///
/// Needs keys of every role that has something to sign: snapshot and timestamp always, patches if bundles have changed, targets if
/// the trust policy or the patch team's keys have. What has not changed is signed anew if its keys are given and half its
/// time is over. A root that waits with all its signatures goes out too.
///
/// Before anything is public, the policy of this machine is asked whether whoever holds one of the keys may publish each
/// bundle that is new, and everything that is new is looked through for what gives a bundle under embargo away. A bundle
/// that was put in under embargo, or whose case is under embargo, goes out encrypted or not at all. Each ends with exit code 5, and so
/// do a bundle that names a case whose record is not at hand, and a bundle under embargo of which nothing is known here any
/// more; then nothing is published. A refusal of a bundle that is public already goes out without
/// the policy being asked, since nodes must learn of it.
///
/// Clients see the old channel or the new one, never half of one, even if this is killed. What can't be cleaned up once it is
/// public is told beside, and the exit code is 0.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The directory of the channel
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,

    #[command(flatten)]
    pub(crate) signing: SigningArgs,

    #[command(flatten)]
    pub(crate) gate: GateArgs,
}

/// What has to be known before something becomes public.
#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// The trust directory whose rules are asked [default: that of this machine]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) trust: Option<PathBuf>,

    /// The directory that has one directory for each case: the embargo of the cases that bundles name holds, and rules ask
    /// about them
    #[arg(long, value_name = "DIR", default_value = "cases", value_hint = ValueHint::DirPath)]
    pub(crate) cases: PathBuf,

    /// Publish a bundle that names this case though the record of the case is not at hand, so that nothing is known of an
    /// embargo; may be given several times
    #[arg(long, value_name = "CASE")]
    pub(crate) without_case: Vec<Line>,

    /// A case that must not be given away either, though no bundle under embargo is for it; may be given several times
    #[arg(long = "secret", value_name = "CASE")]
    pub(crate) secrets: Vec<CaseId>,

    /// Something that everybody knows, and that gives nothing away; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub(crate) known: Vec<Line>,
}

/// Sign anew what is newest in a channel, before it expires: what a timer does
///
/// Needs the keys of snapshot and timestamp alone, and changes nothing else. It fails when the metadata of targets or patches
/// has expired, which `suture channel publish` signs anew, or root has, which `suture channel rotate --renew` does.
#[derive(Debug, Args)]
pub(crate) struct RefreshArgs {
    /// The directory of the channel
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,

    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

/// Change the keys of roles, or sign the root that waits
///
/// The keys named replace those that a role has; the others stay. The new root needs a threshold of signatures by its own
/// keys and by those of the root before it. If fewer are given with --key, the root waits in
/// `DIR/pending/root.json`, and each of the others adds a signature with `suture channel rotate DIR --key FILE`.
///
/// Everything goes out with the next `suture channel publish`. Give that the old keys of snapshot, timestamp and targets too if
/// they are still there: then no client is refused at the moment of the change.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The directory of the channel
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,

    #[command(flatten)]
    pub(crate) roles: RoleKeyArgs,

    /// Make a new root with the same keys, since the old one is about to expire
    #[arg(long)]
    pub(crate) renew: bool,

    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

/// Show the roles of a channel with their versions, expiry and keys, and what is in it
///
/// What is under embargo is shown with its real name: this is for those who keep the channel. Of a root file it shows whose keys
/// whoever trusts it will trust, and whether enough of its own have signed it: fingerprints to be compared by telephone.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The directory of the channel, or a root file
    #[arg(value_name = "DIR|ROOT.json", value_hint = ValueHint::AnyPath)]
    pub(crate) directory: PathBuf,
}

/// Fetch a channel: its bundles, statements and trust policy, verified
///
/// Trust begins at a root file that was got by a way of its own; from there every newer root is followed, and everything
/// else is verified with the keys that the newest names. The datastore remembers what was seen, so that
/// nothing older is accepted again; keep it, and use one for each channel: that of another channel is refused, and so is its
/// directory.
///
/// The directory gets `trust/`, `bundles/` and `channel.json`, and is replaced as a whole: it has what was
/// fetched completely and verified, or what was there before. Bundles under embargo are decrypted if an identity fits. It is good
/// until the time that is told: afterwards `suture apply`, `toggle … on` and `policy check` no longer go by it (exit code 5) until it
/// is fetched again; the way back is always open.
///
/// Whatever can't be trusted ends with exit code 5 and the reason: something older than before, expired, of another version
/// than what it belongs to, not signed by enough keys, signed for another channel, changed, endless, or outside what a key was given for.
/// So does a trust policy that can't be used or is not complete, since the machine would be left without one.
#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// Where the channel's public directory is: https://…, http://… or file:///…
    #[arg(value_name = "CHANNEL-URL", value_hint = ValueHint::Url)]
    pub(crate) url: String,

    /// A root file of the channel that can be trusted, such as its 1.root.json
    #[arg(long, value_name = "ROOT.json", value_hint = ValueHint::FilePath)]
    pub(crate) root: PathBuf,

    /// Where to remember what was seen of this channel; made if it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) datastore: PathBuf,

    /// The directory to write
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,

    /// An age identity file or an OpenSSH private key that opens bundles under embargo; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) identity: Vec<PathBuf>,

    /// A file whose first line is the passphrase of the identities that are encrypted, instead of the one that
    /// `SUTURE_PASSPHRASE_FILE` names
    #[arg(long, value_name = "FILE", requires = "identity", value_hint = ValueHint::FilePath)]
    pub(crate) passphrase_file: Option<PathBuf>,
}

fn expiry(text: &str) -> Result<(Role, Lifetime), String> {
    let (role, time) = text.split_once('=').ok_or("write it as ROLE=TIME, such as timestamp=12h")?;
    let role = Role::ALL.into_iter().find(|known| known.name() == role);
    let role = role.ok_or("the roles are root, targets, snapshot, timestamp and patches")?;
    Ok((role, Lifetime::parse(time)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_names_a_role_and_a_time() {
        assert_eq!(expiry("timestamp=12h"), Ok((Role::Timestamp, Lifetime::parse("12h").unwrap())));
        for text in ["", "timestamp", "timestamp=", "nobody=1d", "root=0d", "root=1y"] {
            assert!(expiry(text).is_err(), "{text}");
        }
    }
}
