//! Everybody's accounts: a page of them, and what administrators change. The launcher decides by the table of permissions.

use http::{Request, Response, StatusCode};
use portcullis_model::account::{Account, Role};
use portcullis_model::permission::{Refused, Rule};
use portcullis_model::{AccountId, UserName};
use portcullis_pages::admin::{Tab, UserRow, UsersPage};
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal, Wish};
use portcullis_wire::watch::Look;

use super::act::form;
use super::{failed, frame, query};
use crate::account::{ask, refused};
use crate::answers::Public;
use crate::call::Call;
use crate::tab::token;

/// Some accounts.
pub(super) async fn page(call: &Call<'_>, look: &Look) -> Response<Body> {
    let Some(person) = call.person() else { return failed(call, None) };
    let matching = query(call, "matching").unwrap_or_default();
    let matching: String = matching.trim().chars().take(64).collect();
    let after = query(call, "after").and_then(|after| after.parse().ok()).unwrap_or(0);
    let only_live = query(call, "live-only").is_some();
    let wish = Wish::People { after, locked: !only_live, matching: matching.clone() };
    let (users, more, status, problem) = match ask(call, wish).await {
        Ok(AccountAnswer::People { rows, more }) => (rows, more, StatusCode::OK, None),
        Err(Some(AccountRefusal::Store(_))) | Ok(_) | Err(None) => {
            let problem = "The database of accounts does not answer at the moment.";
            (Vec::new(), false, StatusCode::SERVICE_UNAVAILABLE, Some(problem))
        }
        Err(refusal) => return refused(call, refusal),
    };
    let own = person.sign_in.account;
    let rows: Vec<UserRow> = users.iter().map(|account| row(account, own)).collect();
    let said = query(call, "said").and_then(|word| said(&word));
    let token = token(call, person.sign_in.id);
    let (frame, admin) = frame(call, Tab::Users, look, said);
    let page = UsersPage {
        frame,
        admin,
        token: &token,
        users: &rows,
        matching: &matching,
        only_live,
        more,
        problem,
    };
    call.reader().page(status, page.html())
}

fn row(account: &Account, own: Option<AccountId>) -> UserRow {
    let profile = &account.profile;
    let names = [&profile.first, &profile.last].map(|name| name.as_str()).join(" ");
    let called = if profile.display.is_empty() { names.trim().to_owned() } else { profile.display.clone() };
    let unix: &UserName = &account.unix;
    UserRow {
        id: account.id.to_string(),
        number: account.number,
        username: account.username.clone(),
        unix: unix.to_string(),
        called,
        provider: account.identity.provider.to_string(),
        role: account.role,
        reason: account.role_reason.to_string(),
        locked: account.locked.as_ref().map(|lock| (lock.at / 1000, lock.by.clone())),
        last_sign_in: account.last_sign_in.map(|at| at / 1000),
        own: own == Some(account.id),
    }
}

/// Changes one.
pub(super) async fn act(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    let form = match form(call, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let Ok(who) = form.one("account").parse::<AccountId>() else {
        return call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), "no account");
    };
    let (wish, said) = match (form.one("act"), form.one("role").parse::<Role>()) {
        ("lock", _) => (Wish::Lock(who), "locked"),
        ("unlock", _) => (Wish::Unlock(who), "unlocked"),
        ("role", Ok(role)) => (Wish::SetRole { who, role }, "role"),
        _ => return call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), "no such act"),
    };
    match ask(call, wish).await {
        Ok(AccountAnswer::Changed(account)) => {
            let by = call.reader().user.unwrap_or_default().to_owned();
            tracing::info!(%by, account = %account.unix, act = said, "an administrator changed an account");
            call.reader().go(&format!("/admin/users?said={said}"))
        }
        Ok(_) => refused(call, None),
        // Said again who it is, and back: the act itself is pressed once more, by somebody who is there.
        Err(Some(AccountRefusal::Rule(Refused { rule: Rule::Renew, .. }))) => {
            let root = call.generation().root.as_str();
            call.reader().go(&format!("/auth-sign-in?again=1&appUri={root}/admin/users"))
        }
        Err(refusal) => refused(call, refusal),
    }
}

/// What was done before the page came.
fn said(word: &str) -> Option<&'static str> {
    match word {
        "locked" => Some("The account is locked. Everything of that person ends."),
        "unlocked" => Some("The account is open again."),
        "role" => Some("The role is given."),
        _ => None,
    }
}
