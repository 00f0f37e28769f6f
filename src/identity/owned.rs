//! What accounts own, as the store is asked about it: API keys, and groups of our own. Called by [`store`](crate::store).

use portcullis_model::key::KeyId;
use portcullis_store::{Error, Group, Page, Store};
use portcullis_wire::identity::{GroupAct, GroupRow, KeyElsewhere, StoreAnswer, StoreAsk, StoreRefusal};

use crate::words::{light_with_names, refusal};

/// Answers what is about keys and groups; `now` in milliseconds since 1970.
pub(crate) async fn answer(store: &Store, ask: StoreAsk, now: u64) -> Result<StoreAnswer, StoreRefusal> {
    let found = match ask {
        StoreAsk::KeyAdd(key) => store.add_key(&key, now).await.map(|()| StoreAnswer::Done),
        StoreAsk::KeysEnded(ended) => end_keys(store, &ended, now).await,
        StoreAsk::KeysUsed(used) => store.keys_used(&used, now).await.map(|()| StoreAnswer::Done),
        StoreAsk::KeysSealed(seals) => store.seal_keys(&seals, now).await.map(|()| StoreAnswer::Done),
        StoreAsk::Key(id) => key(store, id, now).await,
        StoreAsk::KeysOf(account) => store.keys_of(account).await.map(StoreAnswer::Keys),
        StoreAsk::Groups { after, limit } => {
            let page = page(after, limit);
            store.groups(&page).await.map(|groups| {
                let more = groups.len() > wanted(limit);
                let rows = groups.into_iter().take(wanted(limit)).map(row).collect();
                StoreAnswer::Groups { rows, more }
            })
        }
        StoreAsk::Group(id) => store.group(id).await.map(|group| unchanged(row(group))),
        StoreAsk::Members { group, after, limit } => {
            // An unknown group has nobody in it, and is said to be unknown.
            match store.group(group).await {
                Ok(_) => store.members(group, &page(after, limit)).await.map(|mut rows| {
                    let more = rows.len() > wanted(limit);
                    rows.truncate(wanted(limit));
                    StoreAnswer::Members { rows, more }
                }),
                Err(error) => Err(error),
            }
        }
        StoreAsk::GroupAct(act) => return act_on(store, act, now).await.map_err(group_refusal),
        // The others are not about what is owned.
        _ => return Err(StoreRefusal::Broken("another question than one about keys and groups".into())),
    };
    found.map_err(refusal)
}

/// A key that lives, wherever it was made.
async fn key(store: &Store, id: KeyId, now: u64) -> Result<StoreAnswer, Error> {
    let key = store.keys(&[id]).await?.into_iter().next();
    let live = key.filter(|key| key.ended.is_none() && key.until.is_none_or(|until| now < until));
    let Some(key) = live else { return Ok(StoreAnswer::Key(None)) };
    let (account, groups) = light_with_names(store.account(key.account).await?);
    Ok(StoreAnswer::Key(Some(Box::new(KeyElsewhere { key, account, groups }))))
}

async fn end_keys(store: &Store, ended: &[(KeyId, u64)], now: u64) -> Result<StoreAnswer, Error> {
    for (id, at) in ended {
        match store.end_key(*id, (*at).min(now)).await {
            // One that was never written lives nowhere.
            Ok(_) | Err(Error::Absent { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(StoreAnswer::Done)
}

async fn act_on(store: &Store, act: GroupAct, now: u64) -> Result<StoreAnswer, Error> {
    let (row, changed) = match act {
        GroupAct::Add { name, owner } => (row(store.add_group(&name, owner, now).await?), true),
        GroupAct::Rename { group, name } => {
            store.rename_group(group, &name, now).await?;
            (row(store.group(group).await?), true)
        }
        GroupAct::Remove(group) => {
            let before = row(store.group(group).await?);
            store.remove_group(group, now).await?;
            (before, true)
        }
        GroupAct::Member { group, account, member } => {
            let changed = store.set_member(group, account, member, now).await?;
            (row(store.group(group).await?), changed)
        }
    };
    Ok(StoreAnswer::Group { row, changed })
}

const fn unchanged(row: GroupRow) -> StoreAnswer {
    StoreAnswer::Group { row, changed: false }
}

fn group_refusal(error: Error) -> StoreRefusal {
    match error {
        Error::Exists(name) => StoreRefusal::Exists(name),
        error => refusal(error),
    }
}

fn row(group: Group) -> GroupRow {
    let Group { id, name, owner, created, members } = group;
    GroupRow { id, name, owner, created, members }
}

/// Rows of one answer: a message has room for twice as many.
const fn wanted(limit: u32) -> usize {
    if limit > 99 { 99 } else { limit as usize }
}

/// One row more than wanted says whether there are more.
fn page(after: Option<(String, String)>, limit: u32) -> Page {
    Page { after, limit: wanted(limit) + 1 }
}
