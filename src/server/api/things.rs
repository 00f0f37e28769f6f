//! Keys, groups, sessions and the audit log, as programs ask for them.

use http::StatusCode;
use portcullis_model::key::{Scope, Scopes};
use portcullis_model::permission::Rule;
use portcullis_model::session::Ide;
use portcullis_model::{AccountId, GroupId, SessionId};
use portcullis_wire::owned::{NewKeyWish, OwnedAnswer, OwnedWish};
use portcullis_wire::watch::Search;
use serde_json::{Map, Value, json};

use super::answers::{Refusal, Told, ruled};
use super::routes::Op;
use super::shapes::{self, after, cursor, id, limit, needed, page, parameter, parsed, texts};
use super::{ask_owned, otherwise};
use crate::call::Call;
use crate::home::unavailable;

/// Groups or members of one answer.
const GROUPS_MAX: u32 = 99;

/// Does it.
pub(super) async fn carry(
    call: &Call<'_>,
    op: Op,
    ids: &[&str],
    body: &Map<String, Value>,
) -> Result<Told, Refusal> {
    let at = |place: usize| ids.get(place).copied().unwrap_or_default();
    let wish = match op {
        Op::Keys => OwnedWish::Keys { of: Some(id::<AccountId>(at(0))?) },
        Op::KeyAdd => OwnedWish::KeyCreate(wanted(id(at(0))?, body)?),
        Op::KeyEnd => OwnedWish::KeyEnd { of: Some(id(at(0))?), key: id(at(1))? },
        Op::Groups => OwnedWish::Groups { after: after(call)?, limit: limit(call, GROUPS_MAX)? },
        Op::GroupAdd => OwnedWish::GroupAdd { name: needed(body, "name")? },
        Op::Group => OwnedWish::Group(id::<GroupId>(at(0))?),
        Op::GroupRename => OwnedWish::GroupRename { group: id(at(0))?, name: needed(body, "name")? },
        Op::GroupRemove => OwnedWish::GroupRemove(id(at(0))?),
        Op::Members => {
            OwnedWish::Members { group: id(at(0))?, after: after(call)?, limit: limit(call, GROUPS_MAX)? }
        }
        Op::MemberAdd => {
            OwnedWish::Member { group: id(at(0))?, who: id(&needed(body, "user_guid")?)?, member: true }
        }
        Op::MemberRemove => OwnedWish::Member { group: id(at(0))?, who: id(at(1))?, member: false },
        Op::Audit => OwnedWish::Audit(search(call)?),
        Op::Sessions => return sessions(call),
        Op::SessionOpen => OwnedWish::SessionOpen(ide(call, body)?),
        Op::SessionStop => OwnedWish::SessionStop(id::<SessionId>(at(0))?),
        Op::OwnAccount | Op::Users | Op::UserAdd | Op::User | Op::UserEdit | Op::UserLock => {
            return Err(otherwise());
        }
    };
    let answer = ask_owned(call, wish).await?;
    told(call, op, answer)
}

fn told(call: &Call<'_>, op: Op, answer: OwnedAnswer) -> Result<Told, Refusal> {
    let made = |body| Told { status: StatusCode::CREATED, body: Some(body) };
    Ok(match answer {
        OwnedAnswer::Done => Told::nothing(),
        OwnedAnswer::Keys(keys) => Told::of(Value::Array(keys.iter().map(shapes::key).collect())),
        OwnedAnswer::KeyMade { key, text } => {
            let mut shape = shapes::key(&key);
            shape["key"] = json!(String::from_utf8_lossy(text.0.expose()));
            made(shape)
        }
        OwnedAnswer::Groups { rows, more } => {
            let next = rows.last().filter(|_| more).map(|last| cursor(&last.name, &last.id.to_string()));
            Told::of(page(call, rows.iter().map(shapes::group).collect(), next))
        }
        OwnedAnswer::Group(row) if op == Op::GroupAdd => made(shapes::group(&row)),
        OwnedAnswer::Group(row) => Told::of(shapes::group(&row)),
        OwnedAnswer::Members { rows, more } => {
            let next = rows.last().filter(|_| more).map(|(id, name)| cursor(name, &id.to_string()));
            let shape =
                |(id, name): &(AccountId, String)| json!({ "guid": id.to_string(), "unix_name": name });
            Told::of(page(call, rows.iter().map(shape).collect(), next))
        }
        OwnedAnswer::Found(found) => {
            let next = found.more.map(|seq| seq.to_string());
            Told::of(page(call, found.records.iter().map(shapes::record).collect(), next))
        }
        OwnedAnswer::Opened(Ok(id)) => made(json!({ "id": id.to_string() })),
        OwnedAnswer::Opened(Err(error)) => {
            tracing::info!(user = call.reader().user.unwrap_or(""), cause = ?error, "session not opened");
            return Err(Refusal::new(StatusCode::CONFLICT, 22, "the session can't be started now"));
        }
        OwnedAnswer::Person(_) => return Err(otherwise()),
    })
}

/// One's own sessions, as this server knows them.
fn sessions(call: &Call<'_>) -> Result<Told, Refusal> {
    let Some(identity) = &call.identity else { return Err(ruled(Rule::SignInFirst)) };
    // The one place that asks nobody: what a key needs for it is judged here.
    if identity.key.as_ref().is_some_and(|keyed| !keyed.key.scopes.has(Scope::Sessions)) {
        return Err(ruled(Rule::Scope));
    }
    let mut all: Vec<_> = call.snapshot.sessions_of(&identity.person).map(|live| &live.session).collect();
    all.sort_by_key(|session| (session.started, session.id));
    Ok(Told::of(Value::Array(all.into_iter().map(shapes::session).collect())))
}

fn ide(call: &Call<'_>, body: &Map<String, Value>) -> Result<Ide, Refusal> {
    let word = needed(body, "ide")?;
    let ide = Ide::from_word(&word).ok_or_else(|| Refusal::value(25, "there is no such IDE"))?;
    match unavailable(call, ide) {
        Some(why) => Err(Refusal::new(StatusCode::FORBIDDEN, 22, &why)),
        None => Ok(ide),
    }
}

fn wanted(of: AccountId, body: &Map<String, Value>) -> Result<NewKeyWish, Refusal> {
    let scopes = texts(body, "scopes")?.join(" ");
    let scopes: Scopes = scopes.parse().map_err(|error| Refusal::value(25, &format!("{error}")))?;
    let days = match body.get("days") {
        None | Some(Value::Null) => None,
        Some(days) => {
            let days = days.as_u64().and_then(|days| u32::try_from(days).ok());
            Some(days.ok_or_else(|| Refusal::value(25, "`days` is a number of days"))?)
        }
    };
    let name = needed(body, "name")?;
    if name.trim().is_empty() {
        return Err(Refusal::value(62, "a key has a name"));
    }
    let (role, sources) = (parsed(body, "role", 112)?, texts(body, "sources")?);
    Ok(NewKeyWish { of: Some(of), name, scopes, role, days, sources })
}

fn search(call: &Call<'_>) -> Result<Search, Refusal> {
    let word = |name| parameter(call, name).unwrap_or_default();
    let before = match parameter(call, "next") {
        Some(text) => Some(text.parse().map_err(|_| Refusal::value(25, "`next` is of no list of records"))?),
        None => None,
    };
    Ok(Search {
        user: word("user"),
        event: word("event"),
        session: word("session"),
        from: word("from"),
        until: word("until"),
        text: word("text"),
        before,
    })
}
