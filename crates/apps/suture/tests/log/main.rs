//! The audit log from the command line: transcripts, tampering, crashes, and other people's programs.

mod foreign;
mod story;
mod support;
mod tampering;
mod usage;
