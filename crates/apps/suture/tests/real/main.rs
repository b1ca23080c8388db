//! Real programs that nobody here wrote: the Debian source, built without and with one of its own security fixes,
//! patched under load, switched back and forth, restored. Every answer to the load is verified.

mod expat;
mod haproxy;
mod load;
mod memcached;
mod nginx;
mod program;
mod redis;
mod unbound;
