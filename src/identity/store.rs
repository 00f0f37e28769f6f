//! The role `store`: the database of accounts, behind the launcher's questions.
//!
//! While the database can't be opened the launcher hears nothing and lets nobody new in; this role tries again until it can. Asks are
//! answered side by side. It holds no account in memory.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portcullis_conf::Settings;
use portcullis_model::SignInId;
use portcullis_model::account::Profile;
use portcullis_model::role_rule::RoleRules;
use portcullis_model::sign_in::SignInEnd;
use portcullis_runtime::{Wire, chain};
use portcullis_store::{Config, Error, OpenError, Store};
use portcullis_wire::WireError;
use portcullis_wire::identity::{
    AccountAct, FromStore, HistoryRow, Job, StoreAnswer, StoreAsk, StoreRefusal, ToStore,
};

use crate::factors::{self, Factors};
use crate::others::{self, Beat, Others};
use crate::past;
use crate::place::place;
use crate::words::{groups_that_differ, light, refusal, select};
use crate::{Ended, job};

/// Pause before a database that could not be opened is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// The same where the process of before has it still: it was told to end, and needs milliseconds.
const LEFT_AGAIN: Duration = Duration::from_millis(50);
/// For how long that is waited for; whoever has the database then is somebody else.
const LEFT_WITHIN: Duration = Duration::from_secs(5);
/// A day, in milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;
/// How often what is over is forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// What the role works with.
struct Kept {
    store: Store,
    rules: RoleRules,
    node: String,
    /// The ids of this machine's keys.
    keys: String,
    /// What is said of this machine to others.
    beat: Rc<Beat>,
    /// `sign-in-history-days`.
    history_days: u32,
    factors: Factors,
}

/// Runs the role until the launcher goes away.
pub(crate) async fn run(wire: Wire) -> Result<(), Ended> {
    let wire = Rc::new(wire);
    let (ToStore::Job(job), fds) = wire.receive::<ToStore>().await? else { return Err(Ended::Order) };
    let bundle = fds.into_iter().next().map(std::fs::File::from);
    let mut kept = Rc::new(open(&wire, job, bundle).await?);
    wire.send(&FromStore::Ready).await?;
    let mut others = Others::default();
    if kept.store.shared() {
        kept.beat.keys(&kept.keys);
        tokio::task::spawn_local(kept.beat.clone().run(kept.store.clone()));
    }
    let mut prune = tokio::time::interval(PRUNE_EVERY);
    loop {
        tokio::select! {
            received = wire.receive::<ToStore>() => match received?.0 {
                ToStore::Job(job) => {
                    let fresh = Kept::new(kept.store.clone(), &job::settings(&job)?, &job);
                    kept = Rc::new(Kept { beat: kept.beat.clone(), ..fresh });
                    kept.beat.keys(&kept.keys);
                }
                ToStore::Applied(revision) => kept.beat.applied(revision),
                ToStore::Leave => kept.beat.leave(),
                ToStore::Ask { request, ask } => {
                    let (wire, kept) = (wire.clone(), kept.clone());
                    tokio::task::spawn_local(async move {
                        let result = answer(&kept, *ask).await;
                        let sent = wire.send(&FromStore::Answer { request, result }).await;
                        if let Err(WireError::TooLarge) = sent {
                            // ORDER: said, never silent: whoever asked must know that it may be done.
                            let result = Err(StoreRefusal::Broken("the answer is larger than a message".into()));
                            let _ = wire.send(&FromStore::Answer { request, result }).await;
                        }
                        // A launcher that is gone is noticed by whoever receives.
                    });
                }
            },
            news = others.next(&kept.store, &kept.beat) => others.tell(&wire, &kept.store, news).await?,
            // Beside the asks: people wait for those.
            _ = prune.tick() => drop(tokio::task::spawn_local(forget(kept.clone()))),
        }
    }
}

impl Kept {
    fn new(store: Store, settings: &Settings, job: &Job) -> Self {
        let history_days = settings.kept.sign_in_history_days;
        let (node, keys) = (job.node.to_string(), others::keys_of(job));
        let factors = Factors::new(settings, job);
        Self { store, rules: settings.role_rules(), node, keys, beat: Rc::default(), history_days, factors }
    }
}

/// Forgets what is over. What fails is tried again the next time.
async fn forget(kept: Rc<Kept>) {
    let (store, now) = (&kept.store, now());
    let before = now.saturating_sub(u64::from(kept.history_days) * DAY);
    for (what, gone) in [
        ("changes", store.prune_changes(now).await),
        ("sign-ins", store.prune_sign_ins(before, now).await),
        ("looks", store.prune_looks(before, now).await),
        ("spent ids", store.prune_spent(now).await),
        ("factors that were never confirmed", store.prune_factors(now.saturating_sub(DAY), now).await),
    ] {
        match gone {
            Ok(gone) => tracing::debug!(what, gone, "forgotten"),
            Err(error) => tracing::warn!(what, cause = %chain(&error), "cannot forget what is over"),
        }
    }
}

/// Opens the database; where that fails for a reason that passes, again and again, while the launcher is there.
async fn open(wire: &Wire, mut job: Box<Job>, bundle: Option<std::fs::File>) -> Result<Kept, Ended> {
    let mut settings = job::settings(&job)?;
    let config = Config {
        place: place(&settings.database, &job, bundle),
        node: job.node,
        node_name: nix::unistd::gethostname()
            .map_or_else(|_| String::new(), |name| name.to_string_lossy().into()),
    };
    let began = Instant::now();
    let mut said = false;
    loop {
        let mut pause = AGAIN;
        match Store::open(config.clone()).await {
            Ok(store) => {
                return Ok(Kept::new(store, &settings, &job));
            }
            // That of a launcher of before is being ended at this moment.
            Err(OpenError::InUse(_)) if began.elapsed() < LEFT_WITHIN => pause = LEFT_AGAIN,
            Err(OpenError::Failed(error)) if error.passes() => {
                if !std::mem::replace(&mut said, true) {
                    tracing::error!(cause = %chain(&error), "the database can't be reached");
                }
            }
            Err(error) => return Err(job::JobError::Database(error).into()),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Nothing is asked before the role is ready: a word now is the launcher's end, or a newer job. Where the database is, only
            // a restart changes; all else counts from here on.
            heard = wire.receive::<ToStore>() => if let ToStore::Job(newer) = heard?.0 {
                settings = job::settings(&newer)?;
                job = newer;
            },
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    u64::try_from(since).unwrap_or(u64::MAX)
}

async fn answer(kept: &Kept, ask: StoreAsk) -> Result<StoreAnswer, StoreRefusal> {
    let store = &kept.store;
    let found = match ask {
        StoreAsk::Open(opening) => {
            store.open_account(&who_of(*opening), &kept.rules, now()).await.map(account_of)
        }
        StoreAsk::Began(rows) => {
            let rows: Vec<_> = rows.into_iter().map(|row| sign_in(row, &kept.node)).collect();
            began(kept, &rows).await.map(StoreAnswer::Over)
        }
        StoreAsk::Ended(rows) => {
            let ended = |row: portcullis_wire::identity::EndedRow| portcullis_store::Ended {
                id: row.id,
                at: row.at.saturating_mul(1000),
                why: row.why,
                unless_moved: row.unless_moved,
            };
            let rows: Vec<_> = rows.into_iter().map(ended).collect();
            store.ended(&rows, now()).await.map(|_| StoreAnswer::Done)
        }
        StoreAsk::List { after, locked, matching } => {
            let listing = portcullis_store::Listing { after, locked, matching };
            store.list(&listing).await.map(|(rows, more)| StoreAnswer::Accounts { rows, more })
        }
        StoreAsk::Find(who) => store.find(&select(who)).await.map(|account| StoreAnswer::Account {
            account: Box::new(account),
            made: false,
            before: None,
        }),
        StoreAsk::Sync { who, next } => return sync(kept, *who, next).await,
        StoreAsk::NotSynced { account, next } => {
            store.synced(account, false, next, now()).await.map(|()| StoreAnswer::Done)
        }
        StoreAsk::Act { by, act } => return act_on(kept, &by, *act).await,
        StoreAsk::Factor(ask) => {
            let told = factors::answer(store, &kept.factors, *ask, now()).await;
            return told.map(|told| StoreAnswer::Factor(Box::new(told)));
        }
        StoreAsk::KeyAdd(_)
        | StoreAsk::KeysEnded(_)
        | StoreAsk::KeysUsed(_)
        | StoreAsk::KeysOf(_)
        | StoreAsk::KeysSealed(_)
        | StoreAsk::Key(_)
        | StoreAsk::Groups { .. }
        | StoreAsk::Group(_)
        | StoreAsk::Members { .. }
        | StoreAsk::GroupAct(_) => return crate::owned::answer(store, ask, now()).await,
        StoreAsk::There => store.there(now()).await.map(|()| StoreAnswer::Done),
        StoreAsk::Known(id) => others::known(store, id).await,
        StoreAsk::Revoke(row) => {
            let at = row.at.saturating_mul(1000).saturating_add(999);
            match store.revoke(row.user.as_str(), row.account, at, now()).await {
                // Theirs too that no machine has in memory just now.
                Ok(whose) => store.revoke_keys(&whose, at, now()).await.map(|()| StoreAnswer::Done),
                Err(error) => Err(error),
            }
        }
        StoreAsk::Machines { within } => {
            let within = Duration::from_millis(within.into());
            return others::machines(store, &kept.keys, within).await;
        }
        StoreAsk::Mine { after } => store.mine(after).await.map(StoreAnswer::Mine),
        StoreAsk::Past { account } => past::past(store, account).await,
        StoreAsk::Spend { id, until } => {
            store.spend(&id, until.saturating_mul(1000), now()).await.map(StoreAnswer::Spent)
        }
        StoreAsk::Looked { who, look } => past::looked(store, who, look).await,
    };
    found.map_err(refusal)
}

/// What is known of somebody who is signed in: groups, and the role that these give.
async fn sync(
    kept: &Kept,
    who: portcullis_wire::identity::Opening,
    next: u64,
) -> Result<StoreAnswer, StoreRefusal> {
    let opened = kept.store.sync_account(&who_of(who), &kept.rules, now()).await.map_err(refusal)?;
    let synced = kept.store.synced(opened.account.id, true, next, now()).await;
    if let Err(error) = synced {
        // Nothing is lost by it: the account is looked up again, at the latest with its next turn.
        tracing::info!(cause = %chain(&error), "cannot write that an account was looked up");
    }
    Ok(account_of(opened))
}

fn who_of(opening: portcullis_wire::identity::Opening) -> portcullis_store::Opening {
    portcullis_store::Opening {
        identity: opening.identity,
        username: opening.username,
        unix: opening.unix,
        attributes: opening.attributes,
        groups: opening.groups,
        register: opening.register,
    }
}

fn account_of(opened: portcullis_store::Opened) -> StoreAnswer {
    let (before, account) = match opened.before {
        Some(before) => {
            let (before, account) = groups_that_differ(before, opened.account);
            (Some(before), account)
        }
        None => (None, light(opened.account)),
    };
    let (account, before) = (Box::new(account), before.map(Box::new));
    StoreAnswer::Account { account, made: opened.made, before }
}

async fn act_on(kept: &Kept, by: &str, act: AccountAct) -> Result<StoreAnswer, StoreRefusal> {
    let store = &kept.store;
    let changed = |changed: portcullis_store::Changed| StoreAnswer::Changed {
        before: Box::new(light(changed.before)),
        after: Box::new(light(changed.after)),
    };
    match act {
        AccountAct::Alter { change, force: false, .. } if change.role.is_some() && kept.rules.governs() => {
            Err(StoreRefusal::Rule(
                "roles come from `user-role-mapping`: change the groups or the attribute, or say --force"
                    .into(),
            ))
        }
        AccountAct::Add { identity, username, unix, attributes, role } => {
            let text = |text: Option<String>| text.unwrap_or_default();
            let profile = Profile {
                first: text(attributes.first),
                last: text(attributes.last),
                email: text(attributes.email),
                display: String::new(),
            };
            let new = portcullis_store::NewAccount { identity, username, unix, profile, role };
            let added = store.add_account(&new, by, &kept.rules, now()).await.map_err(refusal)?;
            Ok(StoreAnswer::Account { account: Box::new(light(added)), made: true, before: None })
        }
        AccountAct::Alter { who, change, force } => {
            let change = portcullis_store::AccountChange {
                role: change.role,
                username: change.username,
                unix: change.unix,
                identity: change.identity,
                first: change.first,
                last: change.last,
                email: change.email,
                display: None,
            };
            store.alter(&select(who), &change, by, force, now()).await.map(changed).map_err(refusal)
        }
        AccountAct::Lock(who) => store.lock(&select(who), by, now()).await.map(changed).map_err(refusal),
        AccountAct::Unlock(who) => store.unlock(&select(who), now()).await.map(changed).map_err(refusal),
        AccountAct::Transfer { from, to, keys, remove } => {
            let (giver, taker) = (store.find(&select(from)).await, store.find(&select(to)).await);
            let (giver, taker) = (giver.map_err(refusal)?.id, taker.map_err(refusal)?.id);
            if giver == taker {
                return Err(StoreRefusal::Rule("nothing is transferred from an account to itself".into()));
            }
            let by_id = portcullis_store::Select::Id;
            let done = store.transfer(&by_id(giver), &by_id(taker), keys, now()).await.map_err(refusal)?;
            // What is transferred stays so, and is said, also where the account has to stay.
            let (from, but) = match remove {
                true => match store.remove(&by_id(giver), false, now()).await {
                    Ok(removed) => (removed.after, None),
                    Err(error) => (done.from, Some(error.to_string())),
                },
                false => (done.from, None),
            };
            Ok(StoreAnswer::Transferred {
                from: Box::new(light(from)),
                to: Box::new(light(done.to)),
                moved: done.moved.into_iter().map(|(what, count)| (what.to_owned(), count)).collect(),
                kept: but,
            })
        }
        AccountAct::Remove { who, force } => {
            let removed = store.remove(&select(who), force, now()).await.map_err(refusal)?;
            let (before, after) = (light(removed.before), light(removed.after));
            Ok(StoreAnswer::Changed { before: Box::new(before), after: Box::new(after) })
        }
        AccountAct::DropFactors(who) => {
            let told = factors::drop_all(store, &select(who), now()).await;
            told.map(|told| StoreAnswer::Factor(Box::new(told)))
        }
    }
}

/// Writes rows of sign-ins that live at the launcher; which of them must not.
async fn began(
    kept: &Kept,
    rows: &[portcullis_store::SignInRow],
) -> Result<Vec<(SignInId, SignInEnd)>, Error> {
    kept.store.began(rows, now()).await?;
    let ids: Vec<SignInId> = rows.iter().map(|row| row.id).collect();
    let (mut over, mut live) = (Vec::new(), HashMap::new());
    for row in kept.store.sign_ins(&ids).await? {
        let lives = match live.get(&row.account) {
            Some(lives) => *lives,
            None => {
                let lives = match kept.store.account(row.account).await {
                    Ok(account) => account.live(),
                    Err(Error::Absent { .. }) => false,
                    // Nothing is known then, and nobody is put out for it.
                    Err(error) => return Err(error),
                };
                live.insert(row.account, lives);
                lives
            }
        };
        // Whose time is over is the launcher's to say: people's acts move it there first.
        let ended = row.ended.map(|(_, why)| why).filter(|why| *why != SignInEnd::Expired);
        let locked = (!lives).then_some(SignInEnd::Account);
        over.extend(locked.or(ended).map(|why| (row.id, why)));
    }
    Ok(over)
}

/// A row of the launcher's, whose times are seconds.
fn sign_in(row: HistoryRow, node: &str) -> portcullis_store::SignInRow {
    portcullis_store::SignInRow {
        id: row.id,
        account: row.account,
        method: row.method,
        factors: String::new(),
        remote: row.remote,
        agent: row.agent,
        node: node.to_owned(),
        since: row.since.saturating_mul(1000),
        until: row.until.saturating_mul(1000),
        seen: row.seen.saturating_mul(1000),
        ended: None,
        seal: row.seal,
    }
}
