//! How far all keys are tried for signatures that name none of them: a hint may be missing, or be in the words of another tool.
//!
//! There is a limit to the work, and it must not matter in which order things come, nor may a stranger with long lines keep
//! short ones from being tried. So it is decided once for all: signatures that cost little are tried before those that cost
//! much, and last of all those that name a key as keys are named here, which the root does not know.

use super::Received;
use crate::envelope::{EnvelopeSignature, IN_TOTO};
use crate::root::TrustRoot;

/// What one signature costs, as so many bytes of a message that are hashed.
const SIGNATURE_COST: usize = 25_000;
/// Most that is spent in search of keys that are not named: about a second.
const SEARCH_COST_MAX: usize = 20_000 * SIGNATURE_COST;

/// What is tried.
#[derive(Debug)]
pub(super) struct Search {
    /// Most that one signature may cost which names no key.
    cost_max: usize,
    /// Whether those are tried as well that name a stranger's.
    strangers_too: bool,
}

impl Search {
    /// Decides for all that was received.
    pub(super) fn plan(root: &TrustRoot, received: &[Received<'_>]) -> Self {
        let (mut strangers, mut unnamed) = (0_usize, Vec::new());
        for envelope in received.iter().map(|received| received.envelope) {
            if envelope.payload_type != IN_TOTO {
                continue;
            }
            let pae_len = envelope.pae().len();
            let unknown = envelope.signatures.iter().filter(|signature| root.key(&signature.key).is_none());
            for signature in unknown {
                let cost = cost(root, pae_len);
                if signature.key.is_fingerprint() {
                    strangers = strangers.saturating_add(cost);
                } else {
                    unnamed.push(cost);
                }
            }
        }
        unnamed.sort_unstable();
        let (mut spent, mut cost_max) = (0_usize, 0);
        // What costs the same is tried together or not at all.
        for same in unnamed.chunk_by(|one, other| one == other) {
            let more = same.iter().copied().fold(spent, usize::saturating_add);
            if more > SEARCH_COST_MAX {
                return Self { cost_max, strangers_too: false };
            }
            (spent, cost_max) = (more, same[0]);
        }
        Self { cost_max, strangers_too: spent.saturating_add(strangers) <= SEARCH_COST_MAX }
    }

    /// Whether all keys are tried for this signature, which names none of the root.
    pub(super) fn tries(&self, root: &TrustRoot, pae: &[u8], signature: &EnvelopeSignature) -> bool {
        if signature.key.is_fingerprint() {
            self.strangers_too
        } else {
            cost(root, pae.len()) <= self.cost_max
        }
    }
}

fn cost(root: &TrustRoot, pae_len: usize) -> usize {
    root.keys().len().saturating_mul(pae_len.saturating_add(SIGNATURE_COST))
}
