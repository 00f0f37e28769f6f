//! A socket of the editor, both ways: first words, calls, answers.
//!
//! Flat: of a message only its start is kept, as far as a decision needs it; a file that is saved streams through. What can't be
//! read ends the socket while a flag takes something away, and passes as it is while none does. Made by
//! [`inspector`](crate::inspect::inspector).

use std::collections::{HashMap, VecDeque};
use std::mem::take;
use std::sync::Arc;

use portcullis_model::session::Ide;

use super::call;
use super::carry::Carry;
use super::facts;
use super::frame::{CONTROL, Event, REGULAR, Stand};
use super::hello::{self, Carries};
use super::judge::{Judge, Moves};
use super::known::Known;
use super::method_call;
use super::typed::{Typed, recorded};
use super::value::Lack;
use crate::inspect::{Acts, Close, Inspect, Judgement, Note, Opcode, Place};
use crate::{Capability, Direction, Flags, PathClaim, Refusal};

/// Files that are under way to the browser, of which the answer says the size.
const FETCHES_MAX: usize = 64;

/// What the socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// So many of the first words were said.
    Greeting(u8),
    /// They are over.
    Open(Carries),
    /// It can't be read, and nothing is taken away.
    Unread,
}

/// A call that waits for its paths to be resolved.
#[derive(Debug)]
struct Waiting {
    claims: VecDeque<PathClaim>,
    asked: PathClaim,
    /// What is found is only recorded.
    recorded: bool,
    capability: Capability,
    what: String,
    refused: call::Owned,
    moves: Option<Moves>,
    act: bool,
    /// The part of the piece that comes after it.
    rest: Vec<u8>,
    /// The part that goes on before it.
    before: Vec<u8>,
}

/// The state of both directions.
pub(crate) struct Socket {
    pub(super) flags: Arc<Flags>,
    judge: Judge,
    pub(super) stage: Stage,
    up: Stand,
    pub(super) down: Stand,
    waiting: Option<Box<Waiting>>,
    /// A file on its way in.
    upload: Option<Carry>,
    /// Calls for files, by their numbers.
    pub(super) fetches: HashMap<u32, String>,
    /// A file on its way out.
    pub(super) download: Option<Carry>,
    typed: Typed,
}

type Outcome = Result<Judgement, Close>;

impl Socket {
    /// Of a person with this home.
    pub(crate) fn new(flags: &Arc<Flags>, home: &str) -> Self {
        Self {
            flags: flags.clone(),
            judge: Judge { home: home.to_owned(), known: Known::default() },
            stage: Stage::Greeting(0),
            up: Stand::default(),
            down: Stand::default(),
            waiting: None,
            upload: None,
            fetches: HashMap::new(),
            download: None,
            typed: Typed::default(),
        }
    }

    /// Reads on from the client.
    fn climb(&mut self, input: &[u8], out: &mut Vec<u8>, acts: &mut Acts) -> Outcome {
        let mut at = 0;
        loop {
            if self.stage == Stage::Unread || self.stage == Stage::Open(Carries::Tunnel) {
                out.extend_from_slice(&input[at..]);
                return Ok(Judgement::Pass);
            }
            let before = out.len();
            let event = self.up.advance(input, &mut at, out);
            carried(&mut self.upload, &self.up, &out[before..], acts);
            match event {
                Event::Hungry => return Ok(Judgement::Pass),
                Event::Begun(head) => match (self.stage, head.kind) {
                    (Stage::Greeting(_), CONTROL) if head.length > hello::MOST => {
                        self.unreadable("its first words are too long", out)?;
                    }
                    (Stage::Greeting(_), CONTROL) => {
                        self.up = Stand::Kept(head, Vec::new(), head.length);
                    }
                    (Stage::Greeting(_), REGULAR) => {
                        self.unreadable("it calls before its first words", out)?;
                    }
                    // The first message says who calls, or what the extension host is to load.
                    (Stage::Open(_), REGULAR) if head.id != 1 => {
                        self.up = Stand::Kept(head, Vec::new(), 1.min(head.length));
                    }
                    _ => self.up.pass(&head, out),
                },
                Event::Ready => match self.stage {
                    Stage::Greeting(said) => self.greet(said, out, acts)?,
                    Stage::Open(Carries::Management) => {
                        if let Some(claim) = self.call(&input[at..], out, acts)? {
                            return Ok(Judgement::Ask(claim));
                        }
                    }
                    Stage::Open(_) => self.method(out, acts)?,
                    Stage::Unread => self.up.release(out),
                },
            }
        }
    }

    /// One of the first words is there.
    fn greet(&mut self, said: u8, out: &mut Vec<u8>, acts: &mut Acts) -> Result<(), Close> {
        let Stand::Kept(_, message, _) = &self.up else { return Ok(()) };
        if said == 0 {
            self.stage = Stage::Greeting(1);
            self.up.release(out);
            return Ok(());
        }
        let Some(carries) = hello::carries(message) else {
            return self.unreadable("it asks to be something unknown", out);
        };
        if carries == Carries::Tunnel {
            if let Some(denial) = self.flags.denies_in(Ide::CodeServer, Capability::PortProxy) {
                let refusal = Refusal::port_proxy(&denial);
                let close = Close { code: 1008, reason: refusal.text.replace('`', "").into() };
                acts.notes.push(refused("tunnel to a port", Box::new(refusal), false));
                return Err(close);
            }
        }
        self.stage = Stage::Open(carries);
        self.up.release(out);
        Ok(())
    }

    /// The start of a call to the server is there; the path it must wait for.
    fn call(&mut self, rest: &[u8], out: &mut Vec<u8>, acts: &mut Acts) -> Result<Option<PathClaim>, Close> {
        let Stand::Kept(head, body, want) = &mut self.up else { return Ok(None) };
        let facts = match facts::read(body, head.length) {
            Ok(Some(facts)) => facts,
            Ok(None) => {
                self.up.release(out);
                return Ok(None);
            }
            Err(Lack::More(more)) if more > body.len() => {
                *want = more;
                return Ok(None);
            }
            Err(_) => return self.unreadable("a call can't be read", out).map(|()| None),
        };
        let decided = self.judge.decide(&self.flags, &facts);
        let mut claims = match decided {
            Ok(claims) => VecDeque::from(claims),
            Err(refusal) => {
                let body = call::refusal(&facts.call, &refusal.text);
                acts.notes.push(refused(&facts.what(), refusal, false));
                self.up.replace(&body, out);
                return Ok(None);
            }
        };
        let mut recorded = false;
        match self.flags.audited().map(|strict| self.judge.decide(strict, &facts)) {
            Some(Err(refusal)) => acts.notes.push(refused(&facts.what(), refusal, true)),
            Some(Ok(stricter)) if claims.is_empty() => (claims, recorded) = (stricter.into(), true),
            _ => {}
        }
        if let Err(refusal) = self.typed.hear(&self.flags, &facts, acts) {
            let body = call::refusal(&facts.call, &refusal.text);
            acts.notes.push(refused(&facts.what(), refusal, false));
            self.up.replace(&body, out);
            return Ok(None);
        }
        let act = self.judge.is_act(&facts);
        let moves = self.judge.passed(&facts);
        let capability = facts.command.map_or(Capability::Unknown, |command| command.capability());
        if let Some(asked) = claims.pop_front() {
            let refused = facts.call.owned();
            let what = facts.what();
            let (rest, before) = (rest.to_vec(), take(out));
            let claim = asked.clone();
            let waiting =
                Waiting { claims, asked, recorded, capability, what, refused, moves, act, rest, before };
            self.waiting = Some(Box::new(waiting));
            return Ok(Some(claim));
        }
        let number = facts.call.id;
        self.goes(number, moves, act, out, acts);
        Ok(None)
    }

    /// A call goes on.
    fn goes(&mut self, number: u32, moves: Option<Moves>, act: bool, out: &mut Vec<u8>, acts: &mut Acts) {
        if act {
            acts.act();
        }
        match moves {
            Some(moves) if moves.direction == Direction::Download => {
                if self.fetches.len() >= FETCHES_MAX {
                    // Whoever asks for more without taking the answers leaves them all unrecorded but for their start.
                    let files = self.fetches.drain().map(|(_, path)| path);
                    let begun = files.map(|path| Carry::new(Direction::Download, path, usize::MAX));
                    acts.notes.extend(begun.map(Carry::note));
                }
                self.fetches.insert(number, moves.path);
            }
            Some(moves) => {
                let mut carry = Carry::new(moves.direction, moves.path, moves.bytes);
                if let Stand::Kept(_, body, _) = &self.up {
                    carry.feed(&body[moves.begins.min(body.len())..]);
                }
                self.upload = Some(carry);
            }
            None => {}
        }
        self.up.release(out);
        carried(&mut self.upload, &self.up, &[], acts);
    }

    /// The start of a call to the extension host is there.
    fn method(&mut self, out: &mut Vec<u8>, acts: &mut Acts) -> Result<(), Close> {
        let Stand::Kept(head, body, want) = &mut self.up else { return Ok(()) };
        let call = match method_call::read(body, head.length) {
            Ok(Some(call)) => call,
            Ok(None) => {
                self.up.release(out);
                return Ok(());
            }
            Err(Lack::More(more)) if more > body.len() => {
                *want = more;
                return Ok(());
            }
            Err(_) => return self.unreadable("a call of the extension host can't be read", out),
        };
        match call.decide(&self.flags) {
            Ok(()) => {
                if let Some(Err(refusal)) = self.flags.audited().map(|strict| call.decide(strict)) {
                    acts.notes.push(refused(&call.what(), refusal, true));
                }
                if call.is_act() {
                    acts.act();
                }
                self.up.release(out);
            }
            Err(refusal) => {
                let body = call.refusal(refusal.capability);
                acts.notes.push(refused(&call.what(), refusal, false));
                self.up.replace(&body, out);
            }
        }
        Ok(())
    }

    /// What can't be read can't be judged, nor recorded.
    fn unreadable(&mut self, why: &'static str, out: &mut Vec<u8>) -> Result<(), Close> {
        if self.flags.restriction_in(Ide::CodeServer).is_some() || recorded(&self.flags) {
            return Err(Close::because(1007, why));
        }
        self.stage = Stage::Unread;
        match take(&mut self.up) {
            Stand::Head(bytes, have) => out.extend_from_slice(&bytes[..have]),
            mut kept @ Stand::Kept(..) => kept.release(out),
            Stand::Pass(_) | Stand::Drop(_) => {}
        }
        Ok(())
    }
}

/// Feeds a file with what passed of its message, and notes it once the message is through.
pub(super) fn carried(carry: &mut Option<Carry>, stand: &Stand, passed: &[u8], acts: &mut Acts) {
    let Some(file) = carry else { return };
    file.feed(passed);
    if !matches!(stand, Stand::Pass(left) if *left > 0) {
        acts.notes.extend(carry.take().map(Carry::note));
    }
}

fn refused(what: &str, refusal: Box<Refusal>, passed: bool) -> Note {
    Note::Refused { what: what.to_owned(), refusal, passed }
}

impl Inspect for Socket {
    fn wants_session(&self) -> bool {
        true
    }

    fn from_client(&mut self, place: Place, piece: &mut Vec<u8>, acts: &mut Acts) -> Outcome {
        if place.opcode == Opcode::Text {
            self.unreadable("the editor sends no text", &mut Vec::new())?;
        }
        if matches!(self.up, Stand::Pass(left) if left > piece.len()) {
            // A file on its way: nothing to look at, nothing to copy.
            if let Stand::Pass(left) = &mut self.up {
                *left -= piece.len();
            }
            carried(&mut self.upload, &self.up, piece, acts);
            return Ok(Judgement::Pass);
        }
        let input = take(piece);
        self.climb(&input, piece, acts)
    }

    fn from_session(&mut self, _place: Place, piece: &mut Vec<u8>, acts: &mut Acts) -> Outcome {
        if let Stand::Pass(left) = &mut self.down {
            if *left > piece.len() {
                *left -= piece.len();
                carried(&mut self.download, &self.down, piece, acts);
                return Ok(Judgement::Pass);
            }
        }
        let input = take(piece);
        self.descend(&input, piece, acts);
        Ok(Judgement::Pass)
    }

    fn resolved(&mut self, allowed: bool, _place: Place, piece: &mut Vec<u8>, acts: &mut Acts) -> Outcome {
        let Some(mut waiting) = self.waiting.take() else { return Ok(Judgement::Pass) };
        let strict = self.flags.audited().filter(|_| waiting.recorded);
        if let Some(strict) = strict.filter(|_| !allowed) {
            // One is enough for the record; the call goes on.
            let refusal = crate::outside(strict, waiting.capability, &waiting.asked.under(&self.judge.home));
            acts.notes.push(refused(&waiting.what, Box::new(refusal), true));
            waiting.claims.clear();
        }
        let allowed = allowed || waiting.recorded;
        if allowed {
            if let Some(next) = waiting.claims.pop_front() {
                waiting.asked = next.clone();
                self.waiting = Some(waiting);
                return Ok(Judgement::Ask(next));
            }
        }
        *piece = take(&mut waiting.before);
        if allowed {
            self.goes(waiting.refused.id, waiting.moves.take(), waiting.act, piece, acts);
        } else {
            let path = waiting.asked.under(&self.judge.home);
            let refusal = crate::outside(&self.flags, waiting.capability, &path);
            let body = call::refusal(&waiting.refused.borrowed(), &refusal.text);
            acts.notes.push(refused(&waiting.what, Box::new(refusal), false));
            self.up.replace(&body, piece);
        }
        let rest = take(&mut waiting.rest);
        self.climb(&rest, piece, acts)
    }

    fn ended(&mut self, acts: &mut Acts) {
        acts.notes.extend([self.upload.take(), self.download.take()].into_iter().flatten().map(Carry::note));
        self.typed.end(&self.flags, acts);
    }
}
