//! Signed patches on real processes: what the policy of a machine lets run, and what it stops.

mod log;
mod office;
#[path = "../bundle/patch.rs"]
mod patch;
mod publishing;
mod recorded;
mod running;
#[path = "../cli/transcript.rs"]
mod transcript;
mod unrecorded;
