//! `portcullis users sync`: people are looked up because an administrator asks, who is answered when that is done.

use std::collections::BTreeSet;
use std::time::Instant;

use portcullis_model::UserName;
use portcullis_wire::admin::{FromDaemon, Synced};

use super::{Cause, Person};
use crate::admin::{By, number};
use crate::launcher::Launcher;

/// One under way.
#[derive(Debug)]
pub(crate) struct Syncing {
    left: BTreeSet<Person>,
    synced: Synced,
}

impl Syncing {
    /// The answer, once everybody was looked up, or it had its time.
    pub(crate) fn over(&self, late: bool) -> Option<Vec<FromDaemon>> {
        let synced = Synced { left: number(self.left.len()), ..self.synced };
        (self.left.is_empty() || late).then(|| vec![FromDaemon::Synced(synced)])
    }

    fn looked_at(&mut self, person: &Person, count: impl Fn(&mut Synced)) {
        if self.left.remove(person) {
            count(&mut self.synced);
        }
    }
}

impl Launcher {
    /// Has people looked up; told to `peer`.
    pub(crate) fn sync_for(&mut self, user: Option<&UserName>, by: &By, peer: u64, now: Instant) {
        let mut left = self.people_here();
        if let Some(user) = user {
            left.retain(|(_, name)| name == user);
        }
        let whom = user.map_or_else(String::new, ToString::to_string);
        self.record_act("users-sync", whom, number(left.len()).to_string(), by);
        for person in &left {
            self.sync.add(person.clone(), Cause::Asked(by.name.clone()));
        }
        self.admin.acts.begin_sync(Syncing { left, synced: Synced::default() }, peer, now);
    }

    /// Somebody was looked up.
    pub(super) fn count_for_administrators(&mut self, person: &Person, count: impl Fn(&mut Synced)) {
        self.admin.acts.syncing().for_each(|syncing| syncing.looked_at(person, &count));
    }
}
