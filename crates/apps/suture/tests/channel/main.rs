//! `suture channel` and `suture fetch` on the command line: what an operator types, with keys that ssh-keygen made, and how
//! it ends.

#[path = "../trust/agent.rs"]
mod agent;
mod claims;
mod commands;
mod desk;
mod hosts;
mod keys;
#[path = "../cli/little_memory.rs"]
mod little_memory;
#[path = "../bundle/patch.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod patch;
mod refusals;
#[path = "../cli/transcript.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod transcript;
