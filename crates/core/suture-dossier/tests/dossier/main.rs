//! The dossier: drafted, answered, linted, rendered.

mod drafted;
mod linted;
mod rendered;
mod sample;
