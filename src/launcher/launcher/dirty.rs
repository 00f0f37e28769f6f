//! That the state on disk is not what it is in memory, and how long that may stay so. It writes nothing.

use std::time::Instant;

/// When the state is to be written.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    pub(super) now: bool,
    pub(super) since: Option<Instant>,
}

impl Dirty {
    /// Before anything is told.
    pub(crate) fn at_once(&mut self) {
        self.now = true;
    }

    /// Within [`LAZY`](super::LAZY).
    pub(crate) fn soon(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }
}
