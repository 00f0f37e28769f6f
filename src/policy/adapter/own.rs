//! An administrator's row: what holds beside it.
//!
//! Such a row says what a request takes; it gives nothing. Where the IDE's built-in table has a row for the same request, that one
//! holds as well, and how the request is sent on is the built-in row's business: a line in a file can't switch off the checks
//! that were read from the program's source.

use super::{Weighing, is_unsafe, transfer};
use crate::path::decode_tail;
use crate::row::{Methods, Row, Tail};
use crate::{BodyRule, Capability, Forward, PathClaim, PathRule, Refusal};

/// Longest body of a change of the interface's own state while uploads are refused or measured: settings of editors.
const STATE_MAX: u64 = 1024 * 1024;
/// Longest document that is saved meanwhile: as long as JupyterLab's texts may be.
const DOCUMENT_MAX: u64 = 8 * 1024 * 1024;

impl<'a> Weighing<'a> {
    /// Whether a row was found among the administrator's.
    pub(super) fn is_own(&self, row: &Row) -> bool {
        self.own.iter().any(|own| std::ptr::eq(own, row))
    }

    /// The built-in row of the same request, whether or not it is one of a WebSocket, with what its `**` matched.
    fn beneath<'p>(&self, method: Methods, path: &'p str) -> Option<(&'a Row, &'p str)> {
        let built_in = self.adapter.tables().iter().flat_map(|table| table.iter());
        let sockets_first = |row: &&Row| !self.ask.upgrade || row.socket.is_some();
        let fitting = |row: &'a Row| row.fits(path).map(|tail| (row, tail));
        built_in
            .clone()
            .filter(|row| row.methods.meets(method))
            .filter(sockets_first)
            .find_map(fitting)
            .or_else(|| built_in.filter(|row| row.methods.meets(method)).find_map(fitting))
    }

    /// How a request goes on for which an administrator's row was found and whose capabilities are given.
    pub(super) fn forward_own(
        &self,
        row: &Row,
        tail: &str,
        method: Methods,
    ) -> Result<Forward, Box<Refusal>> {
        // A name that is decoded by the program behind may be a route there: the row beneath is looked for in both spellings.
        if let Some(plain) = decoded(row, self.ask.path, tail) {
            if let Some((beneath, _)) = self.beneath(method, &plain).filter(|(row, _)| is_known(row)) {
                self.allowed(beneath)?;
            }
        }
        let Some((beneath, its_tail)) = self.beneath(method, self.ask.path) else {
            return self.complete_own(row, tail, self.forward(row, tail)?);
        };
        if !is_known(beneath) {
            // A catch-all of the IDE's says nothing of the route, but what it never takes, and how its sockets are read.
            self.adapter.allowed(self.flags, self.ask, beneath)?;
            let mut forward = self.complete_own(row, tail, self.forward(row, tail)?)?;
            forward.socket = beneath.socket.filter(|_| self.ask.upgrade).unwrap_or(forward.socket);
            return Ok(forward);
        }
        self.allowed(beneath)?;
        if self.ask.upgrade && beneath.socket.is_none() {
            return self.complete_own(row, tail, self.forward(row, tail)?);
        }
        let mut forward = self.forward(beneath, its_tail)?;
        forward.activity |= row.act && !self.ask.upgrade;
        self.complete_own(row, tail, forward)
    }

    /// What an administrator's row adds to the conditions.
    fn complete_own(&self, row: &Row, tail: &str, mut forward: Forward) -> Result<Forward, Box<Refusal>> {
        let (flags, ask) = (self.flags, self.ask);
        if row.tail == Tail::File && flags.restrict_directories.value && forward.paths == PathRule::None {
            let tail = decode_tail(tail).unwrap_or_default();
            forward.paths = PathRule::Resolve(PathClaim { tail, absolute: false });
        }
        if let Some(direction) = row.transfer.filter(|_| ask.method != "HEAD" && forward.transfer.is_none()) {
            forward.transfer = Some(transfer(direction, tail));
        }
        if is_unsafe(ask) && forward.body == BodyRule::Stream {
            forward.body = self.longest(row).map_or(BodyRule::Stream, BodyRule::Limit);
        }
        Ok(forward)
    }

    /// Longest body of a change, where a flag is about bodies.
    fn longest(&self, row: &Row) -> Option<u64> {
        if row.needs.contains(&Capability::Upload) {
            return self.flags.upload_limit();
        }
        let measured = self.flags.upload_limit().is_some();
        let refused = self.flags.denies_in(self.ide, Capability::Upload).is_some();
        // What comes in as something else is bounded, so that it is no way around the flag.
        let most = if row.needs.contains(&Capability::Write) { DOCUMENT_MAX } else { STATE_MAX };
        (measured || refused).then_some(most)
    }
}

/// Whether a row says what a request is; a catch-all for what nobody knows doesn't.
fn is_known(row: &Row) -> bool {
    !row.needs.contains(&Capability::Unknown)
}

/// The path with what `**` matched decoded once, when that differs.
fn decoded(row: &Row, path: &str, tail: &str) -> Option<String> {
    if !tail.contains('%') && !tail.contains("//") && !tail.contains("/.") {
        return None;
    }
    let (head, end) = row.route_of(path, tail);
    let name = decode_tail(tail).ok()?;
    Some(format!("{}/{name}{end}", head.trim_end_matches('/')))
}
