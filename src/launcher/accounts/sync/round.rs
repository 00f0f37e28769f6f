//! The files changed: about whom that is, and that these were looked up.
//!
//! Who is looked up is whose lines are others than at the last reading ([`lines`](super::lines)); everybody, where that can't be said.
//! Nobody's look counts as one of the files of now if they changed while it was under way: it is made again (`check`). So what was
//! looked at and what was read are of the same files in the end, whatever was in them in between.

use std::collections::BTreeSet;

use portcullis_model::{Gid, UserName};

use super::read::Files;
use super::{Cause, Person};
use crate::launcher::Launcher;
use crate::log::{chain, say};

impl Launcher {
    /// Everybody who is signed in, has a session or a key.
    pub(super) fn people_here(&self) -> BTreeSet<Person> {
        self.people_of(|_, _, _| true)
    }

    /// Those of them, by name, group, and groups' names as they are known.
    fn people_of(&self, is: impl Fn(&UserName, Gid, &[String]) -> bool) -> BTreeSet<Person> {
        let live = self.sessions.values().filter(|entry| entry.kept.session.state.is_live());
        // A session alone doesn't know its owner's own group; the files do, if it is theirs.
        let theirs = live.filter(|e| is(&e.kept.session.user, Gid(u32::MAX), &e.kept.groups));
        let mut all: BTreeSet<Person> = theirs.map(|e| (e.kept.uid, e.kept.session.user.clone())).collect();
        let sign_ins = self.sign_ins.values().map(|one| &one.principal);
        // Whose key waits is known by the name that they had: that may be somebody else's by now.
        let keys = self.keys.values().filter(|held| !held.waits).map(|held| &held.principal);
        let principals = sign_ins.chain(keys).filter(|who| is(&who.user, who.gid, &who.groups));
        all.extend(principals.map(|who| (who.uid, who.user.clone())));
        all
    }

    /// Has those looked up about whom the change is.
    pub(super) fn look_who_changed(&mut self, cause: &Cause) {
        // ORDER: read after the change was heard, and before anybody is looked up. What changes from here on is heard afterwards, and
        // read again.
        let Files { stamp, lines } = Files::read(&self.sync.key);
        let unread = lines.as_ref().err().map(|error| chain(error));
        let before = std::mem::replace(&mut self.sync.lines, lines.ok());
        let changes = match (&self.sync.lines, &before) {
            // What was in the files as a launcher looked last, this one never read.
            _ if *cause == Cause::Start => None,
            (Some(now), Some(before)) => Some(now.changes(before)),
            _ => None,
        };
        let mut people = match &changes {
            Some(changes) => self.people_of(|user, gid, groups| changes.touch(user.as_str(), gid, groups)),
            None => self.people_here(),
        };
        // Whom nobody could look up may have changed before.
        people.extend(self.sync.unsure.iter().cloned());
        say!(Debug, "the files of accounts changed, looked up: {} people", people.len());
        people.into_iter().for_each(|person| self.sync.add(person, cause.clone()));
        // With those whom an earlier change is about, and whose looks may be of the files of before.
        self.sync.round = Some((stamp, self.sync.to_look_at()));
        if unread != self.sync.unread {
            if let Some(why) = &unread {
                say!(Info, "everybody is looked up at each change of the files of accounts: {why}");
            }
            self.sync.unread = unread;
        }
        self.end_round();
    }

    /// Whether everybody of the round was looked up; then the files are known.
    pub(super) fn end_round(&mut self) {
        if self.sync.round.as_ref().is_some_and(|(_, left)| left.is_empty()) {
            self.sync.files = self.sync.round.take().map(|(files, _)| files);
            self.dirty.soon();
        }
    }
}
