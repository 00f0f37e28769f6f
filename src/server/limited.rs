//! A sign-in that is good for nothing but to enrol a second factor: which places it reaches, and the answer at all others.
//!
//! The launcher holds it to the same: it opens no session and asks for nothing else by such a sign-in. Called by `serve`.

use http::{Method, Response, StatusCode};
use portcullis_proxy::Body;

use crate::answers::Public;
use crate::call::Call;
use crate::routes::Route;

/// Where one enrols.
const ENROL: &str = "/account/factors";

/// Whether a place is reached: one's own account, signing in and out, what pages are made of, and what tells machines how the
/// server is. What of the account may be done by it, the launcher's table of permissions says.
const fn reaches(place: Route<'_>) -> bool {
    match place {
        Route::Account(_)
        | Route::SignIn
        | Route::DoSignIn
        | Route::Continue
        | Route::OpenidBegin
        | Route::OpenidCallback
        | Route::SamlBegin
        | Route::SamlAnswer
        | Route::SamlMetadata
        | Route::Kerberos
        | Route::SignOut
        | Route::Static(_)
        | Route::Health
        | Route::Ready
        | Route::HealthCheck(_)
        | Route::Malformed => true,
        Route::Home
        | Route::Sessions
        | Route::Session(_)
        | Route::Stop(_)
        | Route::Stay(_)
        | Route::Load(_)
        | Route::Events
        | Route::Api(_)
        | Route::Admin(_)
        | Route::IdeBare(_)
        | Route::Ide(..)
        | Route::Unknown => false,
    }
}

/// The answer, where this sign-in doesn't reach the place.
pub(crate) fn answer(call: &Call<'_>, place: Route<'_>) -> Option<Response<Body>> {
    let limited = call.person().is_some_and(|person| person.sign_in.is_limited());
    if !limited || reaches(place) {
        return None;
    }
    if call.html && call.method == Method::GET {
        return Some(call.reader().go(ENROL));
    }
    let id = call.refused(
        "",
        "unknown",
        "factor-required-groups: a second factor is needed, and none is enrolled",
    );
    let public = Public {
        what: Some("Your account needs a second factor before you can go on."),
        todo: Some("Open the page about your account and enrol one."),
        rule: Some("factor-required-groups"),
        ..Public::of(StatusCode::FORBIDDEN)
    };
    Some(call.reader().refuse_as(public, &id))
}

#[cfg(test)]
mod tests {
    use portcullis_model::SessionId;

    use super::*;

    #[test]
    fn nothing_but_the_own_account_is_reached() {
        let id = SessionId::from_bytes([7; 8]);
        for place in [
            Route::Home,
            Route::Sessions,
            Route::Session(id),
            Route::Stop(id),
            Route::Events,
            Route::Api("/v1/user"),
            Route::Ide(id, "/"),
            Route::IdeBare(id),
            Route::Unknown,
        ] {
            assert!(!reaches(place), "{place:?}");
        }
        for place in [Route::Account("/factors"), Route::SignOut, Route::SignIn, Route::Static("x")] {
            assert!(reaches(place), "{place:?}");
        }
    }
}
