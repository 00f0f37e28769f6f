//! An account as people and programs read it.

use portcullis_model::account::Account;
use serde_json::{Value, json};

/// A time in milliseconds since 1970 as RFC 3339, to the second.
pub(super) fn time(millis: u64) -> String {
    crate::exemptions::moment(millis / 1000)
}

/// An account as JSON.
pub(super) fn object(account: &Account) -> Value {
    json!({
        "guid": account.id.to_string(),
        "id": account.number,
        "username": account.username,
        "unix-name": account.unix.as_str(),
        "first-name": account.profile.first,
        "last-name": account.profile.last,
        "email": account.profile.email,
        "role": account.role.word(),
        "role-reason": account.role_reason.to_string(),
        "role-fixed": account.role_fixed,
        "provider": account.identity.provider.to_string(),
        "unique-id": account.identity.unique.to_string(),
        "locked": account.locked.as_ref().map(|lock| json!({ "at": time(lock.at), "by": lock.by })),
        "created": time(account.created),
        "last-sign-in": account.last_sign_in.map(time),
    })
}

/// One account in words, a line each.
pub(super) fn text(account: &Account) -> String {
    let mut out = String::new();
    let mut field = |label: &str, text: &str| {
        if !text.is_empty() {
            crate::layout::field(&mut out, label, &crate::layout::printable(text, 400));
        }
    };
    field("account", account.unix.as_str());
    field("id", &format!("{} ({})", account.number, account.id));
    if account.username != account.unix.as_str() {
        field("signs in as", &account.username);
    }
    field("name", format!("{} {}", account.profile.first, account.profile.last).trim());
    field("email", &account.profile.email);
    field("role", &format!("{}: {}", account.role, account.role_reason));
    field("from", &format!("{} {}", account.identity.provider, account.identity.unique));
    if let Some(lock) = &account.locked {
        field("LOCKED", &format!("since {} by {}", time(lock.at), lock.by));
    }
    field("created", &time(account.created));
    field("last here", &account.last_sign_in.map_or_else(|| "never".to_owned(), time));
    out
}
