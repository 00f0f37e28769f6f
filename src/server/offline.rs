//! While an administrator lets nobody in: which places stay, and the answer at all others.
//!
//! What hangs on sessions and sign-ins is cut when that begins (`state`); from then on nothing reaches a session, and nobody
//! signs in: the launcher refuses that too. Called by `serve`.

use http::header::{HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use portcullis_model::offline::Offline;
use portcullis_pages::OfflinePage;
use portcullis_proxy::Body;

use crate::answers::{Public, Reader};
use crate::routes::Route;

/// Seconds after which a program may try again.
const AGAIN: HeaderValue = HeaderValue::from_static("60");

/// Whether a place is as ever: what tells machines how the server is, what pages are made of, leaving, and the pages for
/// administrators, to whom nobody but those who are signed in already come.
pub(crate) const fn stays(place: Route<'_>) -> bool {
    match place {
        Route::Health
        | Route::Ready
        | Route::HealthCheck(_)
        | Route::Admin(_)
        | Route::Static(_)
        | Route::SignOut
        | Route::Malformed => true,
        Route::Home
        | Route::SignIn
        | Route::DoSignIn
        | Route::Continue
        | Route::OpenidBegin
        | Route::Kerberos
        | Route::OpenidCallback
        | Route::SamlBegin
        | Route::SamlAnswer
        | Route::SamlMetadata
        | Route::Sessions
        | Route::Session(_)
        | Route::Stop(_)
        | Route::Stay(_)
        | Route::Load(_)
        | Route::Events
        | Route::Account(_)
        | Route::Api(_)
        | Route::IdeBare(_)
        | Route::Ide(..)
        | Route::Unknown => false,
    }
}

/// The answer everywhere else. Not logged: every poll of a forgotten tab gets it.
pub(crate) fn answer(reader: &Reader<'_>, offline: &Offline, now: u64) -> Response<Body> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut response = if reader.html {
        reader.page(status, OfflinePage { frame: reader.frame(), offline, now }.html())
    } else {
        let why =
            if offline.message.is_empty() { "the administrator lets nobody in" } else { &offline.message };
        let public = Public {
            what: Some("This server is closed for the moment."),
            why: Some(why),
            ..Public::of(status)
        };
        reader.refuse_as(public, "offline")
    };
    response.headers_mut().insert(RETRY_AFTER, AGAIN);
    response
}

#[cfg(test)]
mod tests {
    use portcullis_model::SessionId;

    use super::*;
    use crate::generation::Generation;

    #[test]
    fn nothing_of_people_stays() {
        let id = SessionId::from_bytes([7; 8]);
        for place in [Route::Home, Route::SignIn, Route::DoSignIn, Route::Continue, Route::Ide(id, "/")] {
            assert!(!stays(place), "{place:?}");
        }
        for place in [Route::Health, Route::Static("x"), Route::SignOut] {
            assert!(stays(place), "{place:?}");
        }
    }

    #[test]
    fn people_and_programs_are_told_why() {
        let generation = Generation::for_tests(&[]);
        let offline = Offline { message: "new disks".into(), since: 100, suspended: false };
        for html in [true, false] {
            let reader = Reader { generation: &generation, user: None, html };
            let response = answer(&reader, &offline, 160);
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], "60");
        }
    }
}
