//! Pages that a script of an IDE must neither read nor press: answered to a tab of their own, with a token in each form.
//!
//! An IDE's page has the same origin as ours, and may show what others wrote. Browsers say by fetch metadata what a request is for;
//! they do so by TLS (or at localhost) only. Programs say nothing of it. Called by `administration` and `account`.

use http::header::{HeaderMap, HeaderName};
use http::{Response, StatusCode};
use portcullis_model::SignInId;
use portcullis_model::cookie::Claims;
use portcullis_proxy::Body;

use crate::answers::Public;
use crate::call::Call;

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// For so long a form may be left open.
const FORM_LIVES: u64 = 3600;

/// Whether a browser opens a tab by this.
pub(crate) fn is_a_tab(headers: &HeaderMap) -> bool {
    let is = |name: &HeaderName, word: &str| {
        headers.get(name).is_none_or(|value| value.as_bytes() == word.as_bytes())
    };
    is(&SEC_FETCH_DEST, "document") && is(&SEC_FETCH_MODE, "navigate")
}

/// The answer to what is no tab. `what` names the pages: "Pages for administrators".
pub(crate) fn no_tab(call: &Call<'_>, capability: &str, what: &str) -> Response<Body> {
    let id = call.refused("", capability, "these pages are opened in a tab of their own");
    let what = format!("{what} are answered to a tab of their own only.");
    let public = Public {
        what: Some(&what),
        why: Some("A page inside of an IDE could read them or act in your name otherwise."),
        ..Public::of(StatusCode::FORBIDDEN)
    };
    call.reader().refuse_as(public, &id)
}

/// What stands in a form: good for this sign-in, for a while.
pub(crate) fn token(call: &Call<'_>, sign_in: SignInId) -> String {
    let claims = Claims { sign_in, issued: call.now, expires: call.now + FORM_LIVES };
    call.generation().forms.sign(&claims)
}

/// Whether that is one of this sign-in's.
pub(crate) fn is_token(call: &Call<'_>, sign_in: SignInId, token: &str) -> bool {
    call.generation().forms.verify(token, call.now).is_ok_and(|claims| claims.sign_in == sign_in)
}

/// The answer to a form without it.
pub(crate) fn no_token(call: &Call<'_>, capability: &str) -> Response<Body> {
    let id = call.refused("", capability, "a form without the token of its page");
    let public = Public {
        what: Some("This form is not one of these pages, or was open for too long."),
        todo: Some("Open the page again and press once more."),
        ..Public::of(StatusCode::FORBIDDEN)
    };
    call.reader().refuse_as(public, &id)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_a_script_may_cause_is_no_tab() {
        let is_a_tab = |dest: &'static str, mode: &'static str| {
            let pair = [(SEC_FETCH_DEST, dest), (SEC_FETCH_MODE, mode)];
            is_a_tab(&pair.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect())
        };
        assert!(is_a_tab("document", "navigate") && super::is_a_tab(&HeaderMap::new()));
        for (dest, mode) in [
            ("empty", "cors"),
            ("empty", "same-origin"),
            ("iframe", "navigate"),
            ("document", "cors"),
            ("object", "navigate"),
        ] {
            assert!(!is_a_tab(dest, mode), "{dest} {mode}");
        }
    }
}
