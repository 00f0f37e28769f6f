//! Machines that share the database: what others changed is told to the launcher, and others see that this one lives and how far it is.
//!
//! Nothing is believed here: what a row says of a sign-in, the launcher checks by its seal. Called by the role `store` alone.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use portcullis_factor::seal::FactorKey;
use portcullis_model::key::KeyId;
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{AccountId, SignInId};
use portcullis_runtime::Wire;
use portcullis_store::{ChangeKind, Changes, Error, KEPT, News, Node, Store};
use portcullis_wire::WireError;
use portcullis_wire::identity::{
    Elsewhere, FromStore, HistoryRow, Job, Machine, ROWS_AT_ONCE, StoreAnswer, StoreRefusal,
};
use tokio::sync::Notify;

use crate::job;
use crate::store::now;
use crate::words::{light, light_with_names, refusal};

/// Pause before changes that can't be heard are asked for again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often a machine says that it lives.
const BEAT: Duration = Duration::from_secs(5);
/// Milliseconds without a word after which nobody waits for a machine: three beats.
const SILENT: u64 = 15_000;
/// How often is looked whether the others have carried something out: a twentieth of the second that there is for it.
const LOOK: Duration = Duration::from_millis(50);

/// What this machine says of itself.
#[derive(Debug, Default)]
pub(crate) struct Beat {
    /// The last change that the launcher carried out; none before the beginning is known.
    applied: Cell<Option<u64>>,
    left: Cell<bool>,
    /// Which keys it has ([`keys_of`]).
    keys: RefCell<String>,
    wake: Notify,
}

impl Beat {
    /// The launcher carried everything out up to this change.
    pub(crate) fn applied(&self, revision: u64) {
        // A launcher that was taken over may say what it likes of itself; it never goes back.
        self.applied.set(self.applied.get().map(|before| before.max(revision)));
        self.wake.notify_one();
    }

    /// These are its keys from now on.
    pub(crate) fn keys(&self, keys: &str) {
        self.keys.replace(keys.to_owned());
        self.wake.notify_one();
    }

    /// This machine is being stopped.
    pub(crate) fn leave(&self) {
        self.left.set(true);
        self.wake.notify_one();
    }

    /// Says that this machine lives, until it leaves.
    pub(crate) async fn run(self: Rc<Self>, store: Store) {
        while !self.left.get() {
            if let Some(applied) = self.applied.get() {
                let keys = self.keys.borrow().clone();
                if let Err(error) = store.beat(&keys, applied, now()).await {
                    tracing::debug!(%error, "cannot say that this machine lives");
                }
            }
            // Late is as good as woken: both lead to a beat.
            let _ = tokio::time::timeout(BEAT, self.wake.notified()).await;
        }
        if let Err(error) = store.leave(now()).await {
            tracing::warn!(%error, "cannot say that this machine is being stopped");
        }
    }
}

/// What others change.
#[derive(Debug, Default)]
pub(crate) struct Others {
    changes: Option<Changes>,
    /// The last change that was there at the beginning, until it was told.
    behind: Option<u64>,
    /// Whether more was missed than the changes say.
    missed: bool,
}

impl Others {
    /// The next news; where they can't be heard yet, again and again. May be given up and called again.
    pub(crate) async fn next(&mut self, store: &Store, beat: &Beat) -> News {
        loop {
            match &mut self.changes {
                Some(changes) => return changes.next().await,
                None => match self.begin(store, beat).await {
                    Ok(Some(news)) => return news,
                    Ok(None) => {}
                    Err(_) => tokio::time::sleep(AGAIN).await,
                },
            }
        }
    }

    /// From where this machine was when it was stopped: what others ended meanwhile is over here too.
    async fn begin(&mut self, store: &Store, beat: &Beat) -> Result<Option<News>, Error> {
        let revision = store.revision().await?;
        let Some(before) = (if store.shared() { store.applied().await? } else { None }) else {
            beat.applied.set(Some(revision));
            self.changes = Some(store.changes_from(revision));
            // Nobody waits to hear that a database of this machine alone is there: its answers say so.
            return Ok(store.shared().then_some(News::Together));
        };
        // A database that was put back to an older copy has other changes under these numbers.
        let from = if before > revision { 0 } else { before };
        self.missed = before > revision;
        beat.applied.set(Some(from));
        self.changes = Some(store.changes_from(from));
        if from == revision {
            return Ok(Some(News::Together));
        }
        self.behind = Some(revision);
        Ok(None)
    }

    /// Tells the launcher.
    pub(crate) async fn tell(&mut self, wire: &Wire, store: &Store, news: News) -> Result<(), WireError> {
        if !store.shared() {
            return match news {
                News::Apart => wire.send(&FromStore::Apart(true)).await,
                News::Together => wire.send(&FromStore::Apart(false)).await,
                News::Missed(_) | News::Changed(_) => Ok(()),
            };
        }
        match news {
            News::Apart => wire.send(&FromStore::Apart(true)).await,
            News::Together => wire.send(&FromStore::Apart(false)).await,
            News::Missed(revision) => {
                wire.send(&FromStore::Missed).await?;
                self.told(wire, revision).await
            }
            News::Changed(changes) => {
                let Some(last) = changes.last().map(|change| change.revision) else { return Ok(()) };
                let theirs = changes.into_iter().filter(|change| !change.ours);
                let mut missed = std::mem::take(&mut self.missed);
                let (mut revoked, mut sign_ins, mut keys) = (Vec::new(), Vec::new(), Vec::new());
                for change in theirs {
                    match change.kind {
                        // Removed ones too: whoever keeps a copy must hear of it.
                        ChangeKind::Account => {
                            let Ok(id) = change.id.parse() else { continue };
                            match store.account(id).await {
                                Ok(account) => wire.send(&FromStore::Changed(vec![light(account)])).await?,
                                Err(_) => missed = true,
                            }
                        }
                        ChangeKind::Revoked => revoked.extend(change.id.parse::<AccountId>().ok()),
                        ChangeKind::SignIn => sign_ins.extend(change.id.parse::<SignInId>().ok()),
                        ChangeKind::Key => keys.extend(change.id.parse::<KeyId>().ok()),
                        ChangeKind::Group => {}
                    }
                }
                // ORDER: before their single sign-ins, so that what hangs on these is counted before it is cut.
                for id in revoked {
                    match store.account(id).await {
                        Ok(account) => {
                            let told = FromStore::Revoked { account: account.id, user: account.unix };
                            wire.send(&told).await?;
                        }
                        Err(_) => missed = true,
                    }
                }
                missed |= self.ended(wire, store, &sign_ins).await?;
                missed |= self.keys_changed(wire, store, &keys).await?;
                if missed {
                    // The stream is past these changes: only everything anew shows what they were.
                    wire.send(&FromStore::Missed).await?;
                }
                self.told(wire, last).await
            }
        }
    }

    /// Which of these are over; true when that can't be known.
    async fn ended(&self, wire: &Wire, store: &Store, ids: &[SignInId]) -> Result<bool, WireError> {
        let Ok(rows) = store.sign_ins(ids).await else { return Ok(true) };
        let ended: Vec<(SignInId, SignInEnd)> =
            rows.into_iter().filter_map(|row| Some((row.id, row.ended.map(|(_, why)| why)?))).collect();
        for some in ended.chunks(ROWS_AT_ONCE) {
            wire.send(&FromStore::EndedElsewhere(some.to_vec())).await?;
        }
        Ok(false)
    }

    /// What became of these keys; true when that can't be known.
    async fn keys_changed(&self, wire: &Wire, store: &Store, ids: &[KeyId]) -> Result<bool, WireError> {
        if ids.is_empty() {
            return Ok(false);
        }
        let Ok(keys) = store.keys(ids).await else { return Ok(true) };
        let (live, ended): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.ended.is_none());
        let ended: Vec<KeyId> = ended.into_iter().map(|key| key.id).collect();
        for some in ended.chunks(ROWS_AT_ONCE) {
            wire.send(&FromStore::KeysEndedElsewhere(some.to_vec())).await?;
        }
        let live: Vec<(KeyId, AccountId)> = live.into_iter().map(|key| (key.id, key.account)).collect();
        for some in live.chunks(ROWS_AT_ONCE) {
            wire.send(&FromStore::KeysElsewhere(some.to_vec())).await?;
        }
        Ok(false)
    }

    async fn told(&mut self, wire: &Wire, revision: u64) -> Result<(), WireError> {
        wire.send(&FromStore::Upto(revision)).await?;
        if self.behind.take_if(|behind| revision >= *behind).is_some() {
            wire.send(&FromStore::Apart(false)).await?;
        }
        Ok(())
    }
}

/// A sign-in that lives, wherever it began.
pub(crate) async fn known(store: &Store, id: SignInId) -> Result<StoreAnswer, Error> {
    let row = store.sign_ins(&[id]).await?.into_iter().next();
    let live = row.filter(|row| row.ended.is_none() && row.until > now());
    let Some(row) = live else { return Ok(StoreAnswer::Elsewhere(None)) };
    let (account, groups) = light_with_names(store.account(row.account).await?);
    let row = HistoryRow {
        id: row.id,
        account: row.account,
        method: row.method,
        remote: row.remote,
        agent: row.agent,
        since: row.since / 1000,
        seen: row.seen / 1000,
        until: row.until / 1000,
        seal: row.seal,
    };
    Ok(StoreAnswer::Elsewhere(Some(Box::new(Elsewhere { row, account, groups }))))
}

/// Which of the other machines have carried out everything that is written by now.
pub(crate) async fn machines(
    store: &Store,
    keys: &str,
    within: Duration,
) -> Result<StoreAnswer, StoreRefusal> {
    let began = Instant::now();
    let revision = store.revision().await.map_err(refusal)?;
    loop {
        let nodes = store.nodes().await.map_err(refusal)?;
        let now = now();
        let there =
            |node: &&Node| !store.is_this(node) && node.seen != 0 && now.saturating_sub(node.seen) < KEPT;
        let machines: Vec<Machine> =
            nodes.iter().filter(there).map(|node| machine(node, revision, keys, now)).collect();
        let waits = |one: &Machine| !one.applied && one.silent * 1000 < SILENT;
        if !machines.iter().any(waits) || began.elapsed() >= within {
            return Ok(StoreAnswer::Machines(machines));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What stands before the name of the factor key.
const FACTOR: &str = " factor=";

/// What a machine says of its keys: the ids of the cookie keys, and the factor key's, where it has one.
pub(crate) fn keys_of(job: &Job) -> String {
    let factor = job::secret(job, "factor-key").and_then(|secret| FactorKey::new(secret.expose()).ok());
    let factor = factor.map(|key| format!("{FACTOR}{}", key.id()));
    job.ring.join(" ") + &factor.unwrap_or_default()
}

fn ring_and_factor(keys: &str) -> (&str, Option<&str>) {
    keys.split_once(FACTOR).map_or((keys, None), |(ring, factor)| (ring, Some(factor)))
}

fn machine(node: &Node, revision: u64, keys: &str, now: u64) -> Machine {
    let ((ring, factor), (own_ring, own_factor)) = (ring_and_factor(&node.ring), ring_and_factor(keys));
    Machine {
        name: node.name.clone(),
        applied: node.applied >= revision,
        silent: now.saturating_sub(node.seen) / 1000,
        same_keys: ring == own_ring,
        same_factor_key: factor.is_none() || own_factor.is_none() || factor == own_factor,
        ahead: node.seen.saturating_sub(now),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::NodeId;

    use super::*;

    #[test]
    fn a_machine_is_as_far_as_it_says() {
        let node = Node {
            id: NodeId::from_bytes([1; 16]),
            name: "b".into(),
            ring: "0a1b2c3d factor=01020304".into(),
            seen: 10_000,
            applied: 7,
        };
        let seen = |revision, keys, now| machine(&node, revision, keys, now);
        let other = seen(7, "0a1b2c3d factor=05060708", 12_500);
        assert!(other.same_keys && !other.same_factor_key);
        assert!(seen(7, "0a1b2c3d factor=01020304", 12_500).same_factor_key);
        let (there, late) = (seen(7, "0a1b2c3d", 12_500), seen(8, "ffffffff", 7000));
        assert_eq!((there.applied, there.silent, there.same_keys, there.ahead), (true, 2, true, 0));
        assert_eq!((late.applied, late.silent, late.same_keys, late.ahead), (false, 0, false, 3000));
    }

    #[test]
    fn what_is_carried_out_never_goes_back() {
        let beat = Beat::default();
        beat.applied(5);
        assert_eq!(beat.applied.get(), None, "nothing is said before the beginning is known");
        beat.applied.set(Some(3));
        beat.applied(5);
        beat.applied(4);
        assert_eq!(beat.applied.get(), Some(5));
    }
}
