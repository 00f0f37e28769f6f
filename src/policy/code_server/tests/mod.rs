//! Tables and decisions, without the program itself: streams are built by hand, as the editor builds them.

mod extensions;
mod files;
mod recorded;
mod requests;
mod socket;
mod stream;
mod table;

use std::sync::Arc;

use crate::inspect::{Acts, Close, Inspect as _, Judgement, Note, Opcode, Place};
use crate::{Flags, PathClaim, Setting};

/// The home of these tests.
const HOME: &str = "/home/a";

fn flags(change: impl Fn(&mut Flags)) -> Arc<Flags> {
    let mut flags = Flags::default();
    change(&mut flags);
    Arc::new(flags)
}

fn no<T>(value: T) -> Setting<T> {
    Setting::at(value, "rsession.conf", 3)
}

fn no_shell() -> Arc<Flags> {
    flags(|flags| flags.shell = no(false))
}

/// What came of a stream.
#[derive(Debug, Default)]
struct Outcome {
    up: Vec<u8>,
    down: Vec<u8>,
    notes: Vec<Note>,
    asked: Vec<PathClaim>,
    closed: Option<Close>,
}

impl Outcome {
    fn refused(&self) -> Vec<String> {
        self.notes
            .iter()
            .filter_map(|note| match note {
                Note::Refused { what, passed: false, .. } => Some(what.clone()),
                _ => None,
            })
            .collect()
    }

    fn acts(&self) -> usize {
        self.notes.iter().filter(|note| **note == Note::Act).count()
    }
}

/// An editor's socket between a browser and a server that are written here.
struct Wire {
    socket: super::Socket,
    allow: fn(&PathClaim) -> bool,
    out: Outcome,
}

impl Wire {
    fn new(flags: &Arc<Flags>) -> Self {
        Self { socket: super::Socket::new(flags, HOME), allow: |_| true, out: Outcome::default() }
    }

    /// The same after the first words of a management socket.
    fn open(flags: &Arc<Flags>) -> Self {
        let mut wire = Self::new(flags);
        wire.up(&stream::hello(1));
        wire.up(&stream::regular(1, &stream::context()));
        assert_eq!(wire.out.closed, None);
        wire.out.up.clear();
        wire
    }

    /// The same after those of an extension host's.
    fn extensions(flags: &Arc<Flags>) -> Self {
        let mut wire = Self::new(flags);
        wire.up(&stream::hello(2));
        wire.up(&stream::regular(1, b"{\"init\":1}"));
        assert_eq!(wire.out.closed, None);
        wire.out.up.clear();
        wire
    }

    fn up(&mut self, bytes: &[u8]) {
        let place = Place { opcode: Opcode::Binary, first: true, last: true };
        let (mut piece, mut acts) = (bytes.to_vec(), Acts::default());
        if self.out.closed.is_some() {
            return;
        }
        let mut step = self.socket.from_client(place, &mut piece, &mut acts);
        while let Ok(Judgement::Ask(claim)) = step {
            assert!(piece.is_empty(), "what waits does not go on");
            let allowed = (self.allow)(&claim);
            self.out.asked.push(claim);
            step = self.socket.resolved(allowed, place, &mut piece, &mut acts);
        }
        match step {
            Ok(_) => self.out.up.extend_from_slice(&piece),
            Err(close) => self.out.closed = Some(close),
        }
        for note in acts.notes {
            if note != Note::Act || !self.out.notes.contains(&note) {
                self.out.notes.push(note);
            }
        }
    }

    fn down(&mut self, bytes: &[u8]) {
        let place = Place { opcode: Opcode::Binary, first: true, last: true };
        let (mut piece, mut acts) = (bytes.to_vec(), Acts::default());
        let step = self.socket.from_session(place, &mut piece, &mut acts);
        assert_eq!(step, Ok(Judgement::Pass));
        self.out.down.extend_from_slice(&piece);
        self.out.notes.extend(acts.notes);
    }
}
