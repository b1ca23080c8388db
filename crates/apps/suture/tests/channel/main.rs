//! `suture channel` and `suture fetch` on the command line: what an operator types, with keys that ssh-keygen made, and how
//! it ends.

mod commands;
mod desk;
mod refusals;
