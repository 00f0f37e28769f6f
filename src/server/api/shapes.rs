//! The shapes of things in the interface: accounts, keys, groups, sessions, pages of lists; and values out of bodies.

use portcullis_model::account::Account;
use portcullis_model::key::ApiKey;
use portcullis_model::session::Session;
use portcullis_pages::rfc3339;
use portcullis_wire::identity::GroupRow;
use portcullis_wire::watch::FoundRecord;
use serde_json::{Map, Value, json};

use super::answers::Refusal;
use crate::call::Call;
use crate::forms::query_value;

fn time(milliseconds: u64) -> String {
    rfc3339(milliseconds / 1000)
}

/// As clients of Posit Connect know one.
pub(super) fn user(account: &Account) -> Value {
    json!({
        "guid": account.id.to_string(),
        "username": account.username,
        "unix_name": account.unix.as_str(),
        "first_name": account.profile.first,
        "last_name": account.profile.last,
        "email": account.profile.email,
        "user_role": account.role.word(),
        "provider": account.identity.provider.to_string(),
        "created_time": time(account.created),
        "updated_time": Value::Null,
        "active_time": account.last_sign_in.map(time),
        "confirmed": true,
        "locked": account.locked.is_some(),
    })
}

pub(super) fn key(key: &ApiKey) -> Value {
    json!({
        "id": key.id.as_str(),
        "name": key.name,
        "scopes": key.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>(),
        "role": key.role_cap.word(),
        "sources": key.sources.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "created_time": time(key.created),
        "expires_time": key.until.map(time),
        "last_used_time": key.last_used.map(|(at, _)| time(at)),
        "last_used_from": key.last_used.map(|(_, from)| from.to_string()),
    })
}

pub(super) fn group(row: &GroupRow) -> Value {
    json!({
        "guid": row.id.to_string(),
        "name": row.name,
        "owner_guid": row.owner.map(|owner| owner.to_string()),
        "created_time": time(row.created),
        "members": row.members,
    })
}

pub(super) fn session(session: &Session) -> Value {
    json!({
        "id": session.id.to_string(),
        "ide": session.ide.word(),
        "state": session.state.word(),
        "started_time": rfc3339(session.started),
    })
}

pub(super) fn record(record: &FoundRecord) -> Value {
    json!({
        "id": record.seq.to_string(),
        "time": record.time,
        "user_description": record.user,
        "action": record.event,
        "session": record.session,
        "event_description": record.text,
    })
}

/// A page of a list, and how to get the next.
pub(super) fn page(call: &Call<'_>, results: Vec<Value>, next: Option<String>) -> Value {
    let place = format!("{}{}", call.generation().root, super::PREFIX);
    let path = call.uri.path().strip_prefix(&place).unwrap_or_default();
    let address = |cursor: Option<&String>| {
        let scheme = if call.generation().https() { "https" } else { "http" };
        let first = format!("{scheme}://{}{place}{path}", call.host());
        cursor.map_or_else(|| first.clone(), |cursor| format!("{first}?next={}", escaped(cursor)))
    };
    json!({
        "paging": {
            "cursors": { "previous": null, "next": next },
            "first": address(None),
            "previous": null,
            "next": next.as_ref().map(|cursor| address(Some(cursor))),
            "last": null,
        },
        "results": results,
    })
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A parameter of the address.
pub(super) fn parameter(call: &Call<'_>, name: &str) -> Option<String> {
    call.uri.query().and_then(|query| query_value(query, name)).filter(|value| !value.is_empty())
}

/// How many are wanted: from 1 to `most`.
pub(super) fn limit(call: &Call<'_>, most: u32) -> Result<u32, Refusal> {
    let Some(text) = parameter(call, "limit") else { return Ok(20.min(most)) };
    match text.parse::<u32>() {
        Ok(limit @ 1..=500) => Ok(limit.min(most)),
        _ => Err(Refusal::value(13, "`limit` is a number from 1 to 500")),
    }
}

/// The place behind a name and an id, as [`cursor`] made it.
pub(super) fn after(call: &Call<'_>) -> Result<Option<(String, String)>, Refusal> {
    let Some(text) = parameter(call, "next") else { return Ok(None) };
    let (id, name) = text.split_once('.').ok_or_else(|| Refusal::value(25, "`next` is of no list"))?;
    Ok(Some((name.to_owned(), id.to_owned())))
}

/// The place behind this name and id.
pub(super) fn cursor(name: &str, id: &str) -> String {
    format!("{id}.{name}")
}

/// A text of a body; none where it is left out.
pub(super) fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::value(25, &format!("`{name}` is no text"))),
    }
}

/// One that must be there.
pub(super) fn needed(body: &Map<String, Value>, name: &str) -> Result<String, Refusal> {
    text(body, name)?.ok_or_else(|| Refusal::value(12, &format!("`{name}` is missing")))
}

/// Texts: a list, or one with blanks between.
pub(super) fn texts(body: &Map<String, Value>, name: &str) -> Result<Vec<String>, Refusal> {
    let bad = || Refusal::value(25, &format!("`{name}` is no list of texts"));
    match body.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split_whitespace().map(str::to_owned).collect()),
        Some(Value::Array(all)) => {
            all.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(bad)).collect()
        }
        Some(_) => Err(bad()),
    }
}

/// Something that is written as a text.
pub(super) fn parsed<T: std::str::FromStr>(
    body: &Map<String, Value>,
    name: &str,
    code: u16,
) -> Result<Option<T>, Refusal> {
    let Some(text) = text(body, name)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Refusal::value(code, &format!("`{name}` can't be that")))
}

/// An id of the path.
pub(super) fn id<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::value(3, "the id is malformed"))
}
