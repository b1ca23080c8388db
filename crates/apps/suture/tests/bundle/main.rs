//! Dossier and bundle on the command line: real deltas, real files, ordinary tools beside ours.

mod bundles;
mod claims;
mod dossiers;
mod forge;
mod hostile;
#[path = "../cli/little_memory.rs"]
mod little_memory;
mod patch;
#[path = "../cli/transcript.rs"]
mod transcript;
