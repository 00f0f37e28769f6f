//! Bytes from the kernel's random source, for the parameters called `random` and `nonce` in this crate.
//!
//! The one place here that asks the system for anything, so that all else can be tested with known bytes.

use thiserror::Error;

/// The kernel's random source can't be read; nothing may go on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cannot read the kernel's random source")]
pub struct RandomError(#[source] getrandom::Error);

/// So many fresh bytes.
///
/// # Errors
/// [`RandomError`] when the kernel gives none.
pub fn fresh<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(RandomError)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_never_alike() {
        assert_ne!(fresh::<32>().expect("random bytes"), fresh::<32>().expect("random bytes"));
    }
}
