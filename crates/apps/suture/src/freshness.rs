//! How long what was fetched may be believed. A channel that has stopped answering, or is kept from this machine, tells it neither of a
//! refusal nor of another policy; what was fetched is therefore good for a time and no longer, as the channel has signed.
//!
//! That time is in `channel.json`, beside the directories `trust` and `bundles` of a fetch. It holds for what goes into a process and
//! never for the way back. What an operator has put elsewhere is theirs, and does not expire.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use suture_channel::Fetched;

use crate::commands::channel_failure;
use crate::failure::Failure;

/// Clocks are corrected by less than this.
const STEP_BACK_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Why what was fetched is not to be believed.
pub(crate) struct Doubt {
    code: &'static str,
    /// In words.
    pub(crate) why: String,
    help: &'static str,
}

/// Refuses to go by a trust directory, or to use the file of a patch, that was fetched and is no longer good.
pub(crate) fn require(trust: &Path, patch: &Path) -> Result<(), Failure> {
    match doubt(trust, patch)? {
        None => Ok(()),
        Some(Doubt { code, why, help }) => {
            Err(Failure::refused("what was fetched can't be relied on any more")
                .with_code(code)
                .why(&why)
                .help(help))
        }
    }
}

/// What speaks against a trust directory or the file of a patch, if they were fetched.
pub(crate) fn doubt(trust: &Path, patch: &Path) -> Result<Option<Doubt>, Failure> {
    let now = Timestamp::now();
    let patches = patch.canonicalize().ok();
    let patches = patches.as_deref().and_then(Path::parent);
    for part in [(trust.canonicalize().ok(), "trust"), (patches.map(Path::to_owned), "bundles")] {
        let Some(out) = fetched_into(&part) else { continue };
        let fetched = suture_channel::fetched(&out);
        let fetched = fetched.map_err(|error| channel_failure("what was fetched can't be used", &error))?;
        if let Some(doubt) = fetched.and_then(|fetched| about(&out, fetched, now)) {
            return Ok(Some(doubt));
        }
    }
    Ok(None)
}

/// The directory that a fetch has written, if this is the part of it that it seems to be.
fn fetched_into((directory, name): &(Option<PathBuf>, &str)) -> Option<PathBuf> {
    let directory = directory.as_deref().filter(|directory| directory.ends_with(name))?;
    directory.parent().map(Path::to_owned)
}

fn about(out: &Path, Fetched { at, good_until }: Fetched, now: Timestamp) -> Option<Doubt> {
    let out = out.display();
    if now < at.saturating_sub(STEP_BACK_MAX).unwrap_or(at) {
        return Some(Doubt {
            code: "clock-set-back",
            why: format!("`{out}` was fetched at {at}, and the clock shows {now}: it was set back"),
            help: "set the clock right",
        });
    }
    (good_until <= now).then(|| Doubt {
        code: "stale",
        why: format!(
            "`{out}` was fetched at {at} and was good until {good_until}: a refusal or another policy may have come since"
        ),
        help: "fetch again with `suture fetch`; docs/operate/channel.md says what to do if the channel is gone for good. `suture revert` and `suture toggle off` are always open",
    })
}
