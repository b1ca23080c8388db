//! The default pack and its examples, what always holds, and what is refused.

mod always;
mod default_pack;
mod mutants;
mod packs;
mod questions;
mod sample;
