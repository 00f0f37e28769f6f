//! Files that come as numbered pieces, one request each: one record for the file, with the hash of all of it.
//!
//! JupyterLab sends a larger file as pieces of 1 MiB, numbered from 1, the last as -1. Between two pieces a digest is kept
//! here, nothing of the file. A file that is never finished, or whose pieces come in another order, is recorded as far as it
//! came. Called by `transfers`; flushed by `run` once a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_policy::{Counted, Digest, Direction, Sum};

/// The last piece's number.
const LAST: i64 = -1;
/// Seconds without a piece after which a file counts as given up.
const GIVEN_UP: u64 = 600;
/// Files under way for one session; a browser sends a few at a time. The one that waits longest is recorded then.
const EACH: usize = 16;

/// Session and path.
type Key = (SessionId, String);

/// Files under way.
#[derive(Debug, Default)]
pub(crate) struct Pieces(Mutex<HashMap<Key, Open>>);

#[derive(Debug)]
struct Open {
    user: String,
    next: i64,
    digest: Digest,
    at: u64,
}

/// A piece that the IDE has taken.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Whose.
    pub(crate) user: String,
    /// In which session.
    pub(crate) session: SessionId,
    /// The file.
    pub(crate) path: String,
    /// Its number.
    pub(crate) number: i64,
    /// Digest of the file up to here, and of how many bytes it was continued; `None` when it can't be.
    pub(crate) digest: Option<(Digest, u64)>,
    /// The piece as it passed.
    pub(crate) counted: Counted,
}

impl Pieces {
    /// The digest that this piece continues.
    pub(crate) fn before(&self, session: SessionId, path: &str, number: i64) -> Option<Digest> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.get(&(session, path.to_owned()))?;
        (number == LAST || number == open.next).then(|| open.digest.clone())
    }

    /// A piece was taken; what to record.
    pub(crate) fn taken(&self, taken: Taken, now: u64) -> Vec<Event> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Taken { user, session, path, number, digest, counted } = taken;
        let key = (session, path);
        let mut events = Vec::new();
        let before = all.remove(&key);
        let continued = |open: &Open, (_, from): &(Digest, u64)| {
            *from == open.digest.bytes() && (number == LAST || number == open.next)
        };
        match (before, digest) {
            (Some(open), Some(digest)) if continued(&open, &digest) => {
                if number == LAST {
                    return vec![event(user, session, key.1, digest.0.finish(), String::new(), true)];
                }
                all.insert(key, Open { user, next: number.saturating_add(1), digest: digest.0, at: now });
            }
            (before, digest) => {
                events.extend(before.map(|open| given_up(&key, open)));
                match digest {
                    Some((digest, 0)) if number == 1 => {
                        let theirs = all.iter().filter(|((other, _), _)| *other == session);
                        let oldest =
                            theirs.clone().min_by_key(|(_, open)| open.at).map(|(key, _)| key.clone());
                        if let Some(oldest) = oldest.filter(|_| theirs.count() >= EACH) {
                            events.extend(all.remove(&oldest).map(|open| given_up(&oldest, open)));
                        }
                        all.insert(key, Open { user, next: 2, digest, at: now });
                    }
                    _ => {
                        let range = format!("piece {number}");
                        events.push(part(user, session, key.1, counted, range));
                    }
                }
            }
        }
        events
    }

    /// What was given up, or everything at the end.
    pub(crate) fn flush(&self, now: u64, all: bool) -> Vec<Event> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |open: &Open| all || now >= open.at.saturating_add(GIVEN_UP);
        let keys: Vec<Key> = open.iter().filter(|(_, open)| over(open)).map(|(key, _)| key.clone()).collect();
        keys.into_iter().filter_map(|key| open.remove(&key).map(|open| given_up(&key, open))).collect()
    }
}

fn given_up(key: &Key, open: Open) -> Event {
    let range = format!("pieces 1 to {}", open.next - 1);
    event(open.user, key.0, key.1.clone(), open.digest.finish(), range, false)
}

/// The record of a piece by itself.
fn part(user: String, session: SessionId, path: String, counted: Counted, range: String) -> Event {
    let mut event = event(user, session, path, counted.sum, range, false);
    if let Event::Transfer { hashed, .. } = &mut event {
        word(counted.file).clone_into(hashed);
    }
    event
}

/// Whose bytes were hashed.
pub(crate) const fn word(file: bool) -> &'static str {
    if file { "file" } else { "body" }
}

fn event(user: String, session: SessionId, path: String, sum: Sum, range: String, complete: bool) -> Event {
    Event::Transfer {
        user,
        session,
        direction: Direction::Upload.word().to_owned(),
        path,
        bytes: sum.bytes,
        sha256: sum.hex(),
        hashed: word(true).to_owned(),
        range,
        complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId::from_bytes([7; 8]);

    fn send(
        pieces: &Pieces,
        path: &str,
        number: i64,
        bytes: &[u8],
        now: u64,
    ) -> Vec<(u64, String, bool, String)> {
        let before = pieces.before(SESSION, path, number).unwrap_or_default();
        let from = before.bytes();
        let mut digest = before;
        digest.update(bytes);
        let mut own = Digest::new();
        own.update(bytes);
        let counted = Counted { sum: own.finish(), file: true, piece: Some(number) };
        let (user, path) = ("alice".to_owned(), path.to_owned());
        let digest = Some((digest, from));
        said(pieces.taken(Taken { user, session: SESSION, path, number, digest, counted }, now))
    }

    fn said(events: Vec<Event>) -> Vec<(u64, String, bool, String)> {
        let said = |event| match event {
            Event::Transfer { bytes, range, complete, sha256, .. } => (bytes, range, complete, sha256),
            other => panic!("{other:?}"),
        };
        events.into_iter().map(said).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        let mut digest = Digest::new();
        digest.update(bytes);
        digest.finish().hex()
    }

    #[test]
    fn one_record_for_a_file_in_pieces() {
        let pieces = Pieces::default();
        for (number, bytes) in [(1, b"ab"), (2, b"cd"), (3, b"ef")] {
            assert_eq!(send(&pieces, "a", number, bytes, 5), []);
            assert_eq!(send(&pieces, "b", number, b"zz", 5), []);
        }
        assert_eq!(send(&pieces, "a", LAST, b"g", 5), [(7, String::new(), true, hex(b"abcdefg"))]);
        assert_eq!(said(pieces.flush(5, true)), [(6, "pieces 1 to 3".into(), false, hex(b"zzzzzz"))]);
        assert_eq!(said(pieces.flush(5, true)), []);
    }

    #[test]
    fn pieces_out_of_order_are_recorded_by_themselves() {
        let pieces = Pieces::default();
        assert_eq!(send(&pieces, "a", 5, b"x", 0), [(1, "piece 5".into(), false, hex(b"x"))]);
        assert_eq!(send(&pieces, "a", LAST, b"x", 0), [(1, "piece -1".into(), false, hex(b"x"))]);
        assert_eq!(send(&pieces, "a", 1, b"ab", 0), []);
        let first = (2, "pieces 1 to 1".to_owned(), false, hex(b"ab"));
        assert_eq!(send(&pieces, "a", 3, b"x", 0), [first.clone(), (1, "piece 3".into(), false, hex(b"x"))]);
        assert_eq!(send(&pieces, "a", 1, b"ab", 0), []);
        assert_eq!(send(&pieces, "a", 1, b"ab", 0), [first], "begun again");
    }

    #[test]
    fn what_is_given_up_is_recorded_and_there_are_not_many() {
        let pieces = Pieces::default();
        for file in 0..EACH {
            assert_eq!(send(&pieces, &file.to_string(), 1, b"x", u64::try_from(file).expect("few")), []);
        }
        assert_eq!(send(&pieces, "more", 1, b"x", 50).len(), 1, "the oldest");
        assert_eq!(pieces.flush(GIVEN_UP + 49, false).len(), EACH - 1);
        assert_eq!(pieces.flush(GIVEN_UP + 50, false).len(), 1);
    }
}
