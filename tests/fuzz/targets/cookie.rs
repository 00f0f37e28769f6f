//! The sign-in cookie.

use std::sync::LazyLock;

use portcullis_model::cookie::{Claims, Key, KeyRing, NAME_PLAIN};
use portcullis_model::{Secret, SignInId};

use crate::Target;

/// Only what the ring signed is believed.
pub(super) const COOKIE: Target =
    Target { name: "cookie", run: cookie, seeds, words: &["v1.", ".", "A", "=", "-", "_"] };

const CLAIMS: Claims = Claims { sign_in: SignInId::from_bytes([7; 16]), issued: 1, expires: 100 };

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let key = Key::new(Secret::new(vec![9; 32])).expect("a key");
    KeyRing::new(&[key], NAME_PLAIN).expect("a ring")
});

fn cookie(data: &[u8]) {
    let Ok(value) = std::str::from_utf8(data) else { return };
    if let Ok(claims) = RING.verify(value, 50) {
        assert_eq!(claims, CLAIMS, "a forged cookie");
        // One value, one spelling: a second one would pass a list of those that are revoked.
        assert_eq!(value, RING.sign(&claims));
    }
    assert!(RING.verify(value, 100).is_err(), "it is over");
}

fn seeds() -> Vec<Vec<u8>> {
    vec![RING.sign(&CLAIMS).into_bytes()]
}
