//! What a surgeon does next: a snapshot of a process and a delta in, steps and journal records out.
//!
//! ```text
//!  /proc/PID/maps, memory ──► maps, modules, home ─┐
//!                                                  ├─► install (placement, link, resolve) ─► operation ─► effects
//!  delta ──────────────────────────────────────────┘                                           ▲
//!  registers and stacks of stopped threads ──► unwind, busy ─────────────────────────── verdict ┘
//! ```
//!
//! Everything that can be known before the process is stopped is computed here from bytes; the crate
//! `suture-process` fetches the bytes and carries out the effects. What must hold, whatever happens to the
//! surgeon, is that a process runs wholly old or wholly new code ([`switch`]) and that a thread that was
//! borrowed finds its way home ([`way_home`]).
#![forbid(unsafe_code)]

pub mod busy;
pub mod constants;
pub mod home;
pub mod install;
pub mod link;
pub mod maps;
pub mod memory;
pub mod modules;
pub mod operation;
pub mod outcome;
pub mod placement;
pub mod reentrancy;
pub mod registers;
pub mod resolve;
pub mod seccomp;
pub mod switch;
pub mod symbol_file;
pub mod unwind;
pub mod way_home;
