//! Randomness, from the kernel.

use thiserror::Error;

/// The kernel gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the system gives no random numbers: {0}")]
pub struct RandomError(#[from] getrandom::Error);

/// A salt for a commitment.
///
/// # Errors
/// The kernel gives none.
pub fn salt() -> Result<[u8; 32], RandomError> {
    let mut salt = [0; 32];
    getrandom::getrandom(&mut salt)?;
    Ok(salt)
}
