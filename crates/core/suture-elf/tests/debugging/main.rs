//! Unwind rules, lines and types, read from programs that real compilers have just made.

mod frames;
mod places;
mod program;
mod types;
