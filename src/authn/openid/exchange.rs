//! The token endpoint: a code becomes an ID token (RFC 6749, 4.1.3 and 5; RFC 7636, 4.5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis_model::Secret;
use portcullis_model::proof::Failure;
use serde::Deserialize;
use zeroize::Zeroize as _;

use super::metadata::Naming;
use super::provider::unwell;
use crate::http::Answer;

/// Everything but what RFC 3986 calls unreserved.
pub(super) const FIELD: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Longest error word that is repeated in a log; the words of RFC 6749 are shorter.
const WORD_MAX: usize = 60;

/// What is swapped.
pub(super) struct Code<'a> {
    pub(super) code: &'a Secret,
    pub(super) verifier: &'a Secret,
    pub(super) redirect_uri: &'a str,
}

/// A request as it is sent.
pub(super) struct Request {
    /// For `Authorization: Basic`.
    pub(super) basic: Option<Secret>,
    /// The form.
    pub(super) form: Vec<u8>,
}

/// What came for a code.
pub(super) struct Tokens {
    /// Who it is, by the provider's word.
    pub(super) id_token: String,
    /// For the userinfo endpoint; never kept.
    pub(super) access_token: Option<Secret>,
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, FIELD).to_string()
}

/// The request for a code.
pub(super) fn request(
    code: &Code<'_>,
    client: &str,
    secret: Option<&Secret>,
    naming: Naming,
) -> Result<Request, Failure> {
    let text = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).map_err(|_| Failure::Evidence);
    let mut fields = vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", text(code.code)?),
        ("redirect_uri", code.redirect_uri.to_owned()),
        ("code_verifier", text(code.verifier)?),
    ];
    let mut basic = None;
    match (naming, secret) {
        (Naming::Basic, Some(secret)) => {
            let mut pair = format!("{}:{}", encoded(client), encoded(&text(secret)?));
            basic = Some(Secret::from(STANDARD.encode(&pair)));
            pair.zeroize();
        }
        (Naming::Post, Some(secret)) => {
            fields.push(("client_id", client.to_owned()));
            fields.push(("client_secret", text(secret)?));
        }
        _ => fields.push(("client_id", client.to_owned())),
    }
    let mut form = String::new();
    for (name, mut value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        form.push_str(&encoded(&value));
        value.zeroize();
    }
    Ok(Request { basic, form: form.into_bytes() })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Written {
    id_token: Option<String>,
    access_token: Option<String>,
    error: Option<String>,
}

/// Reads the answer.
pub(super) fn read(answer: &Answer) -> Result<Tokens, Failure> {
    let written: Option<Written> = serde_json::from_slice(&answer.body).ok();
    match (answer.status, written) {
        (200, Some(Written { id_token: Some(id_token), access_token, error: None })) => {
            Ok(Tokens { id_token, access_token: access_token.map(Secret::from) })
        }
        (200, Some(Written { id_token: None, error: None, .. })) => {
            Err(Failure::protocol("the token endpoint gave no ID token; is the scope `openid` allowed?"))
        }
        (status @ (200 | 400..=428 | 430..=499), Some(Written { error: Some(error), .. })) => {
            Err(refused(status, &error))
        }
        (200, _) => Err(Failure::protocol("the token endpoint's answer is not JSON")),
        (status, _) => Err(unwell("the token endpoint", status)),
    }
}

/// What its error means (RFC 6749, 5.2).
fn refused(status: u16, error: &str) -> Failure {
    let word: String = error.chars().take(WORD_MAX).collect();
    match error {
        // Used, expired, another client's, or the verifier is wrong.
        "invalid_grant" => Failure::rejected("the provider does not take the code"),
        "invalid_client" | "unauthorized_client" => {
            Failure::configuration(&format!("the provider does not take our name and secret: {word}"))
        }
        "temporarily_unavailable" => Failure::Unreachable,
        _ => Failure::protocol(&format!("the token endpoint answered {status}: {word}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(naming: Naming, secret: Option<&str>) -> (Option<String>, String) {
        let secret = secret.map(|text| Secret::from(text.to_owned()));
        let (code, verifier) = (Secret::from("a b&c".to_owned()), Secret::from("v".to_owned()));
        let code =
            Code { code: &code, verifier: &verifier, redirect_uri: "https://p.example/openid/callback" };
        let request = request(&code, "cli:ent", secret.as_ref(), naming).expect("a request");
        let basic = request
            .basic
            .map(|basic| String::from_utf8(STANDARD.decode(basic.expose()).expect("base64")).expect("text"));
        (basic, String::from_utf8(request.form).expect("text"))
    }

    #[test]
    fn the_code_is_sent_with_its_verifier() {
        const CODE: &str = "grant_type=authorization_code&code=a%20b%26c\
            &redirect_uri=https%3A%2F%2Fp.example%2Fopenid%2Fcallback&code_verifier=v";
        assert_eq!(form(Naming::Basic, Some("s:+ä")), (Some("cli%3Aent:s%3A%2B%C3%A4".into()), CODE.into()));
        assert_eq!(
            form(Naming::Post, Some("s&t")),
            (None, format!("{CODE}&client_id=cli%3Aent&client_secret=s%26t"))
        );
        assert_eq!(form(Naming::Public, None), (None, format!("{CODE}&client_id=cli%3Aent")));
    }

    #[test]
    fn answers_are_read() {
        let read = |status, body: &str| {
            let answer = Answer { status, kind: "application/json".into(), body: body.as_bytes().to_vec() };
            read(&answer).map(|tokens| (tokens.id_token.clone(), tokens.access_token.is_some()))
        };
        assert_eq!(
            read(200, r#"{"id_token":"a.b.c","access_token":"t","token_type":"Bearer"}"#),
            Ok(("a.b.c".into(), true))
        );
        assert_eq!(read(200, r#"{"id_token":"a.b.c"}"#), Ok(("a.b.c".into(), false)));
        let rejected = Failure::rejected("the provider does not take the code");
        for (status, body, failure) in [
            (400, r#"{"error":"invalid_grant"}"#, rejected.clone()),
            (200, r#"{"error":"invalid_grant","id_token":"a.b.c"}"#, rejected),
            (
                401,
                r#"{"error":"invalid_client"}"#,
                Failure::configuration("the provider does not take our name and secret: invalid_client"),
            ),
            (
                400,
                r#"{"error":"x\u001b[2J"}"#,
                Failure::protocol("the token endpoint answered 400: x\u{1b}[2J"),
            ),
            (400, "", Failure::protocol("the token endpoint answered 400")),
            (500, r#"{"error":"server_error"}"#, Failure::protocol("the token endpoint answered 500")),
            (503, "", Failure::Unreachable),
            (429, r#"{"error":"slow_down"}"#, Failure::Unreachable),
            (302, "", Failure::protocol("the token endpoint answered 302")),
            (200, "<html>", Failure::protocol("the token endpoint's answer is not JSON")),
            (
                200,
                "{}",
                Failure::protocol("the token endpoint gave no ID token; is the scope `openid` allowed?"),
            ),
        ] {
            assert_eq!(read(status, body).err(), Some(failure), "{status} {body}");
        }
    }
}
