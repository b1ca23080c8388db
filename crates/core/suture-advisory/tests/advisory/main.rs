//! Advisories from their first draft to the public, in all forms, as others' validators see them.

mod foreign;
mod leaks;
mod made;
mod mutants;
mod pages;
mod stages;
mod valid;
