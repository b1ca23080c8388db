//! `suture channel` and `suture fetch` on the command line: what an operator types, with keys that ssh-keygen made, and how
//! it ends.

mod claims;
mod commands;
mod desk;
#[path = "../cli/little_memory.rs"]
mod little_memory;
mod refusals;
