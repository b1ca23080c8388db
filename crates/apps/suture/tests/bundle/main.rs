//! Dossier and bundle on the command line: real deltas, real files, ordinary tools beside ours.

mod bundles;
mod dossiers;
mod forge;
mod hostile;
mod patch;
mod runbook;
#[path = "../cli/transcript.rs"]
mod transcript;
