//! The record of a vulnerability and the paper that goes with its patch.
//!
//! Pure: what the files of a case, a dossier or a bundle hold comes in as bytes, documents and findings go out.
#![forbid(unsafe_code)]
