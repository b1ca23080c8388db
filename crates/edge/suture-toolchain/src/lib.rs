//! Runs the build of a project twice and captures where the result came from.
#![forbid(unsafe_code)]
