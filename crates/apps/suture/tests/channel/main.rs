//! `suture channel` and `suture fetch` on the command line: what an operator types, with keys that ssh-keygen made, and how
//! it ends.

#[path = "../trust/agent.rs"]
mod agent;
mod commands;
mod desk;
mod keys;
mod refusals;
