//! Signed patches on real processes: what the policy of a machine lets run, and what it stops.

mod office;
#[path = "../bundle/patch.rs"]
mod patch;
mod reproduced;
mod running;
mod source;
mod summarised;
#[path = "../cli/transcript.rs"]
mod transcript;
mod verified;
