//! Patches and what was signed about them, put together into the question that rules are asked.

mod asked;
mod cases;
mod desk;
mod doubts;
mod patches;
#[path = "../../../suture-bundle/tests/bundle/sample.rs"]
mod sample;
