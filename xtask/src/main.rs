//! What CI and people run on the tree.
fn main() {}
