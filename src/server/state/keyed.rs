//! API keys in snapshots: taken in, judged anew with everybody else.
//!
//! Called by `state` and, through the table, by `launcher_link`.

use std::sync::Arc;

use portcullis_model::UserName;
use portcullis_model::key::KeyId;
use portcullis_wire::keys::KeyRow;

use super::{Person, SignInState, Snapshot, Table, cut};
use crate::keys::{Keyed, person_of};
use crate::standing::Standings;

impl Snapshot {
    /// Takes in keys, and returns what is to be cut: what hangs on those that would be decided otherwise now.
    fn take_keys(&mut self, rows: impl IntoIterator<Item = KeyRow>) -> Vec<Arc<SignInState>> {
        let mut others = Vec::new();
        let mut standings = Standings::new(&self.generation, &self.exemptions);
        for row in rows {
            let sign_in = person_of(&row);
            let standing = standings.of(&sign_in.principal);
            // What was remembered of it is void: it may be of other groups, or another role.
            let known = self.keys.remove(&row.key.id);
            let told = known.as_ref().map(|known| known.told.clone()).unwrap_or_default();
            let mut presence = SignInState::fresh(u64::MAX);
            if let Some(known) = known {
                let before = &known.person;
                let same = known.key == row.key && before.sign_in.role == sign_in.role;
                if same && standing.same_rules(&before.standing) {
                    presence = before.presence.clone();
                } else {
                    others.push(before.presence.clone());
                }
            }
            let person = Arc::new(Person { sign_in, standing, presence });
            self.keys.insert(row.key.id, Arc::new(Keyed { key: row.key, person, told }));
        }
        others
    }

    /// As [`Snapshot::epochs`], of a key.
    pub(crate) fn key_epochs(&self, id: &KeyId) -> (u64, u64) {
        (self.epoch, self.keys.epoch(id))
    }

    /// As [`Snapshot::judge_anew`], of keys; where they are switched off, everything that hangs on them ends.
    pub(super) fn judge_keys_anew(
        &mut self,
        concerned: impl Fn(&UserName) -> bool,
        other_rows: bool,
    ) -> Vec<Arc<SignInState>> {
        let mut others = Vec::new();
        let mut standings = Standings::new(&self.generation, &self.exemptions);
        let off = !self.generation.settings.people.api_keys_enabled;
        self.keys.rewrite(|keyed| {
            concerned(&keyed.person.sign_in.principal.user).then(|| {
                let standing = standings.of(&keyed.person.sign_in.principal);
                let (sign_in, mut presence) = (keyed.person.sign_in.clone(), keyed.person.presence.clone());
                if off || other_rows || !standing.same_rules(&keyed.person.standing) {
                    others.push(std::mem::replace(&mut presence, SignInState::fresh(u64::MAX)));
                }
                let person = Arc::new(Person { sign_in, standing, presence });
                Arc::new(Keyed { key: keyed.key.clone(), person, told: keyed.told.clone() })
            })
        });
        others
    }
}

impl Table {
    /// Keys may be used, or are others now.
    pub(crate) fn keys(&self, rows: Vec<KeyRow>) {
        let mut others = Vec::new();
        self.change(|next| others = next.take_keys(rows));
        cut(&others);
    }
}
