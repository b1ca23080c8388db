//! Transcripts of the command line: what is typed, what comes out where, and with which code.

mod builds;
mod linkage;
mod places;
mod refusals;
mod streams;
mod transcript;
mod usage;
