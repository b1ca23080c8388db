//! Signed patches on real processes: what the policy of a machine lets run and what it stops, and whom
//! the world thanks.

#[path = "../../../../core/suture-advisory/tests/advisory/foreign.rs"]
mod foreign;
mod office;
#[path = "../bundle/patch.rs"]
mod patch;
mod running;
mod thanks;
#[path = "../cli/transcript.rs"]
mod transcript;
