//! The record of a vulnerability: its texts, and what follows from it.

mod cases;
mod classes;
mod classified;
mod edits;
mod foreign;
mod mutants;
mod severity;
mod sources;
mod tables;
mod timelines;
