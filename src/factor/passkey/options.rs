//! What our page hands to the browser: JSON for `PublicKeyCredential.parseCreationOptionsFromJSON` and
//! `parseRequestOptionsFromJSON`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_model::AccountId;
use serde_json::{Value, json};

use super::challenge::{Challenge, SECONDS};
use super::key::Algorithm;
use super::site::Site;

/// For whom a credential is made.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// The account: random, so that the user handle says nothing about the person.
    pub account: AccountId,
    /// The name typed at sign-in; the authenticator shows it.
    pub user: &'a str,
    /// The name of a page; the authenticator may show it.
    pub display: &'a str,
}

/// Options to enrol a credential; `enrolled` are the ids of those the person has, so that no authenticator makes a second one.
///
/// Not discoverable, since the account is known; verified by PIN or finger, since a key that only needs a touch proves no
/// more than that it was found.
pub fn enrol_options(site: &Site, person: &Person<'_>, challenge: &Challenge, enrolled: &[&[u8]]) -> String {
    let algorithms: Vec<Value> =
        Algorithm::ALL.iter().map(|each| json!({ "type": "public-key", "alg": each.number() })).collect();
    json!({
        "rp": { "id": site.id(), "name": site.name() },
        "user": {
            "id": URL_SAFE_NO_PAD.encode(person.account.as_bytes()),
            "name": person.user,
            "displayName": person.display,
        },
        "challenge": challenge.text(),
        "pubKeyCredParams": algorithms,
        "timeout": SECONDS * 1000,
        "excludeCredentials": descriptors(enrolled),
        "authenticatorSelection": {
            "residentKey": "discouraged",
            "requireResidentKey": false,
            "userVerification": "required",
        },
        "attestation": "none",
    })
    .to_string()
}

/// Options to prove one of the person's credentials, named by their ids.
pub fn prove_options(site: &Site, challenge: &Challenge, enrolled: &[&[u8]]) -> String {
    json!({
        "challenge": challenge.text(),
        "timeout": SECONDS * 1000,
        "rpId": site.id(),
        "allowCredentials": descriptors(enrolled),
        "userVerification": "required",
    })
    .to_string()
}

fn descriptors(ids: &[&[u8]]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(id) })).collect()
}
