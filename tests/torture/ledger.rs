//! What was acknowledged, and must therefore be true for ever: cookies that were revoked, sessions that were ended, and a record
//! in the audit log for each act.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use portcullis_testing::audit::Tail;
use portcullis_testing::{World, until};
use serde_json::Value;

/// Longer than a session takes to end, with a launcher killed meanwhile.
const END_SECONDS: u64 = 60;

/// A cookie that must never work again.
#[derive(Debug, Clone)]
pub(crate) struct Revoked {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
    /// Whose it was.
    pub(crate) user: String,
    /// A session of theirs: the one of now, while they are there.
    pub(crate) session: String,
    /// By which event, for whoever reads that it works.
    pub(crate) by: String,
}

/// The books.
#[derive(Debug)]
pub(crate) struct Ledger {
    tail: Tail,
    /// Cookies.
    pub(crate) revoked: Vec<Revoked>,
    /// Sessions that we ended or killed.
    ended: BTreeSet<String>,
    /// Events with a name, and how many records of them there must be.
    acknowledged: BTreeMap<(String, String), u64>,
    recorded: BTreeMap<(String, String), u64>,
    started: BTreeMap<String, i32>,
    over: BTreeMap<String, String>,
    /// What is wrong with the log, once each.
    pub(crate) broken: BTreeSet<String>,
    /// Acknowledged ends that did not come.
    pub(crate) unended: Vec<String>,
}

impl Ledger {
    /// Of a world that was just started.
    pub(crate) fn new(world: &World) -> Self {
        Self {
            tail: Tail::new(&world.state_dir()),
            revoked: Vec::new(),
            ended: BTreeSet::new(),
            acknowledged: BTreeMap::new(),
            recorded: BTreeMap::new(),
            started: BTreeMap::new(),
            over: BTreeMap::new(),
            broken: BTreeSet::new(),
            unended: Vec::new(),
        }
    }

    /// An act was acknowledged: there must be a record of it, with this name in the field that tells whose it is.
    pub(crate) fn acknowledge(&mut self, event: &str, whose: &str) {
        *self.acknowledged.entry((event.to_owned(), whose.to_owned())).or_default() += 1;
    }

    /// A session is ended or killed by us.
    pub(crate) fn end(&mut self, session: &str) {
        self.ended.insert(session.to_owned());
    }

    /// Reads what came to the log.
    pub(crate) fn read(&mut self) {
        let records = match self.tail.more() {
            Ok(records) => records,
            Err(error) => {
                self.broken.insert(format!("{error:#}"));
                return;
            }
        };
        for record in records {
            self.note(&record);
        }
    }

    fn note(&mut self, record: &Value) {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let (event, session) = (text("event"), text("session"));
        match event.as_str() {
            "session-started" => {
                let pid = record["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
                self.started.insert(session.clone(), pid.unwrap_or(0));
            }
            "session-ended" => {
                self.over.insert(session.clone(), text("why"));
            }
            _ => {}
        }
        let whose = match event.as_str() {
            "session-started" | "session-ended" => session,
            "sign-in-ended" => format!("{} {}", text("user"), text("why")),
            "configured" => text("outcome"),
            _ => text("user"),
        };
        *self.recorded.entry((event, whose)).or_default() += 1;
    }

    /// The process of a session, as its record names it.
    ///
    /// # Errors
    /// When no record comes.
    pub(crate) fn process_of(&mut self, session: &str) -> Result<i32> {
        until::some("a record of the session's start", 30, || {
            self.read();
            Ok(self.started.get(session).copied())
        })
    }

    /// Waits for the record of a session's end, which was acknowledged or can't fail to come.
    pub(crate) fn await_end(&mut self, session: &str, event: &str) {
        let came = until::some("a session's end", END_SECONDS, || {
            self.read();
            Ok(self.over.contains_key(session).then_some(()))
        });
        if came.context("no end").is_err() {
            self.unended.push(format!("session {session} after {event}"));
        }
    }

    /// Sessions whose end is recorded and that nobody ended.
    pub(crate) fn lost(&self) -> Vec<String> {
        let mine = |id: &&String| !self.ended.contains(*id);
        self.over.keys().filter(mine).map(|id| format!("session {id} ended: {}", self.over[id])).collect()
    }

    /// Acknowledged acts without a record.
    pub(crate) fn unrecorded(&self) -> Vec<String> {
        let missing = |((event, whose), wanted): (&(String, String), &u64)| {
            let found = self.recorded.get(&(event.clone(), whose.clone())).copied().unwrap_or_default();
            (found < *wanted).then(|| format!("{event} of {whose}: {wanted} acknowledged, {found} recorded"))
        };
        self.acknowledged.iter().filter_map(missing).collect()
    }

    /// How many acts were acknowledged, and how many records there are.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.acknowledged.values().sum(), self.tail.count())
    }
}
