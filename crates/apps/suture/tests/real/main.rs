//! Real programs that nobody here wrote: the Debian source, built without and with one of its own security fixes,
//! patched under load, switched back and forth, restored. Every answer to the load is verified.

mod expat;
mod governed;
mod haproxy;
mod http;
mod load;
mod memcached;
mod nginx;
#[path = "../govern/office.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod office;
#[path = "../bundle/patch.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod patch;
mod program;
mod redis;
#[path = "../cli/transcript.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod transcript;
mod unbound;
