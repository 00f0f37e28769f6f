//! What everybody looks at: which event is under way, which generation of servers serves, and what broke off during which event.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use portcullis_testing::steps::Broke;
use serde::Serialize;

use crate::events::{Blame, Event};

/// A launcher that doesn't come back is found by whoever waits for it; the load only must not wait for ever.
const LONGEST: Duration = Duration::from_secs(120);

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// Requests over HTTP/1 and HTTP/2.
    Request,
    /// WebSockets over both.
    WebSocket,
    /// Downloads and uploads.
    Transfer,
}

impl Class {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Request, Self::WebSocket, Self::Transfer];

    /// For tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Request => "requests",
            Self::WebSocket => "WebSockets",
            Self::Transfer => "transfers",
        }
    }
}

/// Something that broke off.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Dropped {
    /// During which event.
    pub(crate) event: usize,
    /// What that was.
    pub(crate) during: String,
    /// Who is to blame.
    pub(crate) blame: Blame,
    /// What it was.
    pub(crate) class: Class,
    /// Whose, over what, and what the client saw.
    pub(crate) why: String,
}

#[derive(Debug, Default)]
struct State {
    number: usize,
    event: Option<Event>,
    under_way: bool,
    dropped: Vec<Dropped>,
    wrong: Vec<String>,
}

/// The board.
#[derive(Debug, Default)]
pub(crate) struct Board {
    state: Mutex<State>,
    changed: Condvar,
    generation: AtomicU64,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding it")
    }

    /// An event begins.
    pub(crate) fn begin(&self, number: usize, event: Event) {
        let mut state = self.state();
        (state.number, state.event, state.under_way) = (number, Some(event), true);
    }

    /// The daemon says that it is ready; what the event broke off may still have to be noticed.
    pub(crate) fn over(&self) {
        self.state().under_way = false;
        self.changed.notify_all();
    }

    /// Everybody went on since: what breaks off from now on has nothing to do with it.
    pub(crate) fn settled(&self) {
        self.state().event = None;
    }

    /// Another server serves.
    pub(crate) fn next_generation(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// How many servers served before this one.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Something broke off, or brought wrong bytes.
    pub(crate) fn broke(&self, class: Class, who: &str, broke: &Broke) {
        let mut state = self.state();
        let during = state.event.map_or_else(|| "nothing".to_owned(), |event| event.to_string());
        let why = format!("{who}: {broke}");
        if matches!(broke, Broke::Wrong(_)) {
            let number = state.number;
            state.wrong.push(format!("event {number} ({during}): {why}"));
            return;
        }
        let blame = state.event.map_or(Blame::Nothing, Event::blame);
        let event = state.number;
        state.dropped.push(Dropped { event, during, blame, class, why });
    }

    /// Waits until no event is under way: whoever was cut off comes again when the daemon says that it is there.
    pub(crate) fn await_over(&self) {
        let state = self.state();
        drop(self.changed.wait_timeout_while(state, LONGEST, |state| state.under_way));
    }

    /// What broke off, and what was wrong.
    pub(crate) fn found(&self) -> (Vec<Dropped>, Vec<String>) {
        let state = self.state();
        (state.dropped.clone(), state.wrong.clone())
    }
}
