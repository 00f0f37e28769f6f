//! What the browser says it was asked, where: `clientDataJSON` (Web Authentication, section 5.8.1), signed along.

use std::borrow::Cow;

use serde::Deserialize;

use super::challenge::Challenge;
use super::refused::{Refused, cut};
use super::site::Site;

/// Longest client data in bytes: an origin is at most some 260, a challenge 43, and browsers add a sentence or two.
pub(super) const BYTES_MAX: usize = 2048;

/// Which of the two ceremonies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ceremony {
    Enrol,
    Prove,
}

impl Ceremony {
    const fn word(self) -> &'static str {
        match self {
            Self::Enrol => "webauthn.create",
            Self::Prove => "webauthn.get",
        }
    }
}

/// Members that browsers add are let be, as the specification demands; one of these that stands twice is refused by serde.
#[derive(Deserialize)]
struct ClientData<'a> {
    #[serde(borrow, rename = "type")]
    ceremony: Cow<'a, str>,
    #[serde(borrow)]
    challenge: Cow<'a, str>,
    #[serde(borrow)]
    origin: Cow<'a, str>,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: Option<bool>,
    #[serde(borrow, default, rename = "topOrigin")]
    top_origin: Option<Cow<'a, str>>,
}

/// Checks the client data of an answer. Takes the challenge: there is no second try with it.
pub(super) fn check(
    bytes: &[u8],
    ceremony: Ceremony,
    challenge: Challenge,
    now: u64,
    site: &Site,
) -> Result<(), Refused> {
    if bytes.len() > BYTES_MAX {
        return Err(Refused::TooLong { part: "clientDataJSON", limit: BYTES_MAX });
    }
    let data: ClientData<'_> = serde_json::from_slice(bytes).map_err(|_| Refused::ClientData)?;
    if data.ceremony != ceremony.word() {
        return Err(Refused::Ceremony(cut(&data.ceremony)));
    }
    challenge.check(&data.challenge, now)?;
    if data.origin != site.origin() {
        return Err(Refused::Origin(cut(&data.origin)));
    }
    // Our pages are in no frame; a top origin is told of frames alone.
    if data.cross_origin == Some(true) || data.top_origin.is_some() {
        return Err(Refused::CrossOrigin);
    }
    Ok(())
}
