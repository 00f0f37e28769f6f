//! Time-based one-time codes (RFC 6238) as every authenticator program makes them.
//!
//! A code counts once: the step it belongs to goes out, is kept, and comes in as `last` the next time. Whoever keeps it does
//! so in the same transaction that lets the person in, so that a code counts once on every machine.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of a key: the length of the hash's output, as RFC 4226 (requirement R6) recommends.
pub const KEY_BYTES: usize = 20;
/// Digits of a code: the programs that ignore `digits` show six.
pub const DIGITS: usize = 6;
/// Seconds for which a code is shown: the default of RFC 6238, and the only one that all programs keep.
pub const STEP_SECONDS: u64 = 30;
/// Steps before and after the present one whose codes are taken: RFC 6238, section 5.2, for clocks that differ and slow hands.
pub const STEPS_AROUND: u64 = 1;
/// Most characters of a typed code that are looked at: six digits, and the spaces that people type between them.
pub const TYPED_MAX: usize = 16;

/// One more than the largest code of [`DIGITS`] digits.
const CODES: u32 = 1_000_000;

/// Why a code is refused. For the audit log; a person is told the same for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TotpRefused {
    /// Not six digits.
    #[error("a code is {DIGITS} digits")]
    Form,
    /// Right, but of a step that was used, or of one before it.
    #[error("the code was used already, or is older than the last one used")]
    Spent,
    /// Not the code of any of the steps around now.
    #[error("the code is wrong")]
    Wrong,
}

/// Bytes that are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a key has {KEY_BYTES} bytes, not {0}")]
pub struct KeyError(usize);

/// The secret that a phone and we share; wiped when dropped, never printed.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl Key {
    /// A key of these random bytes.
    pub fn new(random: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(random))
    }

    /// The key that was kept.
    ///
    /// # Errors
    /// [`KeyError`] when it has another length.
    pub fn kept(bytes: &[u8]) -> Result<Self, KeyError> {
        bytes.try_into().map(Self::new).map_err(|_| KeyError(bytes.len()))
    }

    /// Its bytes, to be sealed or shown once. Named so that each use can be searched for.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The step of a time in seconds since 1970.
pub const fn step(now: u64) -> u64 {
    now / STEP_SECONDS
}

/// The code of a step, with its leading zeros (RFC 4226, section 5.3).
pub fn code(key: &Key, step: u64) -> [u8; DIGITS] {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
    let mut rest = number % CODES;
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
    digits
}

/// Checks a typed code at a time (seconds since 1970). `last` is the last step that was accepted, 0 before the first.
/// Gives the step to be kept as the next `last`.
///
/// # Errors
/// See [`TotpRefused`]. All steps are looked at, in constant time.
pub fn check(key: &Key, typed: &str, now: u64, last: u64) -> Result<u64, TotpRefused> {
    let typed = digits(typed).ok_or(TotpRefused::Form)?;
    let now = step(now);
    let (mut found, mut right) = (0, Choice::from(0));
    // From the oldest: where two steps happen to have one code, the latest is the one that is spent.
    for step in now.saturating_sub(STEPS_AROUND)..=now.saturating_add(STEPS_AROUND) {
        let equal = code(key, step).ct_eq(&typed);
        found.conditional_assign(&step, equal);
        right |= equal;
    }
    if !bool::from(right) {
        return Err(TotpRefused::Wrong);
    }
    if found <= last { Err(TotpRefused::Spent) } else { Ok(found) }
}

fn digits(typed: &str) -> Option<[u8; DIGITS]> {
    if typed.len() > TYPED_MAX {
        return None;
    }
    let mut found = [0; DIGITS];
    let mut count = 0;
    for byte in typed.bytes().filter(|&byte| byte != b' ') {
        *found.get_mut(count).filter(|_| byte.is_ascii_digit())? = byte;
        count += 1;
    }
    (count == DIGITS).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(*b"12345678901234567890")
    }

    fn text(step: u64) -> String {
        String::from_utf8(code(&key(), step).to_vec()).expect("digits")
    }

    /// RFC 4226, appendix D.
    #[test]
    fn the_vectors_of_rfc_4226() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (step, expected) in (0..).zip(codes) {
            assert_eq!(text(step), expected);
        }
    }

    /// RFC 6238, appendix B, the rows of SHA-1: of its eight digits the last six.
    #[test]
    fn the_vectors_of_rfc_6238() {
        for (seconds, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(text(step(seconds)), eight[2..]);
            assert_eq!(check(&key(), &eight[2..], seconds, 0), Ok(step(seconds)));
        }
    }

    #[test]
    fn a_code_counts_for_the_steps_around_now_and_no_others() {
        let now = 1_234_567_890;
        for away in -5_i64..=5 {
            let typed = text(step(now).checked_add_signed(away).expect("a step"));
            let expected = match away {
                -1..=1 => Ok(step(now).checked_add_signed(away).expect("a step")),
                _ => Err(TotpRefused::Wrong),
            };
            assert_eq!(check(&key(), &typed, now, 0), expected, "{away}");
        }
    }

    #[test]
    fn a_code_counts_once_and_earlier_ones_no_more() {
        let now = 1_234_567_890;
        let last = check(&key(), &text(step(now)), now, 0).expect("the code");
        assert_eq!(check(&key(), &text(step(now)), now, last), Err(TotpRefused::Spent));
        assert_eq!(check(&key(), &text(step(now) - 1), now, last), Err(TotpRefused::Spent));
        assert_eq!(check(&key(), &text(step(now) + 1), now, last), Ok(last + 1));
    }

    #[test]
    fn a_code_is_six_digits_and_spaces_are_not_looked_at() {
        let now = 59;
        assert_eq!(check(&key(), " 287 082 ", now, 0), Ok(1));
        for bad in
            ["", "28708", "2870821", "28708a", "２８７０８２", "+87082", "-87082", "287082\n", "287082\0"]
        {
            assert_eq!(check(&key(), bad, now, 0), Err(TotpRefused::Form), "{bad:?}");
        }
        assert_eq!(check(&key(), &" ".repeat(100_000), now, 0), Err(TotpRefused::Form));
        assert_eq!(check(&key(), "287083", now, 0), Err(TotpRefused::Wrong));
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        assert_eq!(check(&key(), "755224", 0, 0), Err(TotpRefused::Spent), "step 0 is kept as `none yet`");
        assert!(check(&key(), "000000", u64::MAX, 0).is_err());
    }

    #[test]
    fn a_key_is_twenty_bytes_and_prints_nothing() {
        assert_eq!(Key::kept(&[1; 19]).map(|_| ()), Err(KeyError(19)));
        assert_eq!(Key::kept(&[1; 20]).expect("a key").expose(), &[1; 20]);
        assert_eq!(format!("{:?}", key()), "[secret]");
    }
}
