//! `suture build` on real little projects of every build system, and on what can go wrong with them.

mod failures;
mod project;
mod systems;
#[path = "../cli/tree.rs"]
mod tree;
