//! What root asks about keys: those that sign cookies, and everybody's API keys.

use std::time::Instant;

use portcullis_model::key::{KeyEnd, KeyId};
use portcullis_wire::admin::{API_KEYS_AT_ONCE, ApiKeyRow, FromDaemon, Refusal, RingRow};
use portcullis_wire::identity::{StoreAnswer, StoreAsk, StoreRefusal};

use super::{By, number};
use crate::accounts::keys::Held;
use crate::identity::ForStore;
use crate::launcher::Launcher;

impl Launcher {
    /// `Keys`.
    pub(super) fn tell_admin_keys(&self) -> Vec<FromDaemon> {
        let mut answer = vec![FromDaemon::Ring(self.ring_rows())];
        let rows: Vec<ApiKeyRow> = self.keys.values().map(row).collect();
        answer.extend(rows.chunks(API_KEYS_AT_ONCE).map(|some| FromDaemon::ApiKeys(some.to_vec())));
        answer
    }

    /// Which sign-in began under which key is told by the time: a key signs from when its file is written.
    fn ring_rows(&self) -> Vec<RingRow> {
        let written = self.active.key_written;
        let newer = |since: u64| written.is_none_or(|at| since >= at);
        let sign_ins = self.sign_ins.values();
        let (new, old): (Vec<u64>, Vec<u64>) = sign_ins.map(|one| one.since).partition(|since| newer(*since));
        let keys = self.active.keys.iter().enumerate();
        keys.map(|(at, key)| RingRow {
            id: key.id.clone(),
            written: written.filter(|_| at == 0),
            sign_ins: number(if at == 0 { new.len() } else { old.len() }),
        })
        .collect()
    }

    /// `EndKey`.
    pub(super) fn end_key_for_admin(
        &mut self,
        peer: u64,
        key: KeyId,
        by: &By,
        now: Instant,
    ) -> Result<Vec<FromDaemon>, Refusal> {
        let user = self.keys.get(&key).map(|held| held.principal.user.clone());
        let Some(user) = user else {
            if !self.shares_accounts() {
                return Err(Refusal::NoKey(key));
            }
            // Of another machine, or of none: the database says.
            self.ask_store(ForStore::KeyEnd { peer, key, by: by.clone() }, StoreAsk::Key(key), now);
            return Ok(Vec::new());
        };
        self.end_key(key, KeyEnd::Administrator, Some(by));
        let cut = self.keys.take_cuts(&user);
        self.cut_these_keys(&user, cut, Some(peer), now);
        Ok(Vec::new())
    }

    /// What the database says of a key that an administrator ends.
    pub(crate) fn key_of_elsewhere(
        &mut self,
        peer: u64,
        id: KeyId,
        by: &By,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let refusal = match result {
            Ok(StoreAnswer::Key(Some(found))) if found.key.id == id => {
                self.end_key_elsewhere(&found, KeyEnd::Administrator, by);
                let cut = self.keys.take_cuts(&found.account.unix);
                return self.cut_these_keys(&found.account.unix, cut, Some(peer), now);
            }
            Ok(_) => Refusal::NoKey(id),
            Err(why) => Refusal::Account(why),
        };
        self.admin.tell(peer, vec![FromDaemon::Refused(refusal)]);
    }
}

fn row(held: &Held) -> ApiKeyRow {
    let key = &held.key;
    ApiKeyRow {
        id: key.id,
        user: held.principal.user.clone(),
        name: key.name.clone(),
        scopes: key.scopes.to_string(),
        role: key.role(held.role),
        sources: key.sources.iter().map(ToString::to_string).collect(),
        created: key.created / 1000,
        until: key.until.map(|until| until / 1000),
        used: key.last_used.map(|(at, from)| (at / 1000, from)),
        barred: match (held.locked, held.waits) {
            (true, _) => "locked".into(),
            (false, true) => "waits".into(),
            (false, false) => String::new(),
        },
    }
}
