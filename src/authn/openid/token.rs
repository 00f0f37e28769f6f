//! The ID token (OpenID Connect Core, 3.1.3.7): signed by whom it says, for us, now, and for this very request.
//!
//! Pure: keys and time are handed in. A token that any check refuses is refused as a whole, and nothing of it is used.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::algorithm::Algorithm;
use super::keys::{Keys, NoKey};

/// Longest token, in bytes; ones with hundreds of groups have about 30 KiB.
pub(super) const TOKEN_MAX: usize = 64 * 1024;
/// By how much clocks may differ, in seconds.
const SKEW: u64 = 60;
/// How old a token may be when it comes, in seconds. It was made for the code that was just swapped; an older one is a copy.
const AGE_MAX: u64 = 600;
/// Longest `sub` (OpenID Connect Core, 2), in characters.
const SUBJECT_MAX: usize = 255;

/// Claims of a token that was checked.
pub(super) type Claims = Map<String, Value>;

/// What a token must say.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    /// Who must have made it, exactly.
    pub(super) issuer: &'a str,
    /// Whom it must be for.
    pub(super) client: &'a str,
    /// Which request it must answer.
    pub(super) nonce: &'a str,
    /// The access token beside it.
    pub(super) access_token: Option<&'a str>,
    /// Since when the person must have proven who they are, in seconds since 1970; none: whenever they did.
    pub(super) proven_since: Option<u64>,
    /// Seconds since 1970.
    pub(super) now: u64,
}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum TokenError {
    /// Longer than [`TOKEN_MAX`].
    #[error("the ID token is longer than {TOKEN_MAX} bytes")]
    TooLong,
    /// Not three fields of the right form.
    #[error("the ID token is malformed")]
    Malformed,
    /// Something else than an ID token, by its own word.
    #[error("the token is no ID token: its type is `{0}`")]
    Type(String),
    /// An extension that must be understood, and isn't (RFC 7515, 4.1.11).
    #[error("the ID token demands an extension")]
    Extension,
    /// An algorithm that isn't on our list.
    #[error("the ID token's algorithm `{0}` is not taken")]
    Algorithm(String),
    /// No key for it.
    #[error("{0}")]
    Key(NoKey),
    /// Not signed by that key.
    #[error("the ID token's signature does not hold")]
    Signature,
    /// A claim that must be there isn't, or is of another kind.
    #[error("the ID token has no `{0}` that can be read")]
    Claim(&'static str),
    /// Made by somebody else.
    #[error("the ID token is another provider's")]
    Issuer,
    /// Made for somebody else.
    #[error("the ID token is for another client")]
    Audience,
    /// Handed out to somebody else.
    #[error("the ID token was issued to another client")]
    Party,
    /// Past its time.
    #[error("the ID token has expired")]
    Expired,
    /// Before its time.
    #[error("the ID token is of the future; compare the clocks")]
    Early,
    /// Made long ago.
    #[error("the ID token is older than {AGE_MAX} seconds")]
    Old,
    /// The person was to prove who they are once more, and didn't: it was the provider's own cookie.
    #[error("the ID token is of a proof before the one that was asked for")]
    NotAnew,
    /// The answer to another request.
    #[error("the ID token answers another request")]
    Nonce,
    /// Another access token's.
    #[error("the ID token belongs to another access token")]
    AccessToken,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// What the token says, when it holds.
pub(super) fn check(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, TokenError> {
    if token.len() > TOKEN_MAX {
        return Err(TokenError::TooLong);
    }
    let mut fields = token.split('.');
    let (Some(head), Some(payload), Some(made), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(TokenError::Malformed);
    };
    let (head_bytes, made) = (decoded(head)?, decoded(made)?);
    let head: Head = serde_json::from_slice(&head_bytes).map_err(|_| TokenError::Malformed)?;
    if let Some(kind) = head.typ.filter(|kind| !kind.eq_ignore_ascii_case("JWT")) {
        return Err(TokenError::Type(shown(&kind)));
    }
    if head.crit.is_some() {
        return Err(TokenError::Extension);
    }
    let algorithm = Algorithm::of(&head.alg).ok_or_else(|| TokenError::Algorithm(shown(&head.alg)))?;
    let key = keys.find(head.kid.as_deref(), algorithm).map_err(TokenError::Key)?;
    // Everything up to the last dot, as it stands.
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    if !key.verifies(algorithm, signed.as_bytes(), &made) {
        return Err(TokenError::Signature);
    }
    let claims: Claims = serde_json::from_slice(&decoded(payload)?).map_err(|_| TokenError::Malformed)?;
    addressed(&claims, expected)?;
    timely(&claims, expected.now)?;
    if let Some(since) = expected.proven_since {
        // Required in an answer to `max_age` (OpenID Connect Core, 2); without it nothing says when it was.
        let at = claims.get("auth_time").and_then(seconds).ok_or(TokenError::Claim("auth_time"))?;
        if at.saturating_add(SKEW) < since {
            return Err(TokenError::NotAnew);
        }
    }
    if claims.get("nonce").and_then(Value::as_str).ok_or(TokenError::Claim("nonce"))? != expected.nonce {
        return Err(TokenError::Nonce);
    }
    if let (Some(said), Some(access_token)) = (claims.get("at_hash"), expected.access_token) {
        let digest = digest::digest(algorithm.hash(), access_token.as_bytes());
        let half = &digest.as_ref()[..digest.as_ref().len() / 2];
        if said.as_str() != Some(URL_SAFE_NO_PAD.encode(half).as_str()) {
            return Err(TokenError::AccessToken);
        }
    }
    subject(&claims).ok_or(TokenError::Claim("sub"))?;
    Ok(claims)
}

/// Whom the provider means, for ever.
pub(super) fn subject(claims: &Claims) -> Option<&str> {
    // Providers that number nobody but name people have other letters in it too; each is another person, byte for byte.
    let fits =
        |sub: &&str| (1..=SUBJECT_MAX).contains(&sub.chars().count()) && !sub.contains(char::is_control);
    claims.get("sub").and_then(Value::as_str).filter(fits)
}

/// By whom, for whom.
fn addressed(claims: &Claims, expected: &Expected<'_>) -> Result<(), TokenError> {
    let text = |name| claims.get(name).and_then(Value::as_str);
    if text("iss").ok_or(TokenError::Claim("iss"))? != expected.issuer {
        return Err(TokenError::Issuer);
    }
    let (ours, others) = match claims.get("aud") {
        Some(Value::String(one)) => (one == expected.client, false),
        Some(Value::Array(several)) => {
            (several.iter().any(|one| one.as_str() == Some(expected.client)), several.len() > 1)
        }
        _ => return Err(TokenError::Claim("aud")),
    };
    if !ours {
        return Err(TokenError::Audience);
    }
    // Who shares a token with others could be handed one that was made for them (3.1.3.7, 3 to 5).
    match claims.get("azp") {
        Some(party) if party.as_str() == Some(expected.client) => Ok(()),
        None if !others => Ok(()),
        _ => Err(TokenError::Party),
    }
}

fn timely(claims: &Claims, now: u64) -> Result<(), TokenError> {
    let time = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(value) => seconds(value).map(Some).ok_or(TokenError::Claim(name)),
    };
    if now >= time("exp")?.ok_or(TokenError::Claim("exp"))?.saturating_add(SKEW) {
        return Err(TokenError::Expired);
    }
    let issued = time("iat")?.ok_or(TokenError::Claim("iat"))?;
    if issued > now + SKEW || time("nbf")?.is_some_and(|from| from > now + SKEW) {
        return Err(TokenError::Early);
    }
    if issued.saturating_add(AGE_MAX) < now { Err(TokenError::Old) } else { Ok(()) }
}

/// A time as RFC 7519 has it: a number, perhaps with a fraction.
fn seconds(value: &Value) -> Option<u64> {
    let whole = |text: String| text.split('.').next().and_then(|text| text.parse().ok());
    value.as_u64().or_else(|| {
        value.as_f64().filter(|at| (0.0..1e12).contains(at)).and_then(|at| whole(format!("{at:.1}")))
    })
}

/// One spelling only: no padding, no stray bits.
fn decoded(field: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(field).map_err(|_| TokenError::Malformed)
}

/// A stranger's word in a message.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests;
