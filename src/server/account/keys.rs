//! `/account/keys`: one's own API keys, seen, made and ended. A new one's text is on the page that answers its form, and nowhere else.

use http::{Method, Request, Response, StatusCode};
use portcullis_model::account::Role;
use portcullis_model::key::{ApiKey, Scopes};
use portcullis_pages::account::{KeyLine, KeysPage, MadeKey};
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::accounts::{AccountAnswer, Wish};
use portcullis_wire::owned::{NewKeyWish, OwnedAnswer, OwnedWish};

use super::{ask, form, refused};
use crate::answers::Public;
use crate::call::Call;
use crate::forms::{Form, query_value};
use crate::sign_in;
use crate::tab::token;

/// The page, and what is posted to it.
pub(super) async fn answer(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    if call.method == Method::POST {
        return make(call, request).await;
    }
    let said = call.uri.query().and_then(|query| query_value(query, "said"));
    let said = (said.as_deref() == Some("ended")).then_some("That key is over, and what was open by it.");
    page(call, said, None).await
}

async fn page(call: &Call<'_>, said: Option<&str>, made: Option<MadeKey<'_>>) -> Response<Body> {
    let Some(person) = call.person() else { return sign_in::first(call) };
    let keys = match ask(call, Wish::Owned(OwnedWish::Keys { of: None })).await {
        Ok(AccountAnswer::Owned(OwnedAnswer::Keys(keys))) => keys,
        Ok(_) => return refused(call, None),
        // A key that was made is shown, whatever the list's fate.
        Err(_) if made.is_some() => Vec::new(),
        Err(refusal) => return refused(call, refusal),
    };
    let people = &call.generation().settings.people;
    let role = person.sign_in.role;
    let roles: Vec<Role> = Role::ALL.into_iter().filter(|one| *one <= role).rev().collect();
    let keys: Vec<KeyLine> = keys.into_iter().map(line).collect();
    let token = token(call, person.sign_in.id);
    let page = KeysPage {
        frame: call.reader().frame(),
        now: call.now,
        said,
        token: &token,
        keys: &keys,
        made,
        enabled: people.api_keys_enabled,
        max_days: people.api_key_max_days,
        roles: &roles,
    };
    call.reader().page(StatusCode::OK, page.html())
}

fn line(key: ApiKey) -> KeyLine {
    let sources: Vec<String> = key.sources.iter().map(ToString::to_string).collect();
    KeyLine {
        id: key.id.to_string(),
        name: key.name,
        scopes: key.scopes.to_string(),
        role: key.role_cap,
        sources: sources.join(" "),
        created: key.created / 1000,
        until: key.until.map(|until| until / 1000),
        used: key.last_used.map(|(at, from)| (at / 1000, from.to_string())),
    }
}

async fn make(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    let form = match form(call, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let Some(wish) = wanted(&form) else {
        let what = Some("A key needs a name, at least one thing that it may be used for, and whole days.");
        let public = Public { what, ..Public::of(StatusCode::BAD_REQUEST) };
        return call.reader().refuse(public, "a key that can't be");
    };
    match ask(call, Wish::Owned(OwnedWish::KeyCreate(wish))).await {
        Ok(AccountAnswer::Owned(OwnedAnswer::KeyMade { key, text })) => {
            tracing::info!(user = call.reader().user.unwrap_or(""), key = %key.id, "an API key was made");
            let text = zeroize::Zeroizing::new(String::from_utf8_lossy(text.0.expose()).into_owned());
            page(call, None, Some(MadeKey { name: &key.name, text: &text })).await
        }
        Ok(_) => refused(call, None),
        Err(refusal) => refused(call, refusal),
    }
}

fn wanted(form: &Form) -> Option<NewKeyWish> {
    let scopes: Vec<&str> = form.all("scope").collect();
    let scopes: Scopes = scopes.join(" ").parse().ok()?;
    let days = match form.one("days").trim() {
        "" => None,
        days => Some(days.parse().ok()?),
    };
    let role = match form.one("role") {
        "" => None,
        role => Some(role.parse().ok()?),
    };
    let sources = form.one("sources").split([' ', ',']).filter(|text| !text.is_empty()).map(str::to_owned);
    let name = form.one("name").trim().to_owned();
    let whole = !name.is_empty() && !scopes.is_empty();
    whole.then(|| NewKeyWish { of: None, name, scopes, role, days, sources: sources.collect() })
}

/// Ends one.
pub(super) async fn end(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    let form = match form(call, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let Ok(key) = form.one("key").parse() else {
        return call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), "no key's id");
    };
    match ask(call, Wish::Owned(OwnedWish::KeyEnd { of: None, key })).await {
        Ok(AccountAnswer::Owned(OwnedAnswer::Done)) => call.reader().go("/account/keys?said=ended"),
        Ok(_) => refused(call, None),
        Err(refusal) => refused(call, refusal),
    }
}
