//! What a file was whose bytes passed: how many, and their SHA-256.
//!
//! Whoever sees a file's bytes feeds them to a [`Digest`]; the [`Sum`] goes into the audit record `transfer`. Pure: the
//! bytes are neither kept nor copied.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A running SHA-256 with its count. A clone continues from the same place.
#[derive(Clone, Default)]
pub struct Digest {
    hash: Sha256,
    bytes: u64,
}

impl Digest {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len().try_into().unwrap_or(u64::MAX));
    }

    /// How many bytes so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What it amounts to.
    pub fn finish(self) -> Sum {
        Sum { bytes: self.bytes, sha256: self.hash.finalize().into() }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// A count of bytes and their SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub bytes: u64,
    /// Their hash.
    pub sha256: [u8; 32],
}

impl Sum {
    /// The hash as `sha256sum` prints it.
    pub fn hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_clones_give_the_known_hash() {
        let mut digest = Digest::new();
        digest.update(b"a");
        let mut second = digest.clone();
        digest.update(b"bc");
        second.update(b"b");
        second.update(b"c");
        let sum = digest.finish();
        assert_eq!(sum, second.finish());
        assert_eq!(sum.bytes, 3);
        assert_eq!(sum.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
