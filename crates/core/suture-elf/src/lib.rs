//! A read-only view of one build: symbols, relocations, lines, types, unwind rules.
#![forbid(unsafe_code)]
