//! Signed patches on real processes: what the policy of a machine lets run and what it stops, and whom
//! the world thanks.

mod built;
mod clock;
mod doubtful;
mod embargoed;
#[path = "../../../../core/suture-advisory/tests/advisory/foreign.rs"]
mod foreign;
#[path = "../bundle/forge.rs"]
mod forge;
mod gaps;
mod half_done;
mod interop;
mod killed;
mod log;
mod marks;
mod office;
mod other_clock;
#[path = "../bundle/patch.rs"]
mod patch;
mod publishing;
mod recorded;
mod refusals;
mod refused;
mod reproduced;
mod revoked;
mod runbook;
mod running;
mod source;
mod stale;
mod summarised;
mod thanks;
#[path = "../cli/transcript.rs"]
mod transcript;
#[path = "../cli/tree.rs"]
mod tree;
mod unrecorded;
mod unwritten;
mod verdicts;
mod verified;
