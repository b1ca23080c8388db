//! Keys, signing and statements: transcripts of the command line, and other people's tools on the same files.

mod agent;
mod files;
mod interop;
mod keys;
mod office;
mod secrets;
mod transcripts;
