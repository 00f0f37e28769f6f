//! Where a browser is sent to sign in: the provider's address with everything of the request in it (RFC 6749, 4.1.1).

use percent_encoding::utf8_percent_encode;
use portcullis_model::proof::{CODE_MAX, Failure, Flow};

use super::exchange::FIELD;
use crate::http::{ADDRESS_MAX, Address};

/// Scopes that are always asked for, as Workbench does.
const SCOPES: [&str; 3] = ["openid", "email", "profile"];
/// Length of PKCE's challenge: SHA-256 in base64url (RFC 7636, 4.2).
const CHALLENGE: usize = 43;
/// Least characters of what must not be guessed: 128 bits in base64url.
const UNGUESSABLE: usize = 22;

/// Where browsers come back to, below our own address.
pub const CALLBACK: &str = "/openid/callback";

/// The redirect URI of an installation that people reach at `base`.
pub fn redirect_uri(base: &str) -> String {
    format!("{}{CALLBACK}", base.trim_end_matches('/'))
}

/// The scopes, each once.
fn scopes(further: &[String]) -> String {
    let mut all: Vec<&str> = SCOPES.to_vec();
    for scope in further {
        if !all.contains(&scope.as_str()) {
            all.push(scope);
        }
    }
    all.join(" ")
}

/// The address that a browser is sent to.
///
/// # Errors
/// [`Failure::Evidence`] for a flow that isn't one of ours.
pub(super) fn url(at: &Address, client: &str, further: &[String], flow: &Flow) -> Result<String, Failure> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let secret = |text: &str| (UNGUESSABLE..=CODE_MAX).contains(&text.len()) && plain(text);
    let whole = secret(&flow.state)
        && secret(&flow.nonce)
        && flow.challenge.len() == CHALLENGE
        && plain(&flow.challenge);
    if !whole || flow.redirect_uri.len() > ADDRESS_MAX || !flow.redirect_uri.ends_with(CALLBACK) {
        return Err(Failure::Evidence);
    }
    let scopes = scopes(further);
    let mut url = at.as_str().to_owned();
    let mut fields = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", &flow.redirect_uri),
        ("scope", &scopes),
        ("state", &flow.state),
        ("nonce", &flow.nonce),
        ("code_challenge", &flow.challenge),
        ("code_challenge_method", "S256"),
    ];
    if flow.anew {
        fields.extend([("prompt", "login"), ("max_age", "0")]);
    }
    let mut mark = if at.has_query() { '&' } else { '?' };
    for (name, value) in fields {
        url.push(mark);
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, FIELD));
        mark = '&';
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow {
            state: "s".repeat(22),
            nonce: "n".repeat(22),
            challenge: "c".repeat(43),
            redirect_uri: "https://p.example/x/openid/callback".into(),
            anew: false,
        }
    }

    fn at(text: &str) -> Address {
        Address::parse(text).expect("an address")
    }

    #[test]
    fn a_browser_is_sent_with_everything_of_the_request() {
        let sent = url(&at("https://idp.example/auth"), "a&b", &["groups".into(), "email".into()], &flow());
        let expected = format!(
            "https://idp.example/auth?response_type=code&client_id=a%26b\
             &redirect_uri=https%3A%2F%2Fp.example%2Fx%2Fopenid%2Fcallback&scope=openid%20email%20profile%20groups\
             &state={}&nonce={}&code_challenge={}&code_challenge_method=S256",
            "s".repeat(22),
            "n".repeat(22),
            "c".repeat(43)
        );
        assert_eq!(sent, Ok(expected));
        let anew = Flow { anew: true, ..flow() };
        let sent = url(&at("https://idp.example/auth?tenant=1"), "a", &[], &anew).expect("an address");
        assert!(sent.starts_with("https://idp.example/auth?tenant=1&response_type=code&"), "{sent}");
        assert!(sent.ends_with("&prompt=login&max_age=0"), "{sent}");
    }

    #[test]
    fn flows_that_are_not_ours() {
        let changed = |change: fn(&mut Flow)| {
            let mut flow = flow();
            change(&mut flow);
            url(&at("https://idp.example/auth"), "a", &[], &flow)
        };
        let changes: [fn(&mut Flow); 7] = [
            |flow| flow.state = "short".into(),
            |flow| flow.state = "a&b".repeat(10),
            |flow| flow.nonce = String::new(),
            |flow| flow.nonce = "n".repeat(CODE_MAX + 1),
            |flow| flow.challenge = "c".repeat(42),
            |flow| flow.redirect_uri = "https://p.example/elsewhere".into(),
            |flow| flow.redirect_uri = format!("https://{}{CALLBACK}", "p".repeat(ADDRESS_MAX)),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert_eq!(changed(change), Err(Failure::Evidence), "change {number}");
        }
    }

    #[test]
    fn the_way_back_is_below_our_address() {
        assert_eq!(redirect_uri("https://p.example"), "https://p.example/openid/callback");
        assert_eq!(redirect_uri("https://p.example/sub/"), "https://p.example/sub/openid/callback");
    }
}
