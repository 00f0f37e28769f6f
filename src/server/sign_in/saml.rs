//! SAML as a browser goes through it: to the provider, and back with an answer that the provider's own page posts here.
//!
//! That post is the one that another site may send: exactly `/saml/acs`, and nothing comes of it without the cookie of a flow that began
//! here, but for providers that may begin themselves. The answer is handed on unread: who parses it isn't this process.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode};
use portcullis_model::Secret;
use portcullis_model::flow::Pending;
use portcullis_model::proof::{Evidence, MethodName, RESPONSE_MAX};
use portcullis_model::sign_in::PublicDenial;
use portcullis_pages::Notice;
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::ToLauncher;

use super::agent::agent;
use super::away::{self, leave, missing};
use super::{denied, form, form_refused, logged, say, target};
use crate::answers::Public;
use crate::call::Call;
use crate::conversations::Begun;
use crate::cookies::{Presented, find};
use crate::forms::Form;

/// Where the provider has answers posted to, below our address: as RStudio Workbench has it.
pub(crate) const ANSWERS: &str = "/saml/acs";
/// Largest form of an answer: base64 of the largest answer in lines of 76, with what of it a form escapes (`+`, `/`, `=` and line ends),
/// and an address of ours.
const FORM_MAX: u64 = 256 * 1024;

/// Base64 as providers write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Our address, as the provider knows it: root's, never a browser's.
fn answers_at(call: &Call<'_>) -> Option<String> {
    let base = call.generation().settings.saml.auth_saml_sp_base_uri.as_deref()?;
    Some(format!("{base}{ANSWERS}"))
}

/// Somebody wants to go to the provider.
pub(crate) async fn begin(call: &Call<'_>) -> Response<Body> {
    if let Some(response) = missing(call, MethodName::Saml) {
        return response;
    }
    let here = call.generation().settings.saml.auth_saml_sso_initiation != "idp";
    match answers_at(call).filter(|_| here) {
        Some(answers_at) => leave(call, MethodName::Saml, answers_at).await,
        None => {
            let why = "people come from the provider (`auth-saml-sso-initiation=idp`)";
            call.reader().refuse(Public::of(StatusCode::NOT_FOUND), why)
        }
    }
}

/// What the provider is told of us.
pub(crate) async fn metadata(call: &Call<'_>) -> Response<Body> {
    if let Some(response) = missing(call, MethodName::Saml) {
        return response;
    }
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return call.reader().wrong_method("GET, HEAD");
    }
    if let Some(why) = away::too_often(call) {
        return call.reader().refuse(Public::of(StatusCode::TOO_MANY_REQUESTS), why);
    }
    let (request, answer) = call.world().descriptions.begin();
    let message = ToLauncher::Describe { request, remote: call.peer, method: MethodName::Saml };
    let asked = async {
        call.world().link.ask(message).await.ok()?;
        answer.await.ok()
    };
    match tokio::time::timeout(away::WITHIN, asked).await.ok().flatten() {
        Some(Ok(document)) => {
            call.reader().answer(StatusCode::OK, "application/samlmetadata+xml", document.into())
        }
        Some(Err((_, id))) => call.reader().refuse_as(Public::of(StatusCode::SERVICE_UNAVAILABLE), &id),
        None => {
            let public = Public::of(StatusCode::SERVICE_UNAVAILABLE);
            call.reader().refuse(public, "the launcher did not say what the provider is told")
        }
    }
}

/// An answer came.
pub(crate) async fn answer(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    if let Some(response) = missing(call, MethodName::Saml) {
        return response;
    }
    if call.method != Method::POST {
        return call.reader().form_only(&call.method, "/auth-sign-in");
    }
    let (head, body) = request.into_parts();
    let form = match Form::read_up_to(&head.headers, body, FORM_MAX).await {
        Ok(form) => form,
        Err(error) => return form_refused(call, &error),
    };
    let mut response = answered(call, &head.headers, form).await;
    // A flow comes back once, whatever came of it.
    call.generation().ways.jar.clear(response.headers_mut());
    response
}

async fn answered(call: &Call<'_>, headers: &HeaderMap, fields: Form) -> Response<Body> {
    let again = |cause: &str| {
        logged(call, cause);
        form(call, StatusCode::OK, &target(call, ""), "", None, Some(Notice::StartAgain))
    };
    let Some(response) = decoded(fields.one("SAMLResponse")) else {
        return again("an answer that is no base64, or too long");
    };
    let Some(recipient) = answers_at(call) else { return again("there is no address for answers") };
    let state = fields.one("RelayState");
    let mut replaces = None;
    let (in_response_to, app_uri, proven_since) = match flow(call, headers, state) {
        Ok(Pending { request: None, .. }) => return again("a flow without a request"),
        Ok(pending) => {
            let proven_since = pending.proven_since();
            replaces = pending.replaces;
            (pending.request, pending.app_uri, proven_since)
        }
        // The launcher's child looks at the same option, and whether the answer names a request after all.
        Err(_) if call.generation().settings.saml.auth_saml_sso_initiation != "sp" => {
            (None, state.to_owned(), None)
        }
        Err(why) => return again(&why),
    };
    let begun = Begun { user: String::new(), app_uri: target(call, &app_uri), stay: false };
    drop(fields);
    let Some((number, turn)) = call.world().conversations.begin(begun.clone(), call.peer, call.now) else {
        return denied(call, &begun, PublicDenial::Busy, &logged(call, "too many sign-ins under way"));
    };
    let evidence = Evidence::Response { response, in_response_to, recipient, proven_since };
    let agent = agent(headers);
    let start = ToLauncher::SignInStart { conversation: number, remote: call.peer, evidence, agent };
    let response = say(call, number, begun, start, turn).await;
    // Its cookie did not come with this post, so that nobody else ends it. Where more is asked, a form of ours brings it.
    if let Some(sign_in) = replaces.filter(|_| response.status() == StatusCode::SEE_OTHER) {
        call.world().link.tell(ToLauncher::SignOut { sign_in });
    }
    response
}

/// The flow of this browser that the answer belongs to.
fn flow(call: &Call<'_>, headers: &HeaderMap, state: &str) -> Result<Pending, String> {
    let ways = &call.generation().ways;
    let pending = match find(headers, ways.jar.name) {
        Presented::One(value) => ways.seal.open(value, call.now).map_err(|why| why.to_string())?,
        Presented::Nothing => return Err("an answer without its flow's cookie".to_owned()),
        Presented::Foreign => return Err("an answer with a foreign cookie".to_owned()),
    };
    pending.comes_back(MethodName::Saml, state).map_err(|why| why.to_string())?;
    Ok(pending)
}

/// The bytes of the form's field; lines are allowed (bindings 3.5.4).
fn decoded(field: &str) -> Option<Secret> {
    let text: Vec<u8> = field.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(text).ok()?;
    (!bytes.is_empty() && bytes.len() <= RESPONSE_MAX).then(|| Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_base64_within_the_limit() {
        let found = |field: &str| decoded(field).map(|secret| secret.expose().to_vec());
        assert_eq!(found("PGEv\r\nPg=="), Some(b"<a/>".to_vec()));
        for wrong in ["", "*", "PGEvPg", "PGEvPg===", "PGEv_g==", "PGEvPh=="] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
        assert!(decoded(&BASE64.encode(vec![b'a'; RESPONSE_MAX])).is_some());
        assert!(decoded(&BASE64.encode(vec![b'a'; RESPONSE_MAX + 1])).is_none());
    }
}
