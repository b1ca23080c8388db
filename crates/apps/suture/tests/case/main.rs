//! `suture case`: the real binary, on real files, on a real terminal.

mod delta;
mod directory;
mod route;
mod story;
mod terminal;
