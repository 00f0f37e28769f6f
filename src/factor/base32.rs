//! Base32 (RFC 4648, section 6), upper case without padding: what authenticator programs read, and what is typed from paper.

use thiserror::Error;
use zeroize::Zeroizing;

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Why a text is no base32 of the wanted length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Base32Error {
    /// A character that is neither a letter nor a digit from 2 to 7.
    #[error("it has a character that base32 has not")]
    Character,
    /// More or fewer characters than so many bytes take.
    #[error("it has not the length of {0} bytes")]
    Length(usize),
    /// The bits left over at its end are not zero: a second spelling of the same bytes.
    #[error("it ends in bits that mean nothing")]
    Tail,
}

/// The text of these bytes; wiped when dropped.
pub fn encode(bytes: &[u8]) -> Zeroizing<String> {
    // ORDER: the room is made before the first letter, so that no half of a secret stays behind in a buffer given back.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(5) * 8));
    let (mut bits, mut count) = (0_u16, 0_u32);
    for &byte in bytes {
        bits = (bits << 8) | u16::from(byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(letter(bits >> count));
        }
    }
    if count > 0 {
        text.push(letter(bits << (5 - count)));
    }
    text
}

/// Reads exactly `N` bytes. Lower case is taken too; whatever else a person types between is the caller's to remove.
///
/// # Errors
/// See [`Base32Error`].
pub fn decode<const N: usize>(text: &[u8]) -> Result<Zeroizing<[u8; N]>, Base32Error> {
    if text.len() != (N * 8).div_ceil(5) {
        return Err(Base32Error::Length(N));
    }
    let mut bytes = Zeroizing::new([0; N]);
    let (mut bits, mut count, mut at) = (0_u16, 0_u32, 0);
    for &character in text {
        bits = (bits << 5) | value(character)?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes[at] = (bits >> count).to_be_bytes()[1];
            at += 1;
        }
    }
    if bits & ((1 << count) - 1) != 0 { Err(Base32Error::Tail) } else { Ok(bytes) }
}

fn letter(bits: u16) -> char {
    char::from(LETTERS[usize::from(bits & 31)])
}

fn value(character: u8) -> Result<u16, Base32Error> {
    match character {
        b'A'..=b'Z' => Ok(u16::from(character - b'A')),
        b'a'..=b'z' => Ok(u16::from(character - b'a')),
        b'2'..=b'7' => Ok(u16::from(character - b'2') + 26),
        _ => Err(Base32Error::Character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10, without the padding.
    #[test]
    fn the_rfcs_vectors() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(encode(bytes.as_bytes()).as_str(), text);
        }
        assert_eq!(decode::<6>(b"MZXW6YTBOI").expect("six bytes").as_slice(), b"foobar");
        assert_eq!(decode::<4>(b"mzxw6yq").expect("four bytes").as_slice(), b"foob");
    }

    #[test]
    fn there_is_one_spelling_but_for_the_case() {
        assert_eq!(decode::<1>(b"MZ"), Err(Base32Error::Tail));
        assert_eq!(decode::<1>(b"M"), Err(Base32Error::Length(1)));
        assert_eq!(decode::<1>(b"MY="), Err(Base32Error::Length(1)));
        for bad in [b"M0", b"M1", b"M8", b"M-", b"M\xff", b"M\0"] {
            assert_eq!(decode::<1>(bad), Err(Base32Error::Character));
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut bytes = [0_u8; 20];
        for seed in 0..=255_u8 {
            for (at, byte) in (0_u8..).zip(&mut bytes) {
                *byte = seed.wrapping_mul(31).wrapping_add(at.wrapping_mul(seed | 1));
            }
            assert_eq!(*decode::<20>(encode(&bytes).as_bytes()).expect("ours"), bytes);
        }
    }
}
