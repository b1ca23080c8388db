//! The audit log from the command line: transcripts, tampering, crashes, and other people's programs.

#[path = "../trust/agent.rs"]
mod agent;
mod claims;
mod foreign;
mod keys;
#[path = "../cli/little_memory.rs"]
mod little_memory;
mod story;
mod support;
mod tampering;
mod usage;
