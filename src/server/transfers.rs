//! Transfers for the audit log: written once, when the bytes have passed and the IDE has agreed to it.
//!
//! Which of the two is known first depends on the size: a small answer has passed before anybody looks at its status. Called by
//! `pass`.

use std::cell::RefCell;
use std::rc::Rc;

use http::StatusCode;
use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_policy::{Direction, Transfer};
use portcullis_proxy::Transferred;

/// One transfer under way.
#[derive(Debug, Clone)]
pub(crate) struct Watched(Rc<RefCell<Known>>);

#[derive(Debug)]
struct Known {
    user: String,
    session: SessionId,
    transfer: Option<Transfer>,
    status: Option<StatusCode>,
    moved: Option<Transferred>,
}

impl Watched {
    /// Nothing is known of its end yet.
    pub(crate) fn new(user: &str, session: SessionId, transfer: Transfer) -> Self {
        let user = user.to_owned();
        let known = Known { user, session, transfer: Some(transfer), status: None, moved: None };
        Self(Rc::new(RefCell::new(known)))
    }

    /// The IDE answered; returns the record when that was the last thing missing.
    pub(crate) fn answered(&self, status: StatusCode) -> Option<Event> {
        let mut known = self.0.borrow_mut();
        known.status = Some(status);
        known.record()
    }

    /// All bytes have passed, or none will any more.
    pub(crate) fn ended(&self, moved: Transferred) -> Option<Event> {
        let mut known = self.0.borrow_mut();
        known.moved = Some(moved);
        known.record()
    }
}

impl Known {
    fn record(&mut self) -> Option<Event> {
        let (status, moved) = (self.status?, self.moved?);
        let transfer = self.transfer.take()?;
        if !status.is_success() {
            return None;
        }
        let bytes = match transfer.direction {
            Direction::Upload => moved.up,
            Direction::Download => moved.down,
        };
        let (user, direction) = (std::mem::take(&mut self.user), transfer.direction.word().to_owned());
        let (path, complete) = (transfer.path, moved.complete);
        Some(Event::Transfer { user, session: self.session, direction, path, bytes, complete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVED: Transferred = Transferred { up: 7, down: 9, complete: true };

    fn watched(direction: Direction) -> Watched {
        Watched::new("alice", SessionId::from_bytes([7; 8]), Transfer { direction, path: "a.txt".into() })
    }

    fn bytes(event: Option<Event>) -> Option<u64> {
        match event {
            Some(Event::Transfer { bytes, .. }) => Some(bytes),
            _ => None,
        }
    }

    #[test]
    fn it_is_written_once_whatever_is_known_first() {
        let small = watched(Direction::Download);
        assert_eq!(small.ended(MOVED), None);
        assert_eq!(bytes(small.answered(StatusCode::OK)), Some(9));
        let large = watched(Direction::Upload);
        assert_eq!(large.answered(StatusCode::CREATED), None);
        assert_eq!(bytes(large.ended(MOVED)), Some(7));
        assert_eq!(large.ended(MOVED), None);
    }

    #[test]
    fn what_the_ide_refused_is_no_transfer() {
        let refused = watched(Direction::Download);
        assert_eq!(refused.ended(MOVED), None);
        assert_eq!(refused.answered(StatusCode::NOT_FOUND), None);
    }
}
