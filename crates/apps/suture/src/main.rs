//! The `suture` command line.
fn main() {}
