//! The audit log from the command line: transcripts, tampering, crashes, and other people's programs.

mod claims;
mod foreign;
#[path = "../cli/little_memory.rs"]
mod little_memory;
mod story;
mod support;
mod tampering;
mod usage;
