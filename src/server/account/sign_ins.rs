//! One's own sign-ins: rows of the page, and ending them.

use http::{Request, Response, StatusCode};
use portcullis_model::SignInId;
use portcullis_pages::SignedOutPage;
use portcullis_pages::account::{Looked, OwnSignIn, PastSignIn};
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::accounts::{AccountAnswer, Own, Past, Wish};

use super::{ask, form, refused};
use crate::answers::Public;
use crate::call::Call;

/// Those that live.
pub(super) fn living(own: &Own) -> Vec<OwnSignIn> {
    let row = |one: &portcullis_wire::accounts::OwnSignIn| OwnSignIn {
        id: one.id.to_string(),
        remote: one.remote.to_string(),
        agent: one.agent.clone(),
        method: one.method,
        since: one.since,
        seen: one.seen,
        until: one.until,
        own: one.own,
        elsewhere: one.elsewhere,
    };
    own.sign_ins.iter().map(row).collect()
}

/// Those that are over.
pub(super) fn over(past: &Past) -> Vec<PastSignIn> {
    let row = |one: &portcullis_wire::accounts::PastSignIn| PastSignIn {
        remote: one.remote.to_string(),
        agent: one.agent.clone(),
        method: one.method.clone(),
        since: one.since,
        ended: one.ended,
        why: one.why,
    };
    past.sign_ins.iter().map(row).collect()
}

/// Who looked.
pub(super) fn looks(past: &Past) -> Vec<Looked> {
    let row = |one: &portcullis_wire::accounts::LookRow| Looked {
        session: one.session.clone(),
        by: one.by.clone(),
        what: one.what.clone(),
        at: one.at,
    };
    past.looks.iter().map(row).collect()
}

/// What was done before the page came: a word of the address, so that nobody writes a sentence into it.
pub(super) fn said(word: &str) -> Option<&'static str> {
    match word {
        "one" => Some("That sign-in is over: its browser has to sign in again."),
        "others" => Some("All your other sign-ins are over."),
        "here" => Some(
            "Your other sign-ins at this machine are over, but not all at other machines: try again in a minute.",
        ),
        "none" => Some("There was no other sign-in to end."),
        _ => None,
    }
}

/// Ends one, all others, or all.
pub(super) async fn end(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    let form = match form(call, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let (wish, said) = match (form.one("which"), form.one("sign-in").parse::<SignInId>()) {
        ("others", Err(_)) => (Wish::EndAllOthers, "others"),
        ("all", Err(_)) => (Wish::EndAll, "all"),
        ("", Ok(id)) => (Wish::EndSignIn(id), "one"),
        _ => return call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), "neither one nor all"),
    };
    let own = call.person().map(|person| person.sign_in.id);
    let ends_own = matches!(wish, Wish::EndAll) || matches!(wish, Wish::EndSignIn(id) if Some(id) == own);
    let user = call.reader().user.unwrap_or_default().to_owned();
    match ask(call, wish).await {
        Ok(AccountAnswer::Ended { sign_ins, whole }) => {
            tracing::info!(%user, sign_ins, whole, peer = %call.peer, "somebody ended sign-ins of their own");
            let said = match (whole, sign_ins) {
                (true, _) if ends_own => return signed_out(call),
                (false, _) => "here",
                (true, 0) => "none",
                (true, _) => said,
            };
            call.reader().go(&format!("/account?said={said}"))
        }
        Ok(_) => refused(call, None),
        Err(refusal) => refused(call, refusal),
    }
}

/// This one is over too.
fn signed_out(call: &Call<'_>) -> Response<Body> {
    let running = call.person().map_or(0, |person| {
        call.snapshot.sessions_of(person).filter(|live| live.session.state.is_live()).count()
    });
    let frame = portcullis_pages::Frame { root: &call.generation().root, user: None };
    let mut response = call.reader().page(StatusCode::OK, SignedOutPage { frame, running }.html());
    call.generation().jar.clear(response.headers_mut());
    response
}
