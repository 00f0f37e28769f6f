//! `/account/factors`: one's own second factors, seen, enrolled and removed. Secrets are on the page that answers a form, and nowhere
//! else; what is right and what counts, the launcher and its store say.

use http::{Method, Request, Response, StatusCode};
use portcullis_model::FactorId;
use portcullis_pages::account::{CodesPage, FactorsPage, PasskeyPage, TotpPage};
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal, Wish};
use portcullis_wire::factors::{FactorAnswer, FactorWish, Shown};

use super::{ask, form, refused};
use crate::answers::Public;
use crate::call::Call;
use crate::forms::{Form, query_value};
use crate::sign_in;
use crate::tab::token;

/// Answers one request; `tail` is what follows `/account/factors`.
pub(super) async fn answer(call: &Call<'_>, tail: &str, request: Request<Incoming>) -> Response<Body> {
    if tail.is_empty() && matches!(call.method, Method::GET | Method::HEAD) {
        return page(call).await;
    }
    if !matches!(tail, "/totp" | "/confirm" | "/passkey" | "/passkey/finish" | "/codes" | "/remove") {
        return call.reader().refuse(Public::of(StatusCode::NOT_FOUND), "unknown path");
    }
    if call.method != Method::POST {
        return call.reader().form_only(&call.method, "/account/factors");
    }
    let form = match form(call, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    match tail {
        "/totp" => totp(call, FactorWish::TotpBegin { name: form.one("name").to_owned() }, false).await,
        "/confirm" => confirm(call, &form).await,
        "/passkey" => passkey(call).await,
        "/passkey/finish" => {
            let (name, answer) = (form.one("name").to_owned(), Shown::from(form.one("answer")));
            done(call, FactorWish::PasskeyFinish { name, answer }).await
        }
        "/codes" => done(call, FactorWish::Codes).await,
        _ => match form.one("factor").parse::<FactorId>() {
            Ok(factor) => done(call, FactorWish::Remove { factor }).await,
            Err(_) => no_factor(call),
        },
    }
}

fn no_factor(call: &Call<'_>) -> Response<Body> {
    call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), "no factor's id")
}

async fn tell(call: &Call<'_>, wish: FactorWish) -> Result<FactorAnswer, Option<AccountRefusal>> {
    match ask(call, Wish::Factor(Box::new(wish))).await? {
        AccountAnswer::Factor(answer) => Ok(*answer),
        _ => Err(None),
    }
}

/// The page.
async fn page(call: &Call<'_>) -> Response<Body> {
    let Some(person) = call.person() else { return sign_in::first(call) };
    let seen = match tell(call, FactorWish::Look).await {
        Ok(FactorAnswer::Seen(seen)) => seen,
        Ok(_) => return refused(call, None),
        Err(refusal) => return refused(call, refusal),
    };
    let said = call.uri.query().and_then(|query| query_value(query, "said"));
    let said =
        (said.as_deref() == Some("removed")).then_some("It is removed: nobody is let in by it any more.");
    let token = token(call, person.sign_in.id);
    let page = FactorsPage {
        frame: call.reader().frame(),
        now: call.now,
        said,
        token: &token,
        factors: &seen.lines,
        codes: seen.codes,
        kinds: &seen.kinds,
        required: seen.required,
        limited: seen.limited,
        fresh: seen.fresh,
    };
    call.reader().page(StatusCode::OK, page.html())
}

/// A secret for an authenticator program.
async fn totp(call: &Call<'_>, wish: FactorWish, wrong: bool) -> Response<Body> {
    let Some(person) = call.person() else { return sign_in::first(call) };
    match tell(call, wish).await {
        Ok(FactorAnswer::Totp { factor, address, picture }) => {
            let token = token(call, person.sign_in.id);
            let page = TotpPage {
                frame: call.reader().frame(),
                token: &token,
                factor: &factor.to_string(),
                address: address.expose(),
                picture: picture.expose(),
                wrong,
            };
            call.reader().page(StatusCode::OK, page.html())
        }
        Ok(_) => refused(call, None),
        Err(refusal) => refused(call, refusal),
    }
}

/// The first code of it.
async fn confirm(call: &Call<'_>, form: &Form) -> Response<Body> {
    let Ok(factor) = form.one("factor").parse::<FactorId>() else { return no_factor(call) };
    let code = Shown::from(form.one("code"));
    match tell(call, FactorWish::TotpConfirm { factor, code }).await {
        Ok(answer) => told(call, answer),
        // The same secret once more.
        Err(Some(AccountRefusal::Code)) => totp(call, FactorWish::TotpShow { factor }, true).await,
        Err(refusal) => refused(call, refusal),
    }
}

/// A passkey to be made.
async fn passkey(call: &Call<'_>) -> Response<Body> {
    let Some(person) = call.person() else { return sign_in::first(call) };
    match tell(call, FactorWish::PasskeyBegin).await {
        Ok(FactorAnswer::Passkey { options }) => {
            let token = token(call, person.sign_in.id);
            let page = PasskeyPage { frame: call.reader().frame(), token: &token, options: &options };
            call.reader().page(StatusCode::OK, page.html())
        }
        Ok(_) => refused(call, None),
        Err(refusal) => refused(call, refusal),
    }
}

async fn done(call: &Call<'_>, wish: FactorWish) -> Response<Body> {
    match tell(call, wish).await {
        Ok(answer) => told(call, answer),
        Err(refusal) => refused(call, refusal),
    }
}

/// What was done.
fn told(call: &Call<'_>, answer: FactorAnswer) -> Response<Body> {
    let (enrolled, codes) = match answer {
        FactorAnswer::Enrolled { codes } => (true, codes),
        FactorAnswer::Codes(codes) => (false, codes),
        FactorAnswer::Removed => return call.reader().go("/account/factors?said=removed"),
        FactorAnswer::Seen(_) | FactorAnswer::Totp { .. } | FactorAnswer::Passkey { .. } => {
            return refused(call, None);
        }
    };
    let user = call.reader().user.unwrap_or_default();
    tracing::info!(%user, enrolled, peer = %call.peer, "second factors of somebody are others");
    let codes: Vec<&str> = codes.iter().map(Shown::expose).collect();
    let page = CodesPage { frame: call.reader().frame(), enrolled, codes: &codes };
    call.reader().page(StatusCode::OK, page.html())
}
