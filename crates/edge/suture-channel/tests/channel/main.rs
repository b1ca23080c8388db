//! A channel from both sides: published into a real directory, served by a real web server, fetched by a real client;
//! and what happens when somebody between them, or one of the key holders, is an attacker.

mod attacks;
mod content;
mod embargo;
mod foreign;
mod held;
mod keys;
mod other;
mod policy;
mod rig;
mod robbed;
mod server;
mod unfinished;
