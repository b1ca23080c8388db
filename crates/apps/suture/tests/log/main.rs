//! The audit log from the command line: transcripts, tampering, crashes, and other people's programs.

#[path = "../trust/agent.rs"]
mod agent;
mod foreign;
mod keys;
mod story;
mod support;
mod tampering;
mod usage;
