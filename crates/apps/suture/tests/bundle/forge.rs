//! A bundle changed byte by byte, as somebody does who means harm.

pub(crate) const BLOCK: usize = 512;

/// Where the header of the member with this name is.
pub(crate) fn header(bytes: &[u8], name: &str) -> usize {
    let found = (0..bytes.len()).step_by(BLOCK).find(|at| bytes[*at..].starts_with(name.as_bytes()));
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// Puts the right checksum into a header that was changed.
pub(crate) fn seal(bytes: &mut [u8], at: usize) {
    bytes[at + 148..at + 156].fill(b' ');
    let sum: u32 = bytes[at..at + BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    bytes[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
