//! The challenge of one ceremony: it counts once, and not for long.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::refused::Refused;

/// Random bytes of a challenge: twice the 16 that the specification (section 13.4.3) asks for at least.
pub const CHALLENGE_BYTES: usize = 32;
/// Seconds for which it counts, and which the browser is told: the least of what the specification recommends where a person
/// has to verify themselves (section 15.1); there is a key to be found and a PIN to be remembered.
pub const SECONDS: u64 = 300;

/// A challenge. It can't be copied: verifying an answer takes it, whatever comes of it, so that no answer counts twice.
#[derive(Debug)]
pub struct Challenge {
    random: [u8; CHALLENGE_BYTES],
    made: u64,
}

impl Challenge {
    /// The challenge of these random bytes, made at a time in seconds since 1970.
    pub const fn new(random: [u8; CHALLENGE_BYTES], made: u64) -> Self {
        Self { random, made }
    }

    /// Its text in options and client data.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.random)
    }

    pub(super) fn check(&self, text: &str, now: u64) -> Result<(), Refused> {
        let mut found = [0; CHALLENGE_BYTES];
        let whole = URL_SAFE_NO_PAD.decode_slice(text, &mut found) == Ok(CHALLENGE_BYTES);
        if !whole || !bool::from(found.ct_eq(&self.random)) {
            return Err(Refused::Challenge);
        }
        match now.checked_sub(self.made) {
            Some(age) if age <= SECONDS => Ok(()),
            _ => Err(Refused::Stale),
        }
    }
}
