//! Carries out the steps of the surgeon on a live process.
//!
//! ```text
//!  patient   what the process is: maps, modules, homes            (reads only)
//!  plan      what a request means for it                          (reads only)
//!  surgeon   the loop: ask the operation, carry out, answer
//!  theatre   install, call, throw
//!    ├─ install, inject   on one borrowed thread
//!    └─ world, tracee     on all threads at once
//!  sys, memory, proc      the kernel
//! ```
//!
//! All `unsafe` of the project stands in [`sys`](crate) with its reasons, behind one funnel for system
//! calls, so that a test can kill the surgeon behind each of them.

mod data;
mod executable;
mod filters;
mod freezer;
mod groups;
mod inject;
mod install;
mod lock;
mod look;
mod memory;
mod memory_left;
mod names;
mod patient;
mod plan;
mod proc;
mod processors;
mod scope;
mod starting;
mod state_dir;
mod surgeon;
mod surroundings;
mod sys;
mod theatre;
mod tracee;
mod underway;
mod world;

pub use patient::{Patient, Prospect};
pub use surgeon::{Patch, Request, operate};
pub use sys::{be_as_usual, be_modest, calls_made, effective_uid, leave_out_name_services, user_name};

/// Ids of all processes of this PID namespace, ascending.
pub fn processes() -> std::io::Result<Vec<i32>> {
    proc::processes()
}

/// Whether a process runs a program: it is neither gone, nor ended, nor a thread of the kernel. One that hides is taken for such.
pub fn runs_a_program(pid: i32) -> bool {
    proc::runs_a_program(pid)
}

/// Name of a process.
pub fn process_name(pid: i32) -> String {
    proc::name(pid)
}
