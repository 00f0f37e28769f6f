//! Transfers for the audit log: written once, when the bytes have passed and the IDE has agreed to it.
//!
//! Which of the two is known first depends on the size: a small answer has passed before anybody looks at its status. The bytes
//! are hashed while they pass; nothing is held. Called by `pass`.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HeaderMap};
use http::{Response, StatusCode};
use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_policy::{Direction, Form, Tally, Transfer};
use portcullis_proxy::{ForwardOptions, Transferred};

use crate::pieces::{Pieces, Taken, word};
use crate::state::{Way, now};
use crate::world::Thread;

/// One transfer under way.
#[derive(Debug, Clone)]
pub(crate) struct Watched(Rc<RefCell<Known>>);

#[derive(Debug)]
struct Known {
    user: String,
    session: SessionId,
    /// Told that something passes.
    way: Arc<Way>,
    transfer: Transfer,
    /// Gone when the record is written.
    tally: Option<Tally>,
    /// How much of the file was there before this piece of it.
    before: u64,
    /// The body is compressed: what passes is not the file.
    encoded: bool,
    range: String,
    status: Option<StatusCode>,
    moved: Option<Transferred>,
}

impl Watched {
    /// Nothing is known of its end yet; `headers` are the request's.
    pub(crate) fn new(
        pieces: &Pieces,
        user: &str,
        (session, way): (SessionId, Arc<Way>),
        transfer: Transfer,
        headers: &HeaderMap,
    ) -> Self {
        let before = match transfer.form {
            Form::Piece { number, .. } => pieces.before(session, &transfer.path, number),
            _ => None,
        };
        let known = Known {
            user: user.to_owned(),
            session,
            way,
            before: before.as_ref().map_or(0, portcullis_policy::Digest::bytes),
            tally: Some(Tally::new(transfer.form, before)),
            encoded: transfer.direction == Direction::Upload && encoded(headers),
            transfer,
            range: String::new(),
            status: None,
            moved: None,
        };
        Self(Rc::new(RefCell::new(known)))
    }

    /// Has an exchange tell of its bytes and its end.
    pub(crate) fn watch(&self, thread: &Thread, options: &mut ForwardOptions) {
        let watched = self.clone();
        let on_piece = Box::new(move |piece: &[u8]| watched.passed(piece));
        match self.0.borrow().transfer.direction {
            Direction::Upload => options.on_upload = Some(on_piece),
            Direction::Download => options.on_download = Some(on_piece),
        }
        let (watched, world) = (self.clone(), thread.world.clone());
        options.on_end = Some(Box::new(move |moved| {
            watched.ended(moved, &world.pieces).into_iter().for_each(|event| world.link.audit(event));
        }));
    }

    /// The IDE answered; what to record, when that was the last thing missing.
    pub(crate) fn answered<B>(&self, response: &Response<B>, pieces: &Pieces) -> Vec<Event> {
        let mut known = self.0.borrow_mut();
        let headers = response.headers();
        if known.transfer.direction == Direction::Download {
            known.encoded |= encoded(headers);
            if response.status() == StatusCode::PARTIAL_CONTENT {
                let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
                match text(CONTENT_RANGE) {
                    Some(range) => range.clone_into(&mut known.range),
                    None => {
                        "several".clone_into(&mut known.range);
                        known.encoded |=
                            text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("multipart/"));
                    }
                }
            }
        }
        known.status = Some(response.status());
        known.record(pieces)
    }

    fn passed(&self, piece: &[u8]) {
        let mut known = self.0.borrow_mut();
        known.way.sight.transfer(now());
        if let Some(tally) = &mut known.tally {
            tally.update(piece);
        }
    }

    /// All bytes have passed, or none will any more.
    fn ended(&self, moved: Transferred, pieces: &Pieces) -> Vec<Event> {
        let mut known = self.0.borrow_mut();
        known.moved = Some(moved);
        known.record(pieces)
    }
}

impl Known {
    fn record(&mut self, pieces: &Pieces) -> Vec<Event> {
        let (Some(status), Some(moved)) = (self.status, self.moved) else { return Vec::new() };
        let Some(tally) = self.tally.take().filter(|_| status.is_success()) else { return Vec::new() };
        let digest = tally.digest().filter(|_| moved.complete && !self.encoded);
        let named = tally.place();
        let counted = tally.finish();
        let user = std::mem::take(&mut self.user);
        let path = named.unwrap_or_else(|| std::mem::take(&mut self.transfer.path));
        if let (Form::Piece { number, .. }, session) = (self.transfer.form, self.session) {
            let digest = digest.map(|digest| (digest, self.before));
            let taken = Taken { user, session, path, number, digest, counted };
            return pieces.taken(taken, now());
        }
        if let Some(number) = counted.piece {
            self.range = format!("piece {number}");
        }
        vec![Event::Transfer {
            user,
            session: self.session,
            direction: self.transfer.direction.word().to_owned(),
            path,
            bytes: counted.sum.bytes,
            sha256: counted.sum.hex(),
            hashed: word(counted.file && !self.encoded).to_owned(),
            complete: moved.complete && self.range.is_empty(),
            range: std::mem::take(&mut self.range),
        }]
    }
}

fn encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| value != "identity")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVED: Transferred = Transferred { up: 7, down: 9, complete: true };

    fn watched(direction: Direction) -> Watched {
        let transfer = Transfer::new(direction, "a.txt".into());
        let session = crate::state::tests::session("alice", 7);
        let way = Arc::new(crate::state::way_to(&session));
        Watched::new(&Pieces::default(), "alice", (session.id, way), transfer, &HeaderMap::new())
    }

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Response<()> {
        let builder = Response::builder().status(status);
        let add =
            |builder: http::response::Builder, (name, value): &(&str, &str)| builder.header(*name, *value);
        headers.iter().fold(builder, add).body(()).expect("an answer")
    }

    /// Bytes, whose, range, whether complete.
    fn said(events: Vec<Event>) -> Vec<(u64, String, String, bool)> {
        let said = |event| match event {
            Event::Transfer { bytes, hashed, range, complete, .. } => (bytes, hashed, range, complete),
            other => panic!("{other:?}"),
        };
        events.into_iter().map(said).collect()
    }

    fn whole(bytes: u64) -> Vec<(u64, String, String, bool)> {
        vec![(bytes, "file".into(), String::new(), true)]
    }

    #[test]
    fn what_passes_says_that_the_session_is_used() {
        let upload = watched(Direction::Upload);
        let transferred = || upload.0.borrow().way.sight.last_transfer();
        assert_eq!(transferred(), 0);
        upload.passed(b"1");
        assert!(transferred() > 0);
    }

    #[test]
    fn it_is_written_once_whatever_is_known_first() {
        let pieces = Pieces::default();
        let small = watched(Direction::Download);
        small.passed(b"123456789");
        assert_eq!(small.ended(MOVED, &pieces), []);
        assert_eq!(said(small.answered(&answer(200, &[]), &pieces)), whole(9));
        let large = watched(Direction::Upload);
        assert_eq!(large.answered(&answer(201, &[]), &pieces), []);
        large.passed(b"1234");
        large.passed(b"567");
        assert_eq!(said(large.ended(MOVED, &pieces)), whole(7));
        assert_eq!(large.ended(MOVED, &pieces), []);
    }

    #[test]
    fn what_the_ide_refused_is_no_transfer() {
        let pieces = Pieces::default();
        let refused = watched(Direction::Download);
        assert_eq!(refused.ended(MOVED, &pieces), []);
        assert_eq!(refused.answered(&answer(404, &[]), &pieces), []);
    }

    #[test]
    fn a_part_says_that_it_is_one() {
        let of = |status, headers: &[_], complete| {
            let watched = watched(Direction::Download);
            watched.passed(b"123");
            watched.answered(&answer(status, headers), &Pieces::default());
            said(watched.ended(Transferred { complete, ..MOVED }, &Pieces::default()))
        };
        let one = |hashed: &str, range: &str, complete| vec![(3, hashed.into(), range.into(), complete)];
        assert_eq!(of(200, &[], false), one("file", "", false));
        assert_eq!(of(206, &[("content-range", "bytes 0-2/9")], true), one("file", "bytes 0-2/9", false));
        let several = [("content-type", "multipart/byteranges; boundary=x")];
        assert_eq!(of(206, &several, true), one("body", "several", false));
        assert_eq!(of(200, &[("content-encoding", "gzip")], true), one("body", "", true));
        assert_eq!(of(200, &[("content-encoding", "identity")], true), one("file", "", true));
    }
}
