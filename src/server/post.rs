//! What goes out to the launcher, and what of it is owed: records that are not on disk yet, questions without an answer.
//!
//! When a launcher goes away, records and what may be said twice wait for the next one; what it would have to answer from what
//! only it knew is given up, so that nobody waits in vain. Used by `launcher_link` on the control thread alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use portcullis_model::audit::Event;
use portcullis_model::lifetime::Sign;
use portcullis_model::session::State;
use portcullis_model::{SessionId, SignInId};
use portcullis_wire::launcher::OpenError;
use portcullis_wire::{ToLauncher, ToServer};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::told::Told;
use crate::world::World;

/// Messages that may wait for the next launcher: a busy server's minutes.
pub(crate) const BACKLOG_MAX: usize = 65_536;
/// Of what waited, so many a second are said: well below what the launcher takes from a server.
const CATCH_UP: u32 = 1000;
const SECOND: Duration = Duration::from_secs(1);

/// The outgoing side.
#[derive(Debug)]
pub(crate) struct Post {
    queue: mpsc::Receiver<ToLauncher>,
    backlog: VecDeque<ToLauncher>,
    /// Sent from the backlog since then.
    pace: (Instant, u32),
    /// Records that were sent, in order, and how many before them are on disk.
    unwritten: VecDeque<Event>,
    records: u64,
    sign_outs: HashSet<SignInId>,
    stops: HashMap<SessionId, SignInId>,
    opens: HashSet<u64>,
    talks: HashSet<u64>,
    paused: bool,
    /// What the next launcher has told of so far.
    told: Option<Told>,
}

impl Post {
    /// Empties this queue.
    pub(crate) fn new(queue: mpsc::Receiver<ToLauncher>) -> Self {
        Self {
            queue,
            backlog: VecDeque::new(),
            pace: (Instant::now(), 0),
            unwritten: VecDeque::new(),
            records: 0,
            sign_outs: HashSet::new(),
            stops: HashMap::new(),
            opens: HashSet::new(),
            talks: HashSet::new(),
            paused: false,
            told: None,
        }
    }

    /// Whether the launcher is about to leave: what comes up waits for the next one.
    pub(crate) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// The next message; what waited for a launcher goes first. May be dropped and asked again at any moment.
    pub(crate) async fn next(&mut self) -> ToLauncher {
        if !self.backlog.is_empty() {
            if self.pace.1 >= CATCH_UP {
                tokio::time::sleep_until(self.pace.0 + SECOND).await;
                self.pace = (Instant::now(), 0);
            }
            self.pace.1 += 1;
        }
        if let Some(message) = self.backlog.pop_front() {
            return message;
        }
        match self.queue.recv().await {
            Some(message) => message,
            None => std::future::pending().await,
        }
    }

    /// Without a launcher: takes one message in. May be dropped and asked again at any moment.
    pub(crate) async fn collect(&mut self) {
        if self.backlog.len() >= BACKLOG_MAX {
            // The queue fills up behind it, and who says something there counts what is lost.
            return std::future::pending().await;
        }
        match self.queue.recv().await {
            Some(message) => self.backlog.push_back(message),
            None => std::future::pending().await,
        }
    }

    /// A message went out.
    pub(crate) fn sent(&mut self, message: ToLauncher) {
        match message {
            ToLauncher::Audit(event) => {
                if self.unwritten.len() >= BACKLOG_MAX {
                    // The launcher has it, and says nothing because its disk refuses: the copy is what is given up.
                    self.unwritten.pop_front();
                    self.records += 1;
                }
                self.unwritten.push_back(event);
            }
            ToLauncher::SignOut { sign_in } => drop(self.sign_outs.insert(sign_in)),
            ToLauncher::StopSession { sign_in, session } => drop(self.stops.insert(session, sign_in)),
            ToLauncher::OpenSession { request, .. } => drop(self.opens.insert(request)),
            ToLauncher::SignInStart { conversation, .. } => drop(self.talks.insert(conversation)),
            ToLauncher::Paused => self.paused = true,
            _ => {}
        }
    }

    /// A message could not go out: it is the first for the next launcher.
    pub(crate) fn unsent(&mut self, message: ToLauncher) {
        if !matches!(message, ToLauncher::Carries(_) | ToLauncher::Paused | ToLauncher::Revoked { .. }) {
            self.backlog.push_front(message);
        }
    }

    /// So many records since the channel was opened are on disk.
    pub(crate) fn written(&mut self, records: u64) {
        while self.records < records && self.unwritten.pop_front().is_some() {
            self.records += 1;
        }
    }

    /// Without a launcher: whether the next one must be told something that nobody else knows.
    pub(crate) fn has_untold(&mut self) -> bool {
        self.take_in();
        let counts = |message: &ToLauncher| {
            matches!(
                message,
                ToLauncher::Audit(_) | ToLauncher::SignOut { .. } | ToLauncher::StopSession { .. }
            )
        };
        self.backlog.iter().any(counts)
    }

    /// Whether something is to be said, or was said and is not confirmed.
    pub(crate) fn owes(&mut self) -> bool {
        self.take_in();
        let said = self.unwritten.is_empty() && self.sign_outs.is_empty() && self.stops.is_empty();
        !said || !self.backlog.is_empty()
    }

    /// How long it takes to say what waits.
    pub(crate) fn catching_up(&self) -> Duration {
        SECOND * u32::try_from(self.backlog.len()).unwrap_or(u32::MAX).div_ceil(CATCH_UP)
    }

    fn take_in(&mut self) {
        while let Ok(message) = self.queue.try_recv() {
            self.backlog.push_back(message);
        }
    }

    /// What of a launcher's message settles something. The message is given back, unless it counts only with all that lives.
    pub(crate) fn hear(&mut self, message: ToServer, world: &World) -> Option<ToServer> {
        let message = match &mut self.told {
            Some(told) => told.hear(message)?,
            None => message,
        };
        self.settle(&message, world);
        Some(message)
    }

    fn settle(&mut self, message: &ToServer, world: &World) {
        match message {
            ToServer::Written { records } => self.written(*records),
            ToServer::SignInEnded { sign_in, .. } => drop(self.sign_outs.remove(sign_in)),
            ToServer::Session(session) if !matches!(session.state, State::Running | State::Launching(_)) => {
                self.stops.remove(&session.id);
            }
            ToServer::SessionForgotten(id) => drop(self.stops.remove(id)),
            ToServer::Opened { request, .. } => drop(self.opens.remove(request)),
            ToServer::SignedIn { conversation, .. } | ToServer::Denied { conversation, .. } => {
                self.talks.remove(conversation);
            }
            ToServer::Caught => {
                if let Some(told) = self.told.take() {
                    let gone = world.table.caught(told);
                    tracing::info!(gone, "the next launcher told what lives");
                    self.backlog.extend(acts(world));
                }
            }
            _ => {}
        }
    }

    /// The launcher is gone.
    pub(crate) fn lost(&mut self, world: &World) {
        self.paused = false;
        self.records = 0;
        // ORDER: in the order in which it happened: records, then what may be said once more.
        let mut again: VecDeque<ToLauncher> = self.unwritten.drain(..).map(ToLauncher::Audit).collect();
        again.extend(self.sign_outs.drain().map(|sign_in| ToLauncher::SignOut { sign_in }));
        let stops = self.stops.drain().map(|(session, sign_in)| ToLauncher::StopSession { sign_in, session });
        again.extend(stops);
        again.append(&mut self.backlog);
        self.backlog = again;
        for request in self.opens.drain() {
            world.opens.answer(request, Err(OpenError::Restarted));
        }
        world.accounts.forget_all();
        world.elsewhere.asked.forget_all();
        // Those who are asked something by PAM begin again: it went with the launcher.
        for conversation in self.talks.drain() {
            world.conversations.broke_off(conversation);
        }
    }

    /// The next launcher begins to tell what lives.
    pub(crate) fn catches_up(&mut self) {
        self.told = Some(Told::default());
        self.pace = (Instant::now(), 0);
    }

    /// There won't be another launcher: how many records are lost.
    pub(crate) fn give_up(&mut self) -> usize {
        self.take_in();
        self.backlog.iter().filter(|message| matches!(message, ToLauncher::Audit(_))).count()
    }
}

/// Acts of people that the launcher of before had not kept when it went: the next one must not judge without them.
fn acts(world: &World) -> Vec<ToLauncher> {
    let snapshot = world.table.load();
    let in_sessions = snapshot.sessions.iter().filter_map(|(session, live)| {
        let at = live.unheard()?;
        Some(ToLauncher::Activity { session: *session, at, by: Sign::Request })
    });
    let outside = snapshot.people.iter().filter_map(|(sign_in, person)| {
        let until = person.until();
        (until > person.sign_in.until).then_some(ToLauncher::Touch { sign_in: *sign_in, until })
    });
    in_sessions.chain(outside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: usize) -> ToLauncher {
        ToLauncher::Audit(Event::Stopped { why: id.to_string() })
    }

    fn number(message: Option<ToLauncher>) -> Option<usize> {
        match message? {
            ToLauncher::Audit(Event::Stopped { why }) => why.parse().ok(),
            _ => None,
        }
    }

    fn waiting(post: &mut Post) -> Option<ToLauncher> {
        post.take_in();
        post.backlog.pop_front()
    }

    #[tokio::test(start_paused = true)]
    async fn records_that_are_not_on_disk_are_said_again_in_order() {
        let (sender, queue) = mpsc::channel(64);
        let mut post = Post::new(queue);
        for id in 0..10 {
            sender.send(event(id)).await.expect("room");
        }
        for _ in 0..6 {
            let message = post.next().await;
            post.sent(message);
        }
        post.written(4);
        let world = crate::world::tests::world();
        post.lost(&world);
        assert!(post.unwritten.is_empty());
        for id in 4..10 {
            assert_eq!(number(Some(post.next().await)), Some(id));
        }
        post.written(2);
        assert!(waiting(&mut post).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_waited_is_said_no_faster_than_the_launcher_takes_it() {
        let (sender, queue) = mpsc::channel(4096);
        let mut post = Post::new(queue);
        for id in 0..2500 {
            sender.send(event(id)).await.expect("room");
            post.collect().await;
        }
        let began = Instant::now();
        for id in 0..2500 {
            assert_eq!(number(Some(post.next().await)), Some(id));
        }
        assert_eq!(began.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_out_is_said_until_it_is_confirmed_and_a_start_is_not_repeated() {
        let (sender, queue) = mpsc::channel(8);
        let mut post = Post::new(queue);
        let world = crate::world::tests::world();
        let [one, other] = [1, 2].map(|byte| SignInId::from_bytes([byte; 16]));
        for sign_in in [one, other] {
            sender.send(ToLauncher::SignOut { sign_in }).await.expect("room");
            let message = post.next().await;
            post.sent(message);
        }
        let (request, mut opened) = world.opens.begin();
        let open =
            ToLauncher::OpenSession { request, sign_in: one, ide: portcullis_model::session::Ide::Jupyter };
        post.sent(open);
        let ended =
            ToServer::SignInEnded { sign_in: one, why: portcullis_model::sign_in::SignInEnd::SignedOut };
        assert!(post.hear(ended, &world).is_some());
        post.lost(&world);
        assert!(matches!(opened.try_recv(), Ok(Err(OpenError::Restarted))));
        assert!(matches!(waiting(&mut post), Some(ToLauncher::SignOut { sign_in }) if sign_in == other));
        assert!(waiting(&mut post).is_none());
    }
}
