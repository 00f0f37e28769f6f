//! Codes on paper, for who lost the phone or the key: ten, each good once.
//!
//! What is kept is a list of digests, and the list without the used one comes out; whoever keeps it replaces the list in the
//! same transaction that lets the person in. The codes themselves are shown once and never kept.

use std::fmt;

use portcullis_model::AccountId;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::base32;

/// Codes of one sheet: enough for years of lost phones, few enough to be written down.
pub const CODES: usize = 10;
/// Random bytes of a code. 80 bits can't be tried through, not even by who has the digests, so that no slow hash is needed.
pub const CODE_BYTES: usize = 10;
/// Most characters of a typed code that are looked at: sixteen, and what people put between them.
pub const TYPED_MAX: usize = 64;

/// Makes the digest one of this purpose: the same bytes hashed for something else are another digest.
const PURPOSE: &[u8] = b"portcullis recovery v1";
/// Letters between two dashes of a shown code.
const GROUP: usize = 4;

/// Why a code is refused. For the audit log; a person is told the same for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecoveryRefused {
    /// Not sixteen letters and digits of base32.
    #[error("a recovery code is 16 letters and digits")]
    Form,
    /// None of those that are left: wrong, or used already.
    #[error("the recovery code is none of those that are left")]
    Unknown,
}

/// Bytes that are no list of digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0} bytes are not a list of at most {CODES} digests")]
pub struct ListError(usize);

/// One code; wiped when dropped, never printed but by [`Code::shown`].
pub struct Code(Zeroizing<[u8; CODE_BYTES]>);

impl Code {
    /// Its text for the page on which it is seen once: `ABCD-EFGH-IJKL-MNOP`.
    pub fn shown(&self) -> Zeroizing<String> {
        let letters = base32::encode(self.0.as_slice());
        let mut text = Zeroizing::new(String::with_capacity(letters.len() * 2));
        for (at, letter) in letters.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }

    /// What is kept of it.
    pub fn digest(&self, account: AccountId) -> Digest {
        digest(account, &self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What is kept of a code: SHA-256 of the purpose, the account and the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// A new sheet of these random bytes.
pub fn sheet(random: &[[u8; CODE_BYTES]; CODES]) -> [Code; CODES] {
    random.map(|bytes| Code(Zeroizing::new(bytes)))
}

/// Checks a typed code against the digests that are left, and gives those that are left after it.
///
/// # Errors
/// See [`RecoveryRefused`]. All digests are looked at, in constant time.
pub fn spend(account: AccountId, typed: &str, left: &[Digest]) -> Result<Vec<Digest>, RecoveryRefused> {
    let code = read(typed).ok_or(RecoveryRefused::Form)?;
    let wanted = digest(account, &code);
    let mut right = Choice::from(0);
    let mut after = Vec::with_capacity(left.len());
    for kept in left {
        let equal = kept.0.ct_eq(&wanted.0);
        right |= equal;
        if !bool::from(equal) {
            after.push(*kept);
        }
    }
    if bool::from(right) { Ok(after) } else { Err(RecoveryRefused::Unknown) }
}

/// The digests as bytes to be sealed.
pub fn pack(digests: &[Digest]) -> Vec<u8> {
    digests.iter().flat_map(|digest| digest.0).collect()
}

/// Reads what [`pack`] wrote.
///
/// # Errors
/// [`ListError`] for bytes that are no whole number of digests, or more than a sheet has.
pub fn unpack(bytes: &[u8]) -> Result<Vec<Digest>, ListError> {
    if bytes.len() % 32 != 0 || bytes.len() > 32 * CODES {
        return Err(ListError(bytes.len()));
    }
    let one = |bytes: &[u8]| bytes.try_into().map(Digest).map_err(|_| ListError(bytes.len()));
    bytes.chunks_exact(32).map(one).collect()
}

fn digest(account: AccountId, code: &[u8; CODE_BYTES]) -> Digest {
    // Fixed lengths: no two of (account, code) are the same bytes.
    let hash = Sha256::new().chain_update(PURPOSE).chain_update(account.as_bytes()).chain_update(code);
    Digest(hash.finalize().into())
}

fn read(typed: &str) -> Option<Zeroizing<[u8; CODE_BYTES]>> {
    if typed.len() > TYPED_MAX {
        return None;
    }
    let letters: Zeroizing<Vec<u8>> =
        Zeroizing::new(typed.bytes().filter(|byte| !matches!(byte, b' ' | b'-')).collect());
    base32::decode(&letters).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId::from_bytes([1; 16]);
    const BOB: AccountId = AccountId::from_bytes([2; 16]);

    fn codes() -> [Code; CODES] {
        let mut random = [[0; CODE_BYTES]; CODES];
        for (at, byte) in (0_u8..).zip(random.iter_mut().flatten()) {
            *byte = at.wrapping_mul(37);
        }
        sheet(&random)
    }

    fn digests(account: AccountId) -> Vec<Digest> {
        codes().iter().map(|code| code.digest(account)).collect()
    }

    #[test]
    fn every_code_counts_once_in_any_order() {
        let mut left = digests(ALICE);
        for (used, code) in (1..).zip(codes().iter().rev()) {
            left = spend(ALICE, &code.shown(), &left).expect("a code of the sheet");
            assert_eq!(left.len(), CODES - used);
            assert_eq!(spend(ALICE, &code.shown(), &left), Err(RecoveryRefused::Unknown), "used");
        }
    }

    #[test]
    fn a_code_is_its_account_s_alone() {
        assert_eq!(spend(BOB, &codes()[0].shown(), &digests(ALICE)), Err(RecoveryRefused::Unknown));
        assert_eq!(spend(ALICE, &codes()[0].shown(), &[]), Err(RecoveryRefused::Unknown));
        assert_ne!(codes()[0].digest(ALICE), codes()[0].digest(BOB));
    }

    #[test]
    fn a_code_may_be_typed_as_people_type() {
        let shown = codes()[3].shown();
        assert_eq!(shown.len(), 19, "four groups of four");
        let left = digests(ALICE);
        for typed in
            [shown.to_lowercase(), shown.replace('-', ""), shown.replace('-', " "), format!(" {} ", *shown)]
        {
            assert_eq!(spend(ALICE, &typed, &left).map(|left| left.len()), Ok(CODES - 1), "{typed}");
        }
        for bad in [
            "",
            "ABCD-EFGH-IJKL",
            "ABCD-EFGH-IJKL-MNOP-Q",
            "ABCD-EFGH-IJKL-MN0P",
            "ÄBCD-EFGH-IJKL-MNO",
            &"-".repeat(99_999),
        ] {
            assert_eq!(spend(ALICE, bad, &left), Err(RecoveryRefused::Form), "{bad:.40}");
        }
        assert_eq!(spend(ALICE, "AAAA-AAAA-AAAA-AAAA", &left), Err(RecoveryRefused::Unknown));
    }

    #[test]
    fn the_list_is_read_as_it_was_written() {
        let all = digests(ALICE);
        assert_eq!(unpack(&pack(&all)), Ok(all.clone()));
        assert_eq!(unpack(b""), Ok(Vec::new()));
        assert_eq!(unpack(&[0; 31]), Err(ListError(31)));
        assert_eq!(unpack(&[0; 32 * (CODES + 1)]), Err(ListError(352)));
        assert!(format!("{:?}", codes()[0]) == "[secret]");
    }
}
