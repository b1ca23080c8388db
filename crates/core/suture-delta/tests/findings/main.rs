//! What the comparison finds beside code and data: unwind rules, layouts, who calls whom; on real programs.

mod constants;
mod frames;
mod impact;
mod mutants;
mod program;
mod touched;
mod types;
