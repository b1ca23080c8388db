//! The log on a real disk.

mod crash;
mod growth;
mod left;
mod pending;
mod second_opinion;
mod support;
mod tampering;
mod writers;
