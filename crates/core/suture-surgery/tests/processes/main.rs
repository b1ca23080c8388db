//! Modules, stacks, judgements and symbols of real processes, compared with what the processes say about
//! themselves.

mod world;

mod modules;
mod stacks;
mod symbols;
