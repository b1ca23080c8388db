//! What counts and what does not: one test for each check, and what holds for any input.

mod foreign;
mod hostile;
mod party;
mod properties;
mod refusals;
mod rejections;
mod roots;
