//! Deltas, builds and processes by someone who means harm, or out of a broken disk: the program ends with one sentence and its
//! code, in little memory, and the process that it was to operate on goes on as before.

mod builds;
mod chance;
mod deltas;
mod elf_file;
mod ending;
mod forged;
mod homes;
#[path = "../cli/little_memory.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod little_memory;
mod patient;
#[path = "../surgery/support.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod support;
