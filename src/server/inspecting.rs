//! Between the engine and the policy: pieces of messages go in, records, answers and questions to the session come out.
//!
//! Records of consoles must not get lost: while the queue to the launcher is filling up, the direction they came from stands still
//! until there is room, and the WebSocket ends when there is none for long. Called by `pass`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_model::Effect;
use portcullis_model::audit::Event;
use portcullis_model::lifetime::Sign;
use portcullis_policy::inspect::{self, Acts, Flow, Judgement, Note, Opcode};
use portcullis_policy::{Flags, Inspector, Moved, PathClaim, Refusal};
use portcullis_proxy::{Answer, Close, Inspect, Kind, Outbox, Place, Side, Step};
use portcullis_wire::ToLauncher;

use crate::consoles::{Heard, TEXT_MAX};
use crate::door::Doors;
use crate::judging::Room;
use crate::pieces::word;
use crate::refusals::Refused;
use crate::state::{Live, Person, now};
use crate::world::World;

/// Time for room in the queue to the launcher.
const ROOM_WITHIN: Duration = Duration::from_secs(10);
/// Output is put together to records for so long: a program that prints by the line would make one of each.
const TOGETHER: Duration = Duration::from_secs(2);
/// And until it is so long.
const ENOUGH: usize = TEXT_MAX / 4;
/// Bytes of a message that are kept back without being counted: as much as a connection needs anyway.
const KEPT_FREE: usize = 64 * 1024;
/// Room for more is taken in steps.
const KEPT_STEP: usize = 1024 * 1024;
/// Stands for the method in the record of a refused message.
const MESSAGE: &str = "MESSAGE";

/// Whose WebSocket it is.
#[derive(Debug)]
pub(crate) struct Subject {
    /// Shared by all threads.
    pub(crate) world: Arc<World>,
    /// This thread's doors.
    pub(crate) doors: Rc<Doors>,
    /// Who.
    pub(crate) person: Arc<Person>,
    /// Which session.
    pub(crate) live: Arc<Live>,
    /// From where.
    pub(crate) remote: IpAddr,
    /// The IDE's own path.
    pub(crate) path: String,
}

/// What a direction stands still for.
#[derive(Debug, Default)]
enum Wait {
    #[default]
    Nothing,
    /// Room for records; then perhaps a path.
    Room(Option<PathClaim>),
    /// Where a path leads.
    Path,
}

/// Output that is being put together.
#[derive(Debug)]
struct Together {
    channel: Cow<'static, str>,
    text: String,
    since: Instant,
}

/// One inspected WebSocket.
#[derive(Debug)]
pub(crate) struct Inspecting {
    inspector: Inspector,
    subject: Subject,
    output: Option<Together>,
    /// Records there was no room for.
    owed: Vec<ToLauncher>,
    /// Room for the message that is kept back.
    rooms: Vec<Room>,
    up: Wait,
    down: Wait,
}

impl Inspecting {
    /// Of a WebSocket that is about to be opened.
    pub(crate) fn new(inspector: Inspector, subject: Subject) -> Self {
        Self {
            inspector,
            subject,
            output: None,
            owed: Vec::new(),
            rooms: Vec::new(),
            up: Wait::default(),
            down: Wait::default(),
        }
    }

    /// Counts what is kept back: many WebSockets of one person, each with half a message, would fill the memory of all.
    fn keep(&mut self) -> Result<(), Close> {
        let kept = self.inspector.kept();
        if kept <= KEPT_FREE {
            self.rooms.clear();
            return Ok(());
        }
        let Subject { world, person, .. } = &self.subject;
        while self.rooms.len() < kept.div_ceil(KEPT_STEP) {
            let step = u64::try_from(KEPT_STEP).unwrap_or(u64::MAX);
            let Some(room) = world.messages.room_now(person.user(), step) else {
                let reason = "too many long messages at once; try again when the others are through";
                self.closed(reason);
                return Err(Close { code: 1013, reason: reason.into() });
            };
            self.rooms.push(room);
        }
        Ok(())
    }

    /// Carries out what the inspector did, and says what becomes of the piece.
    fn settle(
        &mut self,
        from: Side,
        judged: Result<Judgement, inspect::Close>,
        acts: Acts,
        out: &mut Outbox,
    ) -> Result<Step, Close> {
        let Acts { notes, to_client, to_session } = acts;
        notes.into_iter().for_each(|note| self.note(note));
        to_client.into_iter().for_each(|(opcode, bytes)| out.send(Side::Client, kind(opcode), bytes));
        to_session.into_iter().for_each(|(opcode, bytes)| out.send(Side::Session, kind(opcode), bytes));
        let claim = match judged {
            Err(inspect::Close { code, reason }) => {
                self.closed(&reason);
                return Err(Close { code, reason });
            }
            Ok(Judgement::Pass) => None,
            Ok(Judgement::Ask(claim)) => Some(claim),
        };
        Ok(self.wait(from, claim))
    }

    /// Room first, then the path, then the piece goes on.
    fn wait(&mut self, from: Side, claim: Option<PathClaim>) -> Step {
        let (wait, step) = if !self.owed.is_empty() {
            (Wait::Room(claim), Step::Wait(self.room()))
        } else if let Some(claim) = claim {
            (Wait::Path, Step::Wait(self.resolve(&claim)))
        } else {
            (Wait::Nothing, Step::Pass)
        };
        match from {
            Side::Client => self.up = wait,
            Side::Session => self.down = wait,
        }
        step
    }

    /// Waits until the launcher's queue has taken what is owed.
    fn room(&mut self) -> Answer {
        let (world, owed) = (self.subject.world.clone(), std::mem::take(&mut self.owed));
        Box::pin(async move {
            let mut owed = owed.into_iter();
            while let Some(message) = owed.next() {
                // What was taken out is counted by whoever waits no longer: it may have been sent, or not.
                if !matches!(tokio::time::timeout(ROOM_WITHIN, world.link.ask(message)).await, Ok(Ok(()))) {
                    world.link.lose("console");
                    owed.for_each(|message| world.link.tell(message));
                    return false;
                }
            }
            true
        })
    }

    /// Follows a path as its user would, and asks whether it ends in an allowed directory.
    fn resolve(&self, claim: &PathClaim) -> Answer {
        let Subject { doors, person, live, .. } = &self.subject;
        let home = person.sign_in.principal.home.clone();
        let (doors, id, path) = (doors.clone(), live.session.id, claim.under(&home));
        let flags = restricting(person.flags_in(id));
        Box::pin(async move {
            // The home itself may be reached by a link: it is resolved beside the path. What can't be followed isn't allowed.
            match doors.resolve(id, vec![path, home]).await.as_deref() {
                Ok([Some(path), Some(home)]) => flags.directory_allows(path, home),
                _ => false,
            }
        })
    }

    fn note(&mut self, note: Note) {
        let Subject { world, person, live, .. } = &self.subject;
        match note {
            Note::Act => {
                let snapshot = world.table.load();
                world.acted(&snapshot.generation, person, live, now(), Sign::Input);
            }
            Note::Refused { what, refusal, passed } => self.refused(what, &refusal, passed),
            Note::Moved(moved) => world.link.audit(self.transfer(*moved)),
            Note::Console { channel, flow: Flow::Input, text } => {
                self.flush();
                self.heard(&channel, Flow::Input, text);
            }
            Note::Console { channel, flow: Flow::Output, text } => self.said(channel, text),
        }
    }

    /// Puts output together.
    fn said(&mut self, channel: Cow<'static, str>, text: String) {
        match &mut self.output {
            Some(output)
                if output.channel == channel
                    && output.since.elapsed() < TOGETHER
                    && output.text.len() + text.len() <= TEXT_MAX =>
            {
                output.text.push_str(&text);
            }
            _ => {
                self.flush();
                self.output = Some(Together { channel, text, since: Instant::now() });
            }
        }
        if self.output.as_ref().is_some_and(|output| output.text.len() >= ENOUGH) {
            self.flush();
        }
    }

    /// Records the output that was put together.
    fn flush(&mut self) {
        if let Some(Together { channel, text, .. }) = self.output.take() {
            self.heard(&channel, Flow::Output, text);
        }
    }

    fn heard(&mut self, channel: &str, flow: Flow, text: String) {
        let Subject { world, person, live, path, .. } = &self.subject;
        let (user, session, ide) = (person.user(), live.session.id, live.session.ide.word());
        let event = world.console(Heard { user, session, ide, path, channel, flow, text }, now());
        let Some(event) = event else { return };
        // ORDER: behind what is owed already.
        if self.owed.is_empty() {
            if let Err(message) = world.link.try_audit(event) {
                self.owed.push(*message);
            }
        } else {
            self.owed.push(ToLauncher::Audit(event));
        }
    }

    fn refused(&self, what: String, refusal: &Refusal, passed: bool) {
        let Subject { world, person, live, remote, path, .. } = &self.subject;
        let refused = Refused {
            user: person.user().to_owned(),
            session: live.session.id.to_string(),
            remote: *remote,
            capability: refusal.capability.word().to_owned(),
            what,
            rule: refusal.rule.clone(),
            ide: live.session.ide.word().to_owned(),
            method: MESSAGE.to_owned(),
            path: path.clone(),
            effect: if passed { Effect::Audit } else { Effect::Block },
        };
        world.refused(refused, now());
    }

    /// The inspector ends it: a message couldn't be read.
    fn closed(&self, reason: &str) {
        let flags = self.subject.person.flags_in(self.subject.live.session.id);
        let rule = flags.restriction_in(self.subject.live.session.ide).map(|denial| denial.rule());
        let rule = rule.unwrap_or_else(|| "messages are read here".to_owned());
        let Subject { world, person, live, remote, path, .. } = &self.subject;
        let refused = Refused {
            user: person.user().to_owned(),
            session: live.session.id.to_string(),
            remote: *remote,
            capability: portcullis_policy::Capability::Unknown.word().to_owned(),
            what: "a message that ended its WebSocket".to_owned(),
            rule: format!("{reason}; {rule}"),
            ide: live.session.ide.word().to_owned(),
            method: MESSAGE.to_owned(),
            path: path.clone(),
            effect: Effect::Block,
        };
        world.refused(refused, now());
    }

    fn transfer(&self, moved: Moved) -> Event {
        let Moved { transfer, sum, complete, range } = moved;
        Event::Transfer {
            user: self.subject.person.user().to_owned(),
            session: self.subject.live.session.id,
            direction: transfer.direction.word().to_owned(),
            path: transfer.path,
            bytes: sum.bytes,
            sha256: sum.hex(),
            hashed: word(true).to_owned(),
            range,
            complete,
        }
    }
}

/// The flags whose directories count: the person's, or those they would have but for the effect `audit`.
fn restricting(flags: &Arc<Flags>) -> Flags {
    let strict = flags.audited().filter(|_| !flags.restrict_directories.value);
    strict.unwrap_or(flags).clone()
}

const fn kind(opcode: Opcode) -> Kind {
    match opcode {
        Opcode::Text => Kind::Text,
        Opcode::Binary => Kind::Binary,
    }
}

const fn place(place: Place) -> inspect::Place {
    let opcode = match place.kind {
        Kind::Text => Opcode::Text,
        Kind::Binary => Opcode::Binary,
    };
    inspect::Place { opcode, first: place.first, last: place.last }
}

impl Inspect for Inspecting {
    fn opened(&mut self, subprotocol: Option<&str>) {
        self.inspector.opened(subprotocol);
    }

    fn wants_session(&self) -> bool {
        self.inspector.wants_session()
    }

    fn from_client(&mut self, at: Place, piece: &mut Vec<u8>, out: &mut Outbox) -> Result<Step, Close> {
        let mut acts = Acts::default();
        let judged = self.inspector.from_client(place(at), piece, &mut acts);
        let step = self.settle(Side::Client, judged, acts, out)?;
        self.keep().map(|()| step)
    }

    fn from_session(&mut self, at: Place, piece: &mut Vec<u8>, out: &mut Outbox) -> Result<Step, Close> {
        let mut acts = Acts::default();
        let judged = self.inspector.from_session(place(at), piece, &mut acts);
        if at.last && acts.notes.is_empty() {
            // Something else was said: what was shown before is complete.
            self.flush();
        }
        self.settle(Side::Session, judged, acts, out)
    }

    fn resolved(
        &mut self,
        from: Side,
        answer: bool,
        at: Place,
        piece: &mut Vec<u8>,
        out: &mut Outbox,
    ) -> Result<Step, Close> {
        let waited = match from {
            Side::Client => std::mem::take(&mut self.up),
            Side::Session => std::mem::take(&mut self.down),
        };
        match waited {
            Wait::Nothing => Ok(Step::Pass),
            Wait::Room(claim) if answer => Ok(self.wait(from, claim)),
            Wait::Room(_) => {
                Err(Close { code: 1013, reason: "what you do here can't be recorded at the moment".into() })
            }
            Wait::Path => {
                let mut acts = Acts::default();
                let judged = self.inspector.resolved(answer, place(at), piece, &mut acts);
                self.settle(from, judged, acts, out)
            }
        }
    }
}

impl Drop for Inspecting {
    fn drop(&mut self) {
        let mut acts = Acts::default();
        self.inspector.ended(&mut acts);
        acts.notes.into_iter().for_each(|note| self.note(note));
        self.flush();
        let owed = std::mem::take(&mut self.owed);
        // Nobody is left to wait: what there is no room for is counted as lost.
        owed.into_iter().for_each(|message| self.subject.world.link.tell(message));
    }
}
