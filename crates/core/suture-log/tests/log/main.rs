//! What the log promises, from the hashes to the auditor.

mod entries;
mod formats;
mod hostile;
mod policy;
mod support;
mod tampering;
mod tree;
