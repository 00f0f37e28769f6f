//! What was of an account: sign-ins that are over, and who looked at its sessions. Called by `store`.

use portcullis_model::AccountId;
use portcullis_model::proof::MethodName;
use portcullis_store::{Error, Look, ROWS_AT_ONCE, SignInRow, Store};
use portcullis_wire::accounts::{LOOKS_AT_ONCE, LookRow, OwnSignIn, PAST_AT_ONCE, Past, PastSignIn};
use portcullis_wire::identity::{Select, StoreAnswer};

use crate::store::now;
use crate::words::select;

/// What was of this account, as much of it as a page shows.
pub(crate) async fn past(store: &Store, account: AccountId) -> Result<StoreAnswer, Error> {
    let over = |row: SignInRow| {
        let (ended, why) = row.ended?;
        Some(PastSignIn {
            remote: row.remote,
            agent: row.agent,
            method: row.method,
            since: row.since / 1000,
            ended: ended / 1000,
            why,
        })
    };
    let sign_ins = store.history(account, None).await?.into_iter().filter_map(over);
    let look =
        |look: Look| LookRow { session: look.session, by: look.by, what: look.what, at: look.at / 1000 };
    let looks = store.looks(account).await?.into_iter().map(look);
    let living = store.sign_ins_elsewhere(account, now()).await?;
    let past = Past {
        sign_ins: sign_ins.take(PAST_AT_ONCE).collect(),
        looks: looks.take(LOOKS_AT_ONCE).collect(),
        more_elsewhere: living.len() >= ROWS_AT_ONCE,
        elsewhere: living.into_iter().filter_map(elsewhere).collect(),
    };
    Ok(StoreAnswer::Past(Box::new(past)))
}

/// A sign-in of another machine. One by a method that only a newer version has is not shown here.
fn elsewhere(row: SignInRow) -> Option<OwnSignIn> {
    Some(OwnSignIn {
        id: row.id,
        remote: row.remote,
        method: MethodName::ALL.into_iter().find(|method| method.word() == row.method)?,
        agent: row.agent,
        since: row.since / 1000,
        seen: row.seen / 1000,
        until: row.until / 1000,
        own: false,
        elsewhere: true,
    })
}

/// Somebody looked.
pub(crate) async fn looked(store: &Store, who: Select, look: LookRow) -> Result<StoreAnswer, Error> {
    let account = store.find(&select(who)).await?.id;
    let LookRow { session, by, what, at } = look;
    let look = Look { account, session, by, what, at: at.saturating_mul(1000) };
    store.looked(&look).await.map(|()| StoreAnswer::Done)
}
