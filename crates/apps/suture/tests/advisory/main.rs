//! `suture advisory` and `suture leak-check`: the real binary, on real files.

mod directory;
mod leaks;
mod story;
