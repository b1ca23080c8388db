//! What a surgeon does next: a snapshot of a process and a delta in, steps and journal records out.
#![forbid(unsafe_code)]
