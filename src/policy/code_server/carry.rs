//! A file that streams through a message: counted and hashed as it passes, none of it kept.

use crate::inspect::Note;
use crate::ledger::Digest;
use crate::{Direction, Moved, Transfer};

/// A file on its way.
#[derive(Debug)]
pub(super) struct Carry {
    transfer: Transfer,
    digest: Digest,
    left: usize,
}

impl Carry {
    /// Of so many bytes.
    pub(super) fn new(direction: Direction, path: String, bytes: usize) -> Self {
        Self { transfer: Transfer::new(direction, path), digest: Digest::new(), left: bytes }
    }

    /// The next bytes of its message; what comes after the file is not looked at.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let taken = &bytes[..bytes.len().min(self.left)];
        self.digest.update(taken);
        self.left -= taken.len();
    }

    /// To be recorded.
    pub(super) fn note(self) -> Note {
        let Self { transfer, digest, left } = self;
        let moved = Moved { transfer, sum: digest.finish(), complete: left == 0, range: String::new() };
        Note::Moved(Box::new(moved))
    }
}
