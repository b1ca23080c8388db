//! The log on a real disk.

mod crash;
mod growth;
mod pending;
mod second_opinion;
mod support;
mod tampering;
mod writers;
