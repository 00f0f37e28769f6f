//! Kerberos by Negotiate (RFC 4559): asked for on one address, which a person goes to, and nowhere else.
//!
//! A browser that is configured for it shows a ticket there without a question; any other shows the page that comes with the
//! challenge. The token is handed on unread: who examines it isn't this process, which never has the service's key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Response, StatusCode};
use portcullis_model::Secret;
use portcullis_model::proof::{Evidence, MethodName, TOKEN_MAX};
use portcullis_model::sign_in::PublicDenial;
use portcullis_pages::Notice;
use portcullis_proxy::Body;
use portcullis_wire::ToLauncher;

use super::agent::agent;
use super::{denied, form, logged, say, target};
use crate::answers::Public;
use crate::call::Call;
use crate::conversations::Begun;
use crate::forms::query_value;

/// What the browser brings.
#[derive(Debug, PartialEq, Eq)]
enum Brought {
    /// Nothing that concerns us: it is to be asked.
    Nothing,
    /// A token, without base64.
    Token(Vec<u8>),
    /// Something that is none.
    Malformed,
}

/// Reads `Authorization`.
fn brought(headers: &HeaderMap) -> Brought {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let value = match (all.next(), all.next()) {
        (None, _) => return Brought::Nothing,
        (Some(value), None) => value.as_bytes(),
        (Some(_), Some(_)) => return Brought::Malformed,
    };
    let (scheme, rest) = value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
    // Another scheme's (RFC 9110, 11.6.2): something in front of us may have asked for it.
    if !scheme.eq_ignore_ascii_case(b"negotiate") {
        return Brought::Nothing;
    }
    // Four characters for three bytes.
    let text = rest.trim_ascii();
    if text.len() > TOKEN_MAX.div_ceil(3) * 4 {
        return Brought::Malformed;
    }
    match STANDARD.decode(text) {
        Ok(token) if !token.is_empty() && token.len() <= TOKEN_MAX => Brought::Token(token),
        _ => Brought::Malformed,
    }
}

/// Somebody wants to come in by a ticket.
pub(crate) async fn ticket(call: &Call<'_>, headers: &HeaderMap) -> Response<Body> {
    if !call.generation().ways.has(MethodName::Kerberos) {
        return call.reader().refuse(Public::of(StatusCode::NOT_FOUND), "Kerberos is off");
    }
    if call.method != Method::GET {
        return call.reader().wrong_method("GET");
    }
    let wanted = call.uri.query().and_then(|query| query_value(query, "appUri")).unwrap_or_default();
    let app_uri = target(call, &wanted);
    if call.identity.is_some() {
        return call.reader().go_to(&app_uri);
    }
    let begun = Begun { user: String::new(), app_uri, stay: false };
    let token = match brought(headers) {
        Brought::Token(token) => token,
        Brought::Nothing => return challenge(call, &begun),
        Brought::Malformed => {
            let id = logged(call, "`Authorization` is no token of Negotiate, or a too long one");
            return denied(call, &begun, PublicDenial::Refused, &id);
        }
    };
    let Some((number, turn)) = call.world().conversations.begin(begun.clone(), call.peer, call.now) else {
        return denied(call, &begun, PublicDenial::Busy, &logged(call, "too many sign-ins under way"));
    };
    let evidence = Evidence::Ticket { token: Secret::new(token) };
    let agent = agent(headers);
    let start = ToLauncher::SignInStart { conversation: number, remote: call.peer, evidence, agent };
    say(call, number, begun, start, turn).await
}

/// The challenge. Its page is what a browser shows that has no ticket for us: the other ways in, and no second challenge there.
fn challenge(call: &Call<'_>, begun: &Begun) -> Response<Body> {
    let notice = Some(Notice::NoTicket);
    let mut response = form(call, StatusCode::UNAUTHORIZED, &begun.app_uri, "", None, notice);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Negotiate"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Brought {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().expect("a value"));
        }
        brought(&headers)
    }

    #[test]
    fn a_token_is_read_and_nothing_else_is_one() {
        for value in ["Negotiate YWJj", "negotiate YWJj", "NEGOTIATE   YWJj "] {
            assert_eq!(of(&[value]), Brought::Token(b"abc".to_vec()), "{value}");
        }
        for value in ["Basic YWJj", "Bearer YWJj", "Key YWJj", "NegotiateYWJj", "x"] {
            assert_eq!(of(&[value]), Brought::Nothing, "{value}");
        }
        for values in [
            &["Negotiate"][..],
            &["Negotiate "],
            &["Negotiate YWJ"],
            &["Negotiate YW Jj"],
            &["Negotiate YWJj,x"],
            &["Negotiate -_-_"],
            &["Negotiate YWJj", "Negotiate YWJj"],
            &["Negotiate YWJj", "Basic YWJj"],
        ] {
            assert_eq!(of(values), Brought::Malformed, "{values:?}");
        }
        assert_eq!(of(&[]), Brought::Nothing);
    }

    #[test]
    fn the_longest_token_is_taken_and_no_longer_one() {
        let with = |length: usize| of(&[&format!("Negotiate {}", STANDARD.encode(vec![0x60; length]))]);
        assert_eq!(with(TOKEN_MAX), Brought::Token(vec![0x60; TOKEN_MAX]));
        assert_eq!(with(TOKEN_MAX + 1), Brought::Malformed);
        assert_eq!(with(TOKEN_MAX * 2), Brought::Malformed);
    }
}
