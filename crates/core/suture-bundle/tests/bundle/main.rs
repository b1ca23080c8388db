//! The bundle as a file: what is written is read, nothing else is read, and ordinary tools show it.

mod contents;
mod difference;
mod property;
mod refused;
mod sample;
mod tools;
