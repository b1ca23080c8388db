//! Carries out the steps of the surgeon on a live process.
