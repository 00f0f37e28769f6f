//! Accounts, as programs ask for them.

use http::StatusCode;
use portcullis_model::AccountId;
use portcullis_model::account::{Identity, Provider, UniqueId};
use portcullis_wire::accounts::{AccountAnswer, Wish};
use portcullis_wire::owned::{NewPersonWish, OwnedAnswer, OwnedWish, PersonEdit};
use serde_json::{Map, Value};

use super::answers::{Refusal, Told};
use super::routes::Op;
use super::shapes::{self, id, limit, needed, page, parameter, parsed, text};
use super::{ask, ask_owned, otherwise};
use crate::call::Call;

/// Accounts of one answer: what fits a message of the launcher's.
const PEOPLE_MAX: u32 = 32;

/// Does it.
pub(super) async fn carry(
    call: &Call<'_>,
    op: Op,
    ids: &[&str],
    body: &Map<String, Value>,
) -> Result<Told, Refusal> {
    let who = || {
        ids.first().map_or_else(|| Err(Refusal::value(3, "the id is missing")), |text| id::<AccountId>(text))
    };
    match op {
        Op::OwnAccount => person(ask_owned(call, OwnedWish::Person { of: None }).await?),
        Op::User => person(ask_owned(call, OwnedWish::Person { of: Some(who()?) }).await?),
        Op::Users => list(call).await,
        Op::UserAdd => {
            let answer = ask_owned(call, OwnedWish::PersonAdd(wanted(body)?)).await?;
            person(answer).map(|told| Told { status: StatusCode::CREATED, ..told })
        }
        Op::UserEdit => {
            let edit = edit(body)?;
            if edit == PersonEdit::default() {
                return Err(Refusal::value(12, "nothing is to be changed"));
            }
            person(ask_owned(call, OwnedWish::PersonEdit { who: who()?, edit }).await?)
        }
        Op::UserLock => {
            let who = who()?;
            let Some(Value::Bool(locked)) = body.get("locked") else {
                return Err(Refusal::value(12, "`locked` is true or false"));
            };
            let wish = if *locked { Wish::Lock(who) } else { Wish::Unlock(who) };
            match ask(call, wish).await? {
                AccountAnswer::Changed(account) => Ok(Told::of(shapes::user(&account))),
                _ => Err(otherwise()),
            }
        }
        _ => Err(otherwise()),
    }
}

fn person(answer: OwnedAnswer) -> Result<Told, Refusal> {
    match answer {
        OwnedAnswer::Person(account) => Ok(Told::of(shapes::user(&account))),
        _ => Err(otherwise()),
    }
}

async fn list(call: &Call<'_>) -> Result<Told, Refusal> {
    let limit = limit(call, PEOPLE_MAX)? as usize;
    let after = match parameter(call, "next") {
        Some(text) => text.parse().map_err(|_| Refusal::value(25, "`next` is of no list of accounts"))?,
        None => 0,
    };
    let locked = parameter(call, "account_status").is_some_and(|status| status == "locked");
    let matching = parameter(call, "prefix").unwrap_or_default();
    match ask(call, Wish::People { after, locked, matching }).await? {
        AccountAnswer::People { mut rows, more } => {
            let more = more || rows.len() > limit;
            rows.truncate(limit);
            let next = rows.last().filter(|_| more).map(|last| last.number.to_string());
            Ok(Told::of(page(call, rows.iter().map(shapes::user).collect(), next)))
        }
        _ => Err(otherwise()),
    }
}

fn edit(body: &Map<String, Value>) -> Result<PersonEdit, Refusal> {
    Ok(PersonEdit {
        role: parsed(body, "user_role", 112)?,
        username: text(body, "username")?,
        first: text(body, "first_name")?,
        last: text(body, "last_name")?,
        email: text(body, "email")?,
    })
}

fn wanted(body: &Map<String, Value>) -> Result<NewPersonWish, Refusal> {
    let username = needed(body, "username")?;
    let provider = parsed::<Provider>(body, "provider", 25)?.unwrap_or(Provider::System);
    let unique = parsed::<UniqueId>(body, "unique_id", 130)?
        .ok_or_else(|| Refusal::value(130, "`unique_id` is missing"))?;
    let unix = text(body, "unix_name")?.unwrap_or_else(|| username.clone());
    let unix = unix.parse().map_err(|_| Refusal::value(7, "`unix_name` can't be the name of an account"))?;
    let edit = PersonEdit { username: None, ..edit(body)? };
    Ok(NewPersonWish { identity: Identity { provider, unique }, username, unix, edit })
}
